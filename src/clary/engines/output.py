"""``output.log``: what a program writes, as stamped lines of valid UTF-8 that are never torn."""

from __future__ import annotations

import os
import time

_LONGEST = 256 << 10  # bytes of a line of the log; a longer one is split


class Log:
    """``output.log``: stamped lines. A write that fails loses lines and is counted, but never stops the reading.

    ``lost``: bytes that could not be written; the next line that can be says so too. ``error``: why.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._rest = b""
        self.lost, self.error = 0, ""
        self._untold = False

    def feed(self, piece: bytes) -> None:
        """Take what the program wrote; the last, unfinished line waits for its end."""
        whole, newline, rest = (self._rest + piece).rpartition(b"\n")
        if newline:
            self._write(whole)
        while len(rest) > _LONGEST:
            cut = _character_end(rest, _LONGEST)
            self._write(rest[:cut])
            rest = rest[cut:]
        self._rest = rest

    def close(self) -> None:
        if self._rest:
            self._write(self._rest)
        self._rest = b""
        try:
            os.fsync(self._file)
        except OSError as error:
            self.error = self.error or str(error)
        os.close(self._file)

    def _write(self, whole: bytes) -> None:
        """Append lines (joined by newlines, the last one without), long ones split."""
        stamp = b"%d " % (time.time_ns() // 1_000_000)
        if len(whole) > _LONGEST:
            whole = b"\n".join(_split(line) for line in whole.split(b"\n"))
        if self._untold:
            whole = (
                f"clary: output was lost before this line, {self.lost} bytes so far: {self.error}\n".encode() + whole
            )
        if not whole.isascii():
            whole = whole.decode("utf-8", "replace").encode()
        data = stamp + whole.replace(b"\n", b"\n" + stamp) + b"\n"
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
            self._untold = False
        except OSError as error:
            self._cut_back(data, written)
            self.error = str(error)

    def _cut_back(self, data: bytes, written: int) -> None:
        """After a write that broke off: keep the whole lines of it, and no half one."""
        self._untold = True
        kept = data.rfind(b"\n", 0, written) + 1
        self.lost += len(data) - kept
        if written > kept:
            os.ftruncate(self._file, os.fstat(self._file).st_size - (written - kept))


def _split(line: bytes) -> bytes:
    pieces = []
    while len(line) > _LONGEST:
        cut = _character_end(line, _LONGEST)
        pieces.append(line[:cut])
        line = line[cut:]
    return b"\n".join([*pieces, line])


def _character_end(line: bytes, cut: int) -> int:
    """``cut``, or up to three bytes before it, so that no UTF-8 character is torn."""
    for back in range(4):
        if line[cut - back] & 0xC0 != 0x80:
            return cut - back
    return cut
