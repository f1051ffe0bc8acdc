"""The pictures of a report that a job left in S3: a page of ``clary.images.pages``, whose panels hold SVG.

They are shown as pictures, never as part of a page: whatever else is in the file does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer
from clary.guarded_buckets import GuardedBuckets

_LARGEST = 8 << 20  # bytes of a report that are looked at
_MOST = 12  # pictures
_PANEL = re.compile(r"<h2>([^<]*)</h2>(<svg\b.*?</svg>)", re.DOTALL)
_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ')
_WIDE = 400.0  # points
# Charts are drawn for a light page: their words and lines are made readable on a dark one, too.
_COLOURS = (
    ":root{color-scheme:light dark}"
    'text[style*="fill: #5f6a63"]{fill:light-dark(#5f6a63,#98a39b)!important}'
    '[style*="stroke: #dfe3db"]{stroke:light-dark(#dfe3db,#2a302c)!important}'
    '[style*="fill: #3f7552"]{fill:light-dark(#3f7552,#7fbf94)!important}'
    '[style*="fill: #6d53a0"]{fill:light-dark(#6d53a0,#b49be0)!important}'
    '[style*="stroke: #3f7552"]{stroke:light-dark(#3f7552,#7fbf94)!important}'
    '[style*="stroke: #6d53a0"]{stroke:light-dark(#6d53a0,#b49be0)!important}'
)
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Picture:
    """``svg``: a whole document."""

    title: str
    svg: str

    @property
    def wide(self) -> bool:
        """Whether its words are legible only where it is drawn large: three of them in a row are too small."""
        found = _VIEW.search(self.svg)
        return found is not None and float(found[1]) > _WIDE


def read(buckets: GuardedBuckets, folder: str) -> tuple[str, Sequence[Picture]]:
    """The report below this folder, ``s3://bucket/…``: its URI and its pictures.

    ("", ()) if there is none, or none that may be read with the rights of ``buckets``.
    """
    try:
        uri = file_of(buckets, folder, "report.html")
        return (uri, pictures(buckets.get_start(uri, _LARGEST).decode("utf-8", "replace"))) if uri else ("", ())
    except ServiceError:
        return "", ()


def file_of(buckets: GuardedBuckets, folder: str, name: str) -> str:
    """The URI of the first object of this name below a folder; "" if there is none, or no folder. ``ServiceError``."""
    if not folder:
        return ""
    found = (entry for entry in buckets.list(folder.rstrip("/") + "/") if entry.key.endswith(f"/{name}"))
    entry = next(found, None)
    return f"s3://{entry.bucket}/{entry.key}" if entry else ""


def pictures(report: str) -> Sequence[Picture]:
    """The panels of a report that are pictures, in their order."""
    found = []
    for title, svg in _PANEL.findall(report)[:_MOST]:
        start = svg.index(">") + 1
        found.append(Picture(unescape(title), f"{svg[:start]}<style>{_COLOURS}</style>{svg[start:]}"))
    return found


def answer(picture: Picture) -> HttpAnswer:
    """What a browser gets: a picture that runs and loads nothing, even where it is opened by itself."""
    headers = {"Content-Type": "image/svg+xml", "Content-Security-Policy": _POLICY}
    return HttpAnswer(200, headers, picture.svg.encode())
