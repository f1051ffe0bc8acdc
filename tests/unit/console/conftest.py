"""A studio's parts in this process, and browsers that ask its pages without a socket."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.datastructures import Headers

from clary import app
from clary.app import Studio
from clary.console import labellers
from clary.data_folder import DataFolder
from clary.gateway.http import HttpRequest
from clary.labelling.workers import Worker
from clary.settings import Settings

HOST = "127.0.0.1:8780"


class Asker:
    """One browser. ``cookie`` is what it was given."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.cookie = studio, ""

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
        given = {"host": HOST, "cookie": self.cookie, "accept": "text/html", "origin": f"http://{HOST}", **headers}

        async def answered() -> tuple[int, dict[str, str], bytes]:
            where, _, query = path.partition("?")
            request = HttpRequest(method, where, query, Headers(given), stream=_stream(body.encode()))
            answer = await self.studio.console.answer(request)
            assert isinstance(answer.body, bytes)
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body

        status, found, raw = asyncio.run(answered())
        if "set-cookie" in found:
            self.cookie = found["set-cookie"].partition(";")[0]
        return status, found, (gzip.decompress(raw) if found.get("content-encoding") == "gzip" else raw).decode()

    def get(self, path: str, **headers: str) -> str:
        status, _, text = self.ask("GET", path, **headers)
        assert status == 200, text
        return text

    def post(self, path: str, **value: Any) -> tuple[int, dict[str, Any]]:
        """As a script of a page does."""
        status, _, text = self.ask("POST", path, json.dumps(value), accept="application/json")
        return status, json.loads(text)

    def enter(self, secret: str) -> Asker:
        status, _, _ = self.ask("POST", "/_/sign-in", urlencode({"token": secret}))
        assert status == 303
        return self

    def as_worker(self, worker: Worker) -> Asker:
        return self.enter(self.studio.console.sessions.link(worker=labellers.name(worker)))

    def as_owner(self) -> Asker:
        return self.enter(
            self.studio.console.sessions.link(key=self.studio.keys.owner(self.studio.folder.path).access_key)
        )


async def _stream(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = app.build(Settings(data=tmp_path, cache=tmp_path), DataFolder(tmp_path), 8780, 2)
    yield made
    made.close()


@pytest.fixture
def asker(studio: Studio) -> Asker:
    return Asker(studio)
