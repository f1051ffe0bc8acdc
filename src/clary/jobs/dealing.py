"""Which part of a channel a host gets, and in which order: standard library only, used by server and feeder alike."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

Share = tuple[int, int]
"""(index from 0, count) of a host among those that share a channel."""

ALL: Share = (0, 1)


def deal(items: Sequence[T], share: Share = ALL, seed: int | None = None, epoch: int = 0) -> Sequence[T]:
    """A host's items of an epoch: all hosts' shares together are ``items``, each once. ``seed``: None keeps the order."""
    index, count = share
    if seed is not None:
        items = list(items)
        random.Random(f"{seed}/{epoch}").shuffle(items)  # noqa: S311 - repeatable, not secret
    return items[index::count]
