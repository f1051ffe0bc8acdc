"""SecondaryStatusTransitions: the list of what a training job went through, which clients print as it grows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clary.context import Context

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


def since(transitions: Sequence[Transition], status: str, context: Context) -> float:
    """Seconds since the job last came into this status; 0 if it never did."""
    entered = [entry["StartTime"] for entry in transitions if entry["Status"] == status]
    return (context.now() - datetime.fromisoformat(entered[-1])).total_seconds() if entered else 0.0
