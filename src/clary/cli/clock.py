"""``clary clock``: Clary's time, and moving it, so that what takes hours or weeks can be seen at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from clary.cli import options
from clary.cli.client import ask
from clary.cli.durations import Duration, duration


class _Time(click.ParamType[datetime]):
    """``2027-01-01``, ``2027-01-01T08:30`` (local), or with a zone: ``2027-01-01T08:30Z``."""

    name = "time"

    def convert(
        self, value: str | datetime, parameter: click.Parameter | None, context: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: 2027-01-01, 2027-01-01T08:30 (local), ...T08:30Z", parameter, context)


@click.group(invoke_without_command=True)
@options.data
@click.pass_context
def clock(context: click.Context, data: Path | None) -> None:
    """Show Clary's time, or move it.

    A limit of a day ends in a moment.

    \b
    clary clock                        what time it is here
    clary clock advance 2h             two hours pass: 90s, 30m, 2h, 1d12h, 2w
    clary clock set 2027-01-01T00:00   it is New Year (local time; ...Z for UTC)
    clary clock reset                  the machine's time again

    What follows at once: limits of jobs, waiting and schedules, the lifetimes of temporary keys, S3's lifecycle rules,
    the retention of logs and metrics, deletion windows and rotation of KMS keys, records of feature groups that expire.
    What was due is really done: what a lifecycle or retention rule removes is removed, and reset brings it not back.

    The clock only goes ahead. Reset alone goes back; keys that were issued in the time taken back are void.

    The machine's own clock is not touched, and clients go on by it: requests are signed, presigned addresses and
    certificates end, and running jobs renew their keys by the machine's time, so nothing needs to be told. A program
    inside a job sees the machine's time too, and so does the audit trail, where each move stands as MoveClock.
    """
    context.obj = options.settings(data=data)
    if context.invoked_subcommand is None:
        _show(context)


@clock.command()
@click.argument("by", type=Duration())
@click.pass_context
def advance(context: click.Context, by: timedelta) -> None:
    """Let time pass: 90s, 30m, 2h, 1d12h, 2w."""
    _show(context, advance=str(by.total_seconds()))


@clock.command(name="set")
@click.argument("to", type=_Time())
@click.pass_context
def set_(context: click.Context, to: datetime) -> None:
    """Go ahead to a time: 2027-01-01, or with T08:30.

    2027-01-01T08:30 is local time, 2027-01-01T08:30Z is UTC.
    """
    _show(context, set=to.isoformat())


@clock.command()
@click.pass_context
def reset(context: click.Context) -> None:
    """Go back to the machine's time."""
    _show(context, reset="")


def _show(context: click.Context, **move: str) -> None:
    found = ask(context.obj, "POST" if move else "GET", "clock", **move)
    moment = datetime.fromisoformat(found["time"]).astimezone()
    ahead = f"{duration(found['offset'])} ahead of this machine's clock" if found["offset"] else "this machine's time"
    click.echo(f"{moment:%Y-%m-%d %H:%M:%S %Z} ({ahead})")
