"""Times in the forms of the wire: epoch seconds, ISO 8601, RFC 822. Sheet: the Smithy timestampFormat trait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any


def parse(value: Any) -> datetime:
    """An aware time (UTC) from any of the forms; ``ValueError`` if it is none, or not in the years 1 to 9999."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is no time")
    if isinstance(value, int | float):
        return _from_epoch(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no time")
    text = value.strip()
    try:
        return _from_epoch(float(text))
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = parsedate_to_datetime(text)
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def write(value: Any, form: str) -> str:
    time = parse(value).astimezone(UTC)
    match form:
        case "rfc822":
            return format_datetime(time, usegmt=True)
        case "unixTimestamp":
            seconds = round(time.timestamp(), 3)
            return str(int(seconds) if seconds.is_integer() else seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def _from_epoch(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None
