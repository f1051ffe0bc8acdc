"""Storing the files of an output's folder: once when its job has ended, or while it runs.

A file goes up while its program runs when it has stayed as it is from one look to the next; when the program has ended
all that differs from what was stored goes up again, so what is stored is then what was written. The program may change the
folder meanwhile: files are opened by their names in folders that are open, never through a link.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from clary.errors import ServiceError
from clary.guarded_buckets import GuardedBuckets

EVERY = 1.0
"""Seconds between two looks at the folders of a job that runs."""

_NO_FILE = {errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EOPNOTSUPP}  # gone meanwhile, a link, a socket (the last two)

_State = tuple[int, int, int]  # of a file: inode, size, time of the last change


class CannotStore(Exception):
    """A file cannot be stored; the message names the object and says why."""


class Uploads:
    """Of one folder to ``uri``, encrypted under ``key`` ("" is none). Remembers what is there already.

    What is remembered is lost with the server; then all of it is stored once more.
    """

    def __init__(self, folder: Path, uri: str, key: str) -> None:
        self._folder, self._uri, self._key = folder, uri, key
        self._seen: dict[str, _State] = {}
        self._stored: dict[str, _State] = {}

    def look(self, buckets: GuardedBuckets) -> None:
        """Store what has not changed since the last look. ``CannotStore``, ``OSError`` if it cannot be read."""
        before, self._seen = self._seen, {}
        for name, state, opened in _files(self._folder):
            self._seen[name] = state
            if before.get(name) == state:
                self._store(buckets, name, state, opened)

    def finish(self, buckets: GuardedBuckets) -> None:
        """Store all that is not there as it is now; raises as ``look`` does."""
        for name, state, opened in _files(self._folder):
            self._store(buckets, name, state, opened)

    def _store(self, buckets: GuardedBuckets, name: str, state: _State, opened: int) -> None:
        if self._stored.get(name) == state:
            return
        uri = f"{self._uri}/{name}"
        try:
            uri.encode()
            buckets.put_file(uri, Path(f"/dev/fd/{opened}"), key=self._key)
        except UnicodeEncodeError:
            raise CannotStore(f"the file {os.fsencode(name)!r} has a name that is not UTF-8, as an S3 key is") from None
        except (ServiceError, OSError) as error:
            raise CannotStore(f"{uri}: {error}") from error
        self._stored[name] = state


def _files(folder: Path) -> Iterator[tuple[str, _State, int]]:
    """The regular files below a folder: the path, how it is, and a descriptor that is open until the next one."""
    for root, folders, names, top in os.fwalk(folder, follow_symlinks=False, onerror=_complain):
        folders.sort()
        for name in sorted(names):
            try:
                opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=top)
            except OSError as error:
                if error.errno not in _NO_FILE:
                    raise
                continue
            try:
                found = os.fstat(opened)
                if stat.S_ISREG(found.st_mode):
                    path = os.path.relpath(os.path.join(root, name), folder)  # noqa: PTH118 - fwalk speaks in texts
                    yield path, (found.st_ino, found.st_size, found.st_mtime_ns), opened
            finally:
                os.close(opened)


def _complain(error: OSError) -> None:
    """A folder that cannot be read is an error, one that is gone meanwhile is none."""
    if not isinstance(error, FileNotFoundError):
        raise error
