"""One SQLite file: one writer thread that groups commits, any number of readers.

What was acknowledged is on the disk: WAL mode with full sync. Writes that wait at the same time share one flush. A file
that is damaged, or cannot be written, is refused as it is when it is opened; before its schema is changed it is copied.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from clary.clock import Clock
from clary.errors import ServiceError
from clary.store import damage, schema
from clary.store.damage import CannotOpen

T = TypeVar("T")

_GROUP = 256  # writes that share a commit at most, so that the first of them does not wait long


@dataclass(eq=False)
class Rider:
    """A small work that goes into the transaction of its caller's next write that succeeds: both are done, or neither.

    ``durable`` tells that it was; after that it rides no more.
    """

    work: Callable[[sqlite3.Connection], None]
    durable: bool = False


riding: ContextVar[Rider | None] = ContextVar("riding", default=None)
"""The rider of whoever runs now."""


class Reader(Protocol):
    """Where one can read, but not write."""

    def read(self) -> contextlib.AbstractContextManager[sqlite3.Connection]: ...


class ReadOnly:
    """Reads the file of a server, whether that runs or not, and never changes it. For one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        self._connection.execute("PRAGMA busy_timeout = 30000")

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        yield self._connection

    def close(self) -> None:
        self._connection.close()


@dataclass
class _Write:
    work: Callable[[sqlite3.Connection], Any]
    after: Callable[[Any], None] | None
    rider: Rider | None
    done: Future[Any] = field(default_factory=Future)


class Database:
    """Opens (or makes) the file and brings its schema up to date, with a copy in ``backups/`` beside it first.

    ``clock``: by which what is written gets its time. ``CannotOpen`` if the file is damaged, cannot be written or was
    made by a newer Clary.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path, self.clock = path, clock or Clock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._closed = False
        try:
            self._writer = self._connect()
            damage.check(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            schema.migrate(self._writer, path)
        except sqlite3.Error as error:
            raise CannotOpen(damage.reason(path, error)) from error
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[sqlite3.Connection], T], after: Callable[[T], None] | None = None) -> T:
        """Run ``work`` in a transaction on the writer's thread; returns when it is durable.

        What it raises undoes it alone and is raised here. ``after`` is called with its result once that is durable,
        on the writer's thread: it must be quick and must not write.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a write inside a write: the writer would wait for itself")
        if self._closed:
            raise RuntimeError("the database is closed")
        item = _Write(work, after, riding.get())
        self._queue.put(item)
        try:
            result: T = item.done.result()
        except sqlite3.Error as error:
            raise damage.told(self.path, error) from error
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """This thread's reader; it sees what is committed."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            with self._readers_lock:
                self._readers.append(connection)
        try:
            yield connection
        except sqlite3.Error as error:
            raise damage.told(self.path, error) from error

    def problem(self) -> str:
        """What is wrong with it now; empty if it can be read and its writer lives."""
        try:
            with self.read() as db:
                db.execute("SELECT count(*) FROM migrations").fetchone()
        except (sqlite3.Error, ServiceError) as error:
            return str(error)
        return "" if self._thread.is_alive() else "its writer has ended; see the server's log"

    def close(self) -> None:
        """Finish what is queued, then close."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()
        self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout = 30000")
        return connection

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            group = [item]
            while len(group) < _GROUP:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._queue.put(None)
                    break
                group.append(following)
            self._commit(group)

    def _commit(self, group: list[_Write]) -> None:
        outcomes: list[tuple[_Write, Any, BaseException | None]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            outcomes.extend((item, *self._attempt(item)) for item in group)
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - told to each of the group: a full disk, and nobody was written
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            for item in group:
                item.done.set_exception(error)
            return
        for item, result, failure in outcomes:
            if failure is not None:
                item.done.set_exception(failure)
                continue
            if item.rider is not None:
                item.rider.durable = True
            if item.after is not None:
                item.after(result)
            item.done.set_result(result)

    def _attempt(self, item: _Write) -> tuple[Any, BaseException | None]:
        self._writer.execute("SAVEPOINT attempt")
        try:
            result = item.work(self._writer)
            if item.rider is not None and not item.rider.durable:
                item.rider.work(self._writer)
        except Exception as error:
            if not self._writer.in_transaction:  # a full disk, found before the commit, undoes the whole group
                raise
            self._writer.execute("ROLLBACK TO attempt")
            self._writer.execute("RELEASE attempt")
            return None, error
        self._writer.execute("RELEASE attempt")
        return result, None
