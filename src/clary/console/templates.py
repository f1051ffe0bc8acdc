"""Templates: Jinja's, with everything escaped, and how pages write times, durations, sizes and statuses.

Jinja is imported when a first page asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from clary.console import prose
from clary.console.assets import Assets
from clary.console.page import GROUPS, Page
from clary.console.visit import Visit

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
DASH = "–"
"""What stands where nothing is known."""

_RUN = "Starting Pending InProgress Initializing Stopping Creating Updating Deleting Training Downloading Uploading".split()
_OK = "Completed InService Active Created Succeeded Issued".split()
# What is written of a script that failed, by ``runtime.train``: its last words lie in the midst of it.
_SCRIPT_FAILED = re.compile(
    r'(\w+: )?ExecuteUserScriptError:\s.*?ErrorMessage "(.*?)"\s*(?:ExtraInfo "(.*?)"\s*)?Command "', re.DOTALL
)
# What is written of an endpoint's container that ended, by ``jobs.endpoints``.
_CONTAINER_SAID = re.compile(r"The container ended with exit code \d+ and said: (.*)", re.DOTALL)
_ERROR = re.compile(r"\s*[\w.]*(?:Error|Exception)\b")
_WARN = "Stopped Stopping Interrupted OutOfService Scheduled".split()


class Templates:
    """``pages``: those that the navigation shows. ``foot``: what stands at its end, line by line."""

    def __init__(self, assets: Assets, pages: Sequence[Page], foot: Callable[[], Sequence[str]]) -> None:
        self._assets, self._foot = assets, foot
        self._nav = [page for page in pages if page.nav is not None]

    def render(self, visit: Visit, template: str, values: Mapping[str, Any]) -> str:
        """The text of a page; ``visit``, ``nav``, ``asset`` and ``url`` are known in each."""
        return self._environment.get_template(template).render(
            visit=visit, nav=lambda: self._menu(visit), foot=self._foot, now=visit.context.now(), **values
        )

    def _menu(self, visit: Visit) -> list[tuple[str, list[dict[str, Any]]]]:
        """The groups of the navigation with their pages; the one that is open, or holds it, is current."""
        groups = []
        for group in GROUPS:
            pages = sorted(
                (page for page in self._nav if page.nav and page.nav.group == group),
                key=lambda page: (page.nav.order, page.nav.title) if page.nav else (0, ""),
            )
            rows = [
                {
                    "url": page.path,
                    "title": page.nav.title,
                    "badge": page.nav.badge(visit) if page.nav.badge else "",
                    "current": _is_within(visit.request.path, page.path),
                }
                for page in pages
                if page.nav
            ]
            if rows:
                groups.append((group, rows))
        return groups

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 25 ms, for pages alone

        made = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        made.globals |= {"asset": self._assets.url, "url": url, "DASH": DASH}
        made.filters |= {
            "duration": duration,
            "size": size,
            "number": number,
            "kind": status_kind,
            "iso": iso,
            "moment": moment,
            "gist": gist,
            "host": host,
            "query": urlencode,
            "s3_page": s3_page,
            "prose": prose.html,
            "cell": cell,
        }
        return made


def url(*parts: str, **query: Any) -> str:
    """``url("/_/training-jobs", name, tab="log")``: the first as it is, the others as one part of a path each."""
    path = "/".join([parts[0], *(quote(str(part), safe="") for part in parts[1:])])
    given = {name: value for name, value in query.items() if value not in {None, ""}}
    return f"{path}?{urlencode(given)}" if given else path


def cell(value: Any) -> str:
    """A parameter's or metric's value in a table: numbers short, texts as they are, a dash for none."""
    if value is None:
        return DASH
    try:
        return f"{float(value):.4g}"
    except (TypeError, ValueError):
        return str(value)


def s3_page(uri: str) -> str:
    """The data page of an S3 URI: ``s3://bucket/a/b`` is at ``/_/data/bucket/a/b``; "" if it is no such URI.

    Where browsers would make another path of a key (``a/../b``), it stands in the query.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        return ""
    if {".", ".."} & set(key.split("/")):
        return url("/_/data", bucket, key=key)
    return f"/_/data/{quote(bucket)}/{quote(key)}"


def duration(value: float | timedelta | None) -> str:
    """Seconds in words: ``4 min 12 s``."""
    if value is None:
        return DASH
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def size(count: float | None) -> str:
    """Bytes with their unit, in powers of ten as S3 and disks tell them."""
    if count is None:
        return DASH
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("the last unit takes all")


def number(value: float | None, digits: int = 0) -> str:
    """``1,204``; a dash where it is not known."""
    return DASH if value is None else f"{value:,.{digits}f}"


def status_kind(status: str) -> str:
    """The colour of a status: run, ok, warn or fail."""
    for kind, words in (("run", _RUN), ("ok", _OK), ("warn", _WARN)):
        if status in words:
            return kind
    return "fail" if "Fail" in status else "warn"


def gist(reason: str) -> str:
    """A reason as a row of a list tells it: of a script that failed, the error that it died of without its traceback."""
    if said := _CONTAINER_SAID.search(reason):
        parts = said[1].split(" / ")
        return next((part for part in reversed(parts) if _ERROR.match(part)), parts[-1])
    found = _SCRIPT_FAILED.match(reason)
    if found is None:
        return reason
    lines = [line.strip() for line in found[2].splitlines() if line.strip()]
    return (found[1] or "") + (found[3] or (lines[-1] if lines else "the script failed and wrote no error"))


def host(stream: str) -> str:
    """The host of a stream of a job's log, and which of its logs: ``algo-1`` of ``algo-1-1795703817``, ``i-07e data-log``."""
    return re.sub(r"-\d{10,}(?=/|$)", "", stream).replace("/", " ")


def iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds")


def moment(value: datetime) -> str:
    """The exact time, in the server's zone, for whoever has no scripts; ``console.js`` makes "3 min ago" of it."""
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"


def _is_within(path: str, home: str) -> bool:
    """Whether a page is this one or belongs to it; forms that make one are at ``/_/copies/…``."""
    path = path.replace("/_/copies/", "/_/", 1)
    return path == home or (home != "/_/" and path.startswith(home + "/"))
