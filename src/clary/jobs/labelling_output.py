"""What a labelling job writes to S3: the answers, what they were made into, the manifests.

Every key is made of the job's iteration and the moment that its record keeps, so a crash writes the same objects again.
Source of the layout: Ground Truth's guide, "Output Data", and keys of real jobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clary.guarded_buckets import GuardedBuckets
from clary.labelling import workers
from clary.labelling.labels import Outcome
from clary.labelling.task_types import TaskType
from clary.store.base import Record
from clary.store.labelling_objects import Answered, Line
from clary.store.labelling_tasks import Row
from clary.store.times import time_of

_INLINE = 100_000  # characters of an answer that stands in the request of a consolidation; a longer one is named there
_PIECE = 1 << 16
_AT_ONCE = 8  # files that are written at the same time, so that they share the waits for the disk
# As AWS's own output of texts has them, which any reader of JSON undoes.
_ESCAPED = {sign: f"\\u{ord(sign):04x}" for sign in "'=&<>"}


@dataclass(frozen=True)
class Moment:
    """When an iteration was consolidated: in the names of its files and in its labels. ``ms``: epoch milliseconds."""

    iteration: int
    ms: int

    @property
    def created(self) -> str:
        """The creation-date: UTC, without a zone."""
        return f"{time_of(self.ms):%Y-%m-%dT%H:%M:%S.%f}"

    @property
    def name(self) -> str:
        return f"{time_of(self.ms):%Y-%m-%d_%H:%M:%S}.json"


class Output:
    """``pool``: of the users, as answers name where a worker is known.

    ``root``: below which all lies. ``key``: of KMS, or "".
    """

    def __init__(self, buckets: GuardedBuckets, job: Record, type_: TaskType, pool: str) -> None:
        config = job.body["OutputConfig"]
        self._buckets, self._job, self._type, self._pool = buckets, job, type_, pool
        self.root, self.key = f"{config['S3OutputPath'].rstrip('/')}/{job.name}", config["KmsKeyId"]
        self._attribute = job.body["LabelAttributeName"]

    @property
    def manifest(self) -> str:
        return f"{self.root}/manifests/output/output.manifest"

    def response(self, moment: Moment, number: int) -> str:
        """Where the answers for an object lie."""
        return f"{self.root}/annotations/worker-response/iteration-{moment.iteration}/{number}/{moment.name}"

    def keep_mask(self, moment: Moment, number: int, content: bytes) -> str:
        uri = f"{self.root}/annotations/consolidated-annotation/output/{number}_{moment.created}.png"
        self._buckets.put_bytes(uri, content, content_type="image/png", key=self.key)
        return uri

    def answers(self, moment: Moment, objects: Sequence[Answered]) -> None:
        """All workers' answers, a file an object, and what consolidation is asked."""
        asked = [each for each in objects if each.answers]

        def put(each: Answered) -> None:
            self._put_json(self.response(moment, each.number), {"answers": [self._answer(row) for row in each.answers]})

        with ThreadPoolExecutor(_AT_ONCE, "labelling-output") as pool:
            list(pool.map(put, asked))
        self._put_json(self._consolidation("request", moment), [self._question(moment, each) for each in asked])

    def labels(self, moment: Moment, objects: Sequence[Answered], outcomes: Mapping[int, Outcome]) -> None:
        """What consolidation answered, and the lines that are labelled now."""
        made = [(each, outcomes[each.number]) for each in objects]
        answered = [(each, result) for each, (state, result) in made if state == "labelled"]
        self._put_json(
            self._consolidation("response", moment),
            [
                {"datasetObjectId": str(each.number), "consolidatedAnnotation": {"content": result}}
                for each, result in answered
            ],
        )
        lines = [
            {
                "datasetObjectId": str(each.number),
                "inputAttribute": _object(each.line),
                "consolidatedAnnotation": {"content": result},
            }
            for each, result in answered
        ]
        annotations = f"{self.root}/annotations/intermediate/{moment.iteration}/annotations.json"
        self._put(annotations, "".join(f"{self._dump(line)}\n" for line in lines))
        manifest = f"{self.root}/manifests/intermediate/{moment.iteration}/output.manifest"
        self._put(manifest, "".join(f"{self._merged(each.line, result)}\n" for each, result in answered))

    def write_manifest(self, lines: Iterator[Line]) -> str:
        """One line for each of the input, in its order; its URI."""
        self._buckets.put_pieces(self.manifest, self._pieces(lines), content_type="application/json", key=self.key)
        return self.manifest

    def merged(self, line: Line) -> str:
        """As it stands in the output: untouched, or with its label."""
        return self._merged(line.line, line.result) if line.result else line.line

    def put_text(self, uri: str, text: str) -> None:
        self._put(uri, text)

    def _pieces(self, lines: Iterator[Line]) -> Iterator[bytes]:
        piece = bytearray()
        for line in lines:
            piece += self.merged(line).encode() + b"\n"
            if len(piece) >= _PIECE:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    def _merged(self, line: str, result: Mapping[str, Any]) -> str:
        """A line with its label behind what it had."""
        data = {name: value for name, value in json.loads(line).items() if name not in result}
        return self._dump({**data, **result})

    def _dump(self, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if self._type.source != "source":
            return text
        for sign, escaped in _ESCAPED.items():
            text = text.replace(sign, escaped)
        return text

    def _answer(self, row: Row) -> dict[str, Any]:
        region = self._job.region
        return {
            "acceptanceTime": _moment(row.accepted),
            "answerContent": json.loads(row.answer or "{}"),
            "submissionTime": _moment(row.ended or row.accepted),
            "timeSpentInSeconds": row.seconds,
            "workerId": workers.worker_id(region, row.worker),
            "workerMetadata": {
                "identityData": {
                    "identityProviderType": "Cognito",
                    "issuer": f"https://cognito-idp.{region}.amazonaws.com/{self._pool}",
                    "sub": row.worker,
                }
            },
        }

    def _question(self, moment: Moment, each: Answered) -> dict[str, Any]:
        data = json.loads(each.line)
        told = {"s3Uri": data["source-ref"]} if "source-ref" in data else {"content": data["source"]}

        def annotation(row: Row) -> dict[str, Any]:
            content = row.answer or "{}"
            given = {"content": content} if len(content) <= _INLINE else {"s3Uri": self.response(moment, each.number)}
            return {"workerId": workers.worker_id(self._job.region, row.worker), "annotationData": given}

        annotations = [annotation(row) for row in each.answers]
        return {"datasetObjectId": str(each.number), "dataObject": told, "annotations": annotations}

    def _consolidation(self, what: str, moment: Moment) -> str:
        folder = f"{self.root}/annotations/consolidated-annotation/consolidation-{what}"
        return f"{folder}/iteration-{moment.iteration}/{moment.name}"

    def _put_json(self, uri: str, value: Any) -> None:
        self._put(uri, json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def _put(self, uri: str, text: str) -> None:
        self._buckets.put_bytes(uri, text.encode(), content_type="application/json", key=self.key)


def _object(line: str) -> str:
    data = json.loads(line)
    return str(data.get("source-ref", data.get("source")))


def _moment(ms: int) -> str:
    time: datetime = time_of(ms)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"
