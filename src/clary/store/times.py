"""Times as the tables hold them: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def time_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_of(time: datetime) -> int:
    return round(time.timestamp() * 1000)
