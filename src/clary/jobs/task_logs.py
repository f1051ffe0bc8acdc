"""Carrying a task's output into CloudWatch Logs, each line once, also over a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clary.context import Context
from clary.engines.base import LOG

_PIECE = 1 << 20  # bytes read at a time; a line is shorter (the supervisor splits it)

Lines = list[tuple[int, str]]


def carry(
    context: Context,
    directory: Path,
    group: str,
    stream: str,
    seen: Callable[[Lines, tuple[str, int]], None] | None = None,
) -> None:
    """Append what the task of ``directory`` wrote since the last call to a log stream.

    ``seen`` is called with the new lines (epoch milliseconds, text) and the position they end at, before they are
    stored: what it does may be repeated after a crash, so it must be idempotent by that position.
    """
    path, name = directory / LOG, str(directory)
    position = context.logs.position(name)
    try:
        file = path.open("rb")
    except FileNotFoundError:
        context.logs.create_stream(context.region, group, stream)
        return
    with file:
        while True:
            file.seek(position)
            piece = file.read(_PIECE)
            end = piece.rfind(b"\n") + 1
            if end == 0:
                return
            position += end
            lines = [_parse(line) for line in piece[:end].decode("utf-8", "replace").splitlines()]
            if seen is not None:
                seen(lines, (name, position))
            context.logs.append(context.region, group, stream, lines, (name, position))


def _parse(line: str) -> tuple[int, str]:
    stamp, _, text = line.partition(" ")
    return int(stamp), text
