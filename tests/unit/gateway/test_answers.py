"""Answers with pieces of files, where the server can send them by itself and where it cannot (over TLS)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from clary.gateway.answers import send_answer
from clary.gateway.http import HttpAnswer
from clary.gateway.zero_copy import ZERO_COPY
from clary.objects.base import Slice

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    return path


def sent(answer: HttpAnswer, **given: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        if message["type"] == ZERO_COPY:
            message["data"] = os.pread(message["file"], message["count"], message["offset"])
        messages.append(message)

    asyncio.run(send_answer(answer, send, **given))
    return messages


@pytest.mark.parametrize(("start", "length"), [(0, 3_000_000), (7, 2_500_000), (2_999_999, 1)])
def test_a_piece_of_a_file_is_read_where_the_server_cannot_send_it(file: Path, start: int, length: int) -> None:
    first, *rest = sent(HttpAnswer(206, {}, Slice(file, start, length)))
    assert (b"content-length", str(length).encode()) in first["headers"]
    assert b"".join(message["body"] for message in rest) == CONTENT[start : start + length]
    assert [message["more_body"] for message in rest][-1] is False


def test_a_piece_of_a_file_is_left_to_the_server_where_it_can(file: Path) -> None:
    _, only = sent(HttpAnswer(200, {}, Slice(file, 5, 1000)), zero_copy=True)
    assert only["data"] == CONTENT[5:1005]
    assert not only.get("more_body", False)


def test_head_sends_no_piece(file: Path) -> None:
    first, last = sent(HttpAnswer(200, {}, Slice(file, 0, 1000)), zero_copy=True, head=True)
    assert (b"content-length", b"1000") in first["headers"]
    assert last["body"] == b""
