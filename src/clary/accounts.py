"""Accounts of a throw-away server: worlds of their own behind one address, told apart by the key that signs a call.

An account is a whole studio (records, buckets, roles, jobs) in a folder of its own; nothing is shared, so that a test sees
what it made itself and nothing else. Whoever started the server asks for accounts over its standard input, a line each:

    new            answers {"account": "1", "AccessKeyId": ..., "SecretAccessKey": ...}
    end 1          stops the account's jobs, removes all of it and answers {"ended": "1"}

When standard input ends, the server does. Not covered: a form post to S3 names its key in the body; it reaches the server's
first account.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from clary import app
from clary.app import Studio
from clary.data_folder import DataFolder
from clary.jobs.credentials import KIND as CREDENTIALS
from clary.settings import Settings

_KEY = re.compile(rb"(?:Credential=|AWSAccessKeyId=)([A-Za-z0-9]+)")
_TASK = re.compile(r"/_/credentials/([^/]+)")
_REMEMBERED = 4096  # keys
_LAST_WORDS = 5.0  # seconds that tasks are given to end


class Accounts:
    """An ASGI application. ``first`` answers what names no other account's key; ``make`` builds a studio on a folder."""

    def __init__(self, first: Studio, make: Callable[[DataFolder], Studio]) -> None:
        self._first, self._make = first, make
        self._studios: dict[str, Studio] = {}
        self._of_key: dict[str, Studio] = {}
        self._made = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        studio: Studio | None = self._first
        if scope["type"] == "http" and self._studios and (name := _name(scope)):
            studio = self._of_key.get(name)
            if studio is None:
                studio = await run_in_threadpool(self._find, name)
        assert studio is not None
        await studio.gateway(scope, receive, send)

    def new(self) -> dict[str, str]:
        """Make an account; answers its number and the keys of its owner."""
        self._made += 1
        number = str(self._made)
        folder = DataFolder(self._first.folder.path / "accounts" / number)
        # The tunnel is one for all, so its authority is too.
        shutil.copytree(self._first.folder.path / "ca", folder.path / "ca")
        studio = self._make(folder)
        studio.start()
        keys = json.loads((folder.path / "keys.json").read_text())
        self._studios = {**self._studios, number: studio}
        return {"account": number, **keys}

    def end(self, number: str) -> dict[str, str]:
        """Stop an account's jobs and remove all of it; ``KeyError`` if there is none of that number."""
        studio = self._studios[number]
        self._studios = {n: s for n, s in self._studios.items() if n != number}
        self._of_key = {}
        studio.close()
        end_tasks(studio)
        remove(studio.folder.path)
        return {"ended": number}

    def close(self) -> None:
        """End all of them; the first must be closed before."""
        for number in list(self._studios):
            self.end(number)
        end_tasks(self._first)

    def obey(self) -> None:
        """Read commands from standard input until it ends, then end this process as SIGTERM does; in a thread."""

        def run() -> None:
            # Without a buffer, whose lock a thread that waits here would keep until the process has ended.
            with os.fdopen(os.dup(0), "rb", buffering=0) as lines:
                for line in lines:
                    sys.stdout.write(json.dumps(self._do(line.decode().split())) + "\n")
                    sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=run, name="accounts", daemon=True).start()

    def _do(self, words: list[str]) -> dict[str, str]:
        match words:
            case ["new"]:
                return self.new()
            case ["end", number] if number in self._studios:
                return self.end(number)
        return {"error": f"{' '.join(words)!r} is no command: new, or end ACCOUNT with an account that is there"}

    def _find(self, name: str) -> Studio:
        """The studio that knows this key or task; the first if none does."""
        for studio in self._studios.values():
            if studio.keys.find(name) or studio.context.store.get("", CREDENTIALS, name):
                if len(self._of_key) > _REMEMBERED:
                    self._of_key = {}
                self._of_key[name] = studio
                return studio
        return self._first


def serve(settings: Settings, folder: DataFolder, ready: app.Ready, *, commands: bool) -> None:
    """As ``clary.app.serve``, and at the end whatever runs is stopped and the folder is removed.

    ``commands``: obey those of standard input.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # also before and after the serving, which has its own way
    parts: list[Accounts] = []

    def front(first: Studio, make: Callable[[DataFolder], Studio]) -> Accounts:
        parts.append(Accounts(first, make))
        if commands:
            parts[0].obey()
        return parts[0]

    try:
        app.serve(settings, folder, ready, front)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the end is on its way
        for accounts in parts:
            accounts.close()
        remove(folder.path)


def end_tasks(studio: Studio) -> None:
    """End the tasks of a studio that is closed, which would outlive it."""
    tasks = [path.parent for path in (studio.folder.path / "tasks").rglob("task.json")]
    for task in tasks:
        studio.engine.stop(task)
    deadline = time.monotonic() + _LAST_WORDS
    while time.monotonic() < deadline and any(_runs(studio, task) for task in tasks):
        time.sleep(0.02)  # a task of another process tells its end by a file


def remove(folder: Path) -> None:
    """Remove a folder with all in it; for everybody else it is gone at once."""
    aside = folder.with_name(f".{folder.name}.removed")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)  # a task that does not end may still write


def _runs(studio: Studio, task: Path) -> bool:
    found = studio.engine.poll(task)
    return found is not None and found.ended is None and not found.lost


def _name(scope: Scope) -> str:
    """The access key that a request names, or the task whose credentials it asks for; empty if neither."""
    if found := _TASK.match(scope["path"]):
        return unquote(found[1])
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    key = _KEY.search(given) or _KEY.search(unquote(scope["query_string"].decode("latin-1")).encode("latin-1"))
    return key[1].decode() if key else ""
