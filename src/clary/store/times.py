"""Times as the tables hold them: whole milliseconds since 1970."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def time_of(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
