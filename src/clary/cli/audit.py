"""``clary audit``: who called what, when, from where, on which resource, with what outcome."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from clary.cli import options
from clary.services.cloudtrail.records import record, time_of
from clary.store.audit_events import AuditEvent, lookup
from clary.store.database import Reader, ReadOnly

_PAUSE = 0.3  # seconds between two looks, while following
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Time(click.ParamType[int]):
    """``15m``, ``2h``, ``7d`` ago, or a time: ``2026-03-01``, ``2026-03-01T08:30`` (local), ``...Z``. In microseconds."""

    name = "time"

    def convert(self, value: str | int, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if ago := _AGO.fullmatch(value):
            moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                self.fail(f"{value!r} is no time: 15m, 2h or 7d (ago), or 2026-03-01T08:30", parameter, context)
        return round(moment.timestamp() * 1_000_000)


@click.command()
@options.data
@click.option("--event", "name", help="The operation, as in PutObject.")
@click.option("--user", "username", help="Who: a user's name, or the name of an assumed role's session.")
@click.option("--key", "access_key", help="The id of the access key that signed.")
@click.option(
    "--resource", "resource_name", help="A resource's name or ARN: a bucket, arn:aws:s3:::bucket/key, a model."
)
@click.option("--service", help="As in s3, sagemaker, iam.")
@click.option("--since", type=_Time(), help="15m, 2h, 7d (ago), or a time like 2026-03-01T08:30.")
@click.option("--until", type=_Time(), help="Before this time.")
@click.option("--errors", is_flag=True, help="Only what was refused or failed.")
@click.option("--changes", is_flag=True, help="Only what is more than reading.")
@click.option("-n", "--last", type=click.IntRange(1), default=50, show_default=True, help="So many of the newest.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes (until Ctrl-C).")
@click.option("--json", "as_json", is_flag=True, help="One CloudTrail record a line.")
def audit(
    data: Path | None,
    service: str | None,
    since: int | None,
    until: int | None,
    *,
    errors: bool,
    changes: bool,
    last: int,
    follow: bool,
    as_json: bool,
    **names: str | None,
) -> None:
    """Print the audit trail: who called what, and the outcome.

    The oldest call comes first; those that were refused are there too.

    It is read from the data folder, so that it can also be read when no server runs.

    \b
    clary audit --since 1d --errors
    clary audit --resource arn:aws:s3:::ward/scan-7.dcm --json
    """
    path = options.settings(data=data).data / "clary.db"
    if not path.exists():
        raise click.ClickException(f"There is no Clary in {path.parent}: name its data folder with --data")
    filters: dict[str, str | int] = {name: value for name, value in names.items() if value is not None}
    if service is not None:
        filters["source"] = f"{service}.amazonaws.com"
    if changes:
        filters["read_only"] = 0
    shown = 0
    for event in _events(ReadOnly(path), filters, since or 0, until or 1 << 62, errors, last, follow):
        click.echo(json.dumps(record(event), ensure_ascii=False) if as_json else _line(event))
        shown += 1
    if not shown:
        click.echo("Nothing in the audit trail meets this.", err=True)


def _events(
    reader: Reader, filters: dict[str, str | int], start: int, end: int, errors: bool, last: int, follow: bool
) -> Iterator[AuditEvent]:
    while True:
        events = lookup(reader, filters, start=start, end=end, only_errors=errors, limit=last)[::-1]
        yield from events
        if not follow:
            return
        if events:
            start, last = events[-1].id + 1, 10_000
        time.sleep(_PAUSE)


def _line(event: AuditEvent) -> str:
    what = f"{event.source.partition('.')[0]}:{event.name}"
    about = " ".join(item.name for item in event.resources[:3]) + (" ..." if len(event.resources) > 3 else "")
    moment = time_of(event).astimezone()
    who, outcome = event.username or event.access_key or "?", event.error or "done"
    return f"{moment:%Y-%m-%d %H:%M:%S}  {who:<12} {event.address:<15} {what:<34} {outcome:<10} {about}".rstrip()
