"""Run as ``python -m clary.runtime.batch``: takes the files of one instance through its model, and tells how each went.

``/opt/ml/input/plan.json`` says what to do (see ``Plan``). File n is ``/opt/ml/input/n``; its answers are
``/opt/ml/output/n.out`` once they are whole. A file that fails has none, and the others go on. At the end
``/opt/ml/output/failures.json`` holds a list of ``{"file": bucket/key, "reason": ...}``. What it prints is the job's
data-log, in AWS's words.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clary.formats.json_path import NotThere
from clary.formats.recordio import BrokenRecord as BrokenRecordIO
from clary.formats.tfrecord import BrokenRecord as BrokenTFRecord
from clary.runtime import contract
from clary.runtime.batch import records
from clary.runtime.batch.files import CannotRead, File, Output, opened
from clary.runtime.batch.invocations import Answer, Invocations, ModelFailed
from clary.runtime.batch.processing import CannotProcess, Processing
from clary.runtime.batch.records import Request, TooLarge

_INPUT, _OUTPUT = contract.ML / "input", contract.ML / "output"
_MEGABYTE = 1 << 20
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


@dataclass(frozen=True)
class Plan:
    """``job`` holds members of CreateTransformJob under their own names; ``port`` is where the container answers."""

    port: int
    job: dict[str, Any]
    files: list[File]

    @classmethod
    def read(cls, path: Path) -> Plan:
        found = json.loads(path.read_text())
        return cls(found["port"], found["job"], [File(**each) for each in found["files"]])


class Transform:
    def __init__(self, plan: Plan) -> None:
        job, given = plan.job, plan.job["TransformInput"]
        output, client = job["TransformOutput"], job.get("ModelClientConfig", {})
        self._files = plan.files
        self._split = given.get("SplitType", "None")
        self._unzip = given.get("CompressionType") == "Gzip"
        self._lines = output.get("AssembleWith") == "Line"
        content, accept = given.get("ContentType", ""), output.get("Accept", "")
        identify = job.get("DataCaptureConfig", {}).get("GenerateInferenceId", False)
        processing = job.get("DataProcessing", {})
        self._processing = Processing.of(processing, content, accept, self._split, identify=identify)
        self._invocations = Invocations(
            plan.port,
            {name: value for name, value in (("Content-Type", content), ("Accept", accept)) if value},
            client.get("InvocationsTimeoutInSeconds", 600),
            client.get("InvocationsMaxRetries", 3),
            chunked=job.get("MaxPayloadInMB") == 0,
        )
        proposed = self._invocations.parameters()
        self._parallel = int(job.get("MaxConcurrentTransforms") or proposed.get("MaxConcurrentTransforms") or 1)
        self._payload = int(job.get("MaxPayloadInMB", proposed.get("MaxPayloadInMB", 6)))
        strategy = job.get("BatchStrategy")
        self._strategy = _STRATEGIES[strategy] if strategy else str(proposed.get("BatchStrategy", "MULTI_RECORD"))
        self.failures: list[dict[str, str]] = []

    def run(self) -> None:
        """All files, in their order; requests go out ahead of the answers that are written."""
        say(f"MaxConcurrentTransforms={self._parallel}, MaxPayloadInMB={self._payload}, BatchStrategy={self._strategy}")
        under_way: deque[tuple[Output, Request | None, Future[bytes] | None]] = deque()
        with ThreadPoolExecutor(self._parallel, "request") as pool:
            for file in self._files:
                output = Output(_OUTPUT, file, lines=self._lines)
                for request in self._requests(output):
                    under_way.append((output, request, pool.submit(self._answer, request)))
                    if len(under_way) > self._parallel:
                        self._settle(*under_way.popleft())
                    if output.failed:
                        break
                under_way.append((output, None, None))
            while under_way:
                self._settle(*under_way.popleft())

    def _requests(self, output: Output) -> Iterator[Request]:
        path, single = _INPUT / str(output.file.number), self._strategy == "SINGLE_RECORD"
        try:
            with opened(path, unzip=self._unzip) as data:
                if data is not None:
                    yield from records.requests(data, self._split, single=single, limit=self._payload * _MEGABYTE)
        except (CannotRead, TooLarge, BrokenRecordIO, BrokenTFRecord) as error:
            self._fail(output, "ClientError", str(error))

    def _answer(self, request: Request) -> bytes:
        sent = self._processing.sent(request.body)
        answer: Answer = self._invocations.ask(sent)
        return self._processing.kept(request.body, answer.body, answer.content_type)

    def _settle(self, output: Output, request: Request | None, asked: Future[bytes] | None) -> None:
        """Write the next answer; without a request, the file's end."""
        if request is None or asked is None:
            output.finish()
            if not output.failed:
                say(f"{output.file.name}: Records={output.records}, Requests={output.requests}")
            return
        try:
            answer = asked.result()
        except ModelFailed as error:
            self._fail(output, error.blame, f"{_place(request)}: {error}", error.words)
        except (CannotProcess, NotThere) as error:
            self._fail(output, "ClientError", f"{_place(request)}: {error}")
        else:
            if not output.failed:
                output.write(answer, request.last)

    def _fail(self, output: Output, blame: str, text: str, words: str = "") -> None:
        """The first failure of a file is told; the others are of the same kind, or of no more use."""
        if output.failed:
            return
        output.failed = True
        name = output.file.name
        say(f"{name}: {f'{blame}: ' if blame == 'ClientError' else ''}{text}")
        if words:
            say(f"{name}: ")
            say(f"{name}: Message:")
            for line in words.rstrip().splitlines():
                say(f"{name}: {line}")
        first = next(iter(words.strip().splitlines()), "")
        self.failures.append({"file": name, "reason": f"{blame}: {name}, {text}{f': {first}' if first else ''}"})


def _place(request: Request) -> str:
    if request.first == request.last:
        return f"record {request.first}"
    return f"records {request.first} to {request.last}"


def say(text: str) -> None:
    now = datetime.now(UTC)
    print(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}:[sagemaker logs]: {text}", flush=True)


def main() -> int:
    _OUTPUT.mkdir(parents=True, exist_ok=True)
    transform = Transform(Plan.read(_INPUT / "plan.json"))
    transform.run()
    aside = _OUTPUT / "failures.json.part"
    aside.write_text(json.dumps(transform.failures))
    aside.replace(_OUTPUT / "failures.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
