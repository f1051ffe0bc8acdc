"""The sender of a transform job as a process of its own, beside a container that is a thread here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clary.runtime.http_server import Request, Response, serve


def run(folder: Path, answer: Callable[[Request], Response], files: dict[str, bytes], **job: Any) -> list[str]:
    """What it printed, without the times; ``job`` replaces members of a job that sends lines."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(answer, listener), daemon=True).start()
    (folder / "input").mkdir()
    for number, content in enumerate(files.values()):
        (folder / "input" / str(number)).write_bytes(content)
    plan = {
        "port": listener.getsockname()[1],
        "job": {
            "TransformInput": {"ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {"Accept": "text/csv", "AssembleWith": "Line"},
            "ModelClientConfig": {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0},
            **job,
        },
        "files": [{"number": number, "name": f"bucket/{name}"} for number, name in enumerate(files)],
    }
    (folder / "input/plan.json").write_text(json.dumps(plan))
    environment = {**os.environ, "CLARY_ML": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "clary.runtime.batch"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.partition("[sagemaker logs]: ")[2] for line in done.stdout.splitlines()]


def found(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "output").iterdir() if path.suffix != ".json"}


def failures(folder: Path) -> list[dict[str, str]]:
    told: list[dict[str, str]] = json.loads((folder / "output/failures.json").read_text())
    return told


def upper(request: Request) -> Response:
    if request.path == "/execution-parameters":
        body = b'{"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1}'
        return Response(200, body, "application/json")
    if request.body == b"bad":
        return Response(400, b"no such row\nat all", "text/plain")
    return Response(200, request.body.upper(), "text/csv")


def test_what_the_container_proposes_counts_where_the_job_says_nothing(tmp_path: Path) -> None:
    printed = run(tmp_path, upper, {"a.csv": b"a\nb\nc\n", "b.csv": b"d"})
    assert printed == [
        "MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=SINGLE_RECORD",
        "bucket/a.csv: Records=3, Requests=3",
        "bucket/b.csv: Records=1, Requests=1",
    ]
    assert found(tmp_path) == {"0.out": b"A\nB\nC\n", "1.out": b"D\n"}
    assert failures(tmp_path) == []


def test_a_file_with_a_bad_record_leaves_nothing_and_the_next_ones_are_done(tmp_path: Path) -> None:
    printed = run(tmp_path, upper, {"a": b"x\nbad\ny\n", "b": b"z\n"}, MaxConcurrentTransforms=1)
    assert printed[1:] == [
        "bucket/a: ClientError: record 2: 400",
        "bucket/a: ",
        "bucket/a: Message:",
        "bucket/a: no such row",
        "bucket/a: at all",
        "bucket/b: Records=1, Requests=1",
    ]
    assert found(tmp_path) == {"1.out": b"Z\n"}
    assert failures(tmp_path) == [{"file": "bucket/a", "reason": "ClientError: bucket/a, record 2: 400: no such row"}]


def test_a_container_that_hangs_or_hangs_up_is_told_apart(tmp_path: Path) -> None:
    never = threading.Event()

    def answer(request: Request) -> Response:
        if request.body == b"hang":
            never.wait(30)
        if request.body == b"up":
            raise BrokenPipeError
        return Response(404)

    files = {"hangs": b"hang", "hangs up": b"up"}
    run(tmp_path, answer, files, BatchStrategy="SingleRecord")
    never.set()
    hangs, up = (each["reason"] for each in failures(tmp_path))
    assert hangs.endswith("Model server did not respond to /invocations request within 1 seconds")
    assert up.startswith("AlgorithmError: bucket/hangs up, record 1: Unable to get response from algorithm: ")


def test_a_whole_file_goes_in_chunks_where_payloads_have_no_limit(tmp_path: Path) -> None:
    seen = []

    def answer(request: Request) -> Response:
        seen.append((request.headers.get("transfer-encoding"), len(request.body)))
        return Response(200, b"whole", "text/plain") if request.path == "/invocations" else Response(404)

    size = (3 << 20) + 5
    whole = {"TransformInput": {"SplitType": "None"}, "TransformOutput": {}, "MaxPayloadInMB": 0}
    run(tmp_path, answer, {"large": b"x" * size}, **whole)
    assert seen[-1] == ("chunked", size)
    assert found(tmp_path) == {"0.out": b"whole"}
