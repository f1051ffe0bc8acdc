"""SecondaryStatusTransitions: the list of what a training job went through, which clients print as it grows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

Transition = dict[str, Any]


def moved(
    transitions: Sequence[Transition], status: str, message: str, now: datetime, *, ended: bool = False
) -> list[Transition]:
    """With ``status`` as the last entry; its message is replaced where it is the last one already.

    ``ended``: whether nothing comes after it, so that it ends too.
    """
    *earlier, last = transitions
    if last["Status"] == status:
        last = {**last, "StatusMessage": message}
    else:
        earlier = [*earlier, {**last, "EndTime": now}]
        last = {"Status": status, "StartTime": now, "StatusMessage": message}
    return [*earlier, {**last, "EndTime": now} if ended else last]


def spent(transitions: Sequence[Transition], statuses: Collection[str], now: datetime) -> float:
    """Seconds in these statuses, all times together, until ``now``."""
    return sum(
        (_moment(entry.get("EndTime", now)) - _moment(entry["StartTime"])).total_seconds()
        for entry in transitions
        if entry["Status"] in statuses
    )


def _moment(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
