"""Carrying a task's output into CloudWatch Logs, each line once, also over a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from clary.context import Context
from clary.engines.base import LOG

_PIECE = 1 << 20  # bytes read at a time; a line is shorter (the supervisor splits it)

Lines = list[tuple[int, str]]
"""(epoch milliseconds, text)"""

Also = Callable[[Lines], Callable[[sqlite3.Connection], None] | None]
"""Sees new lines and may return what else to write for them, in the same transaction."""


def nothing(_: Lines) -> None:
    return None


def carry(
    context: Context,
    directory: Path,
    group: str,
    stream: str,
    also: Also = nothing,
) -> None:
    """Append what the task of ``directory`` wrote since the last call to a log stream."""
    path, name = directory / LOG, str(directory)
    position = context.logs.position(name)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while True:
            file.seek(position)
            piece = file.read(_PIECE)
            end = piece.rfind(b"\n") + 1
            if end == 0:
                return
            position += end
            lines = [_parse(line) for line in piece[:end].decode("utf-8", "replace").split("\n")[:-1]]
            if context.clock.moves:
                lines = [(context.clock.of(at), text) for at, text in lines]
            context.logs.append(context.region, group, stream, lines, (name, position), also(lines))


def last(directory: Path, most: int = 600) -> str:
    """The end of what the task wrote, in one line: for the reason of a failure."""
    try:
        lines = (directory / LOG).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "nothing"
    return " / ".join(line.partition(" ")[2].strip() for line in lines[-8:])[-most:] or "nothing"


def _parse(line: str) -> tuple[int, str]:
    stamp, _, text = line.partition(" ")
    return int(stamp), text
