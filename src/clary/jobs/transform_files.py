"""The files of a transform job: found once, dealt to its instances, laid out for sending; the answers put into S3.

``files.json`` in the job's folder lists them: their number in the job is their place in it. ``done/<number>`` says that
the answers to a file are in S3.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clary.engines.durable import replace
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import sources
from clary.jobs.dealing import Share, deal
from clary.jobs.folders import link
from clary.jobs.sources import CannotStage, Item

_TOLD = (
    "MaxConcurrentTransforms MaxPayloadInMB BatchStrategy TransformInput TransformOutput DataProcessing ModelClientConfig "
    "DataCaptureConfig"
).split()


class Files:
    """``directory``: the job's own; ``output``: its S3OutputPath."""

    def __init__(self, directory: Path, output: str) -> None:
        self._directory, self._output = directory, output.rstrip("/")
        self._list, self._done = directory / "files.json", directory / "done"

    def fix(self, buckets: GuardedBuckets, source: dict[str, Any]) -> int:
        """Find the objects of an S3DataSource and keep their list; returns how many there are. ``CannotStage``."""
        found = [[item.entry.bucket, item.entry.key, item.name] for item in sources.objects(buckets, source)]
        self._done.mkdir(parents=True, exist_ok=True)
        replace(str(self._list), json.dumps(found))
        return len(found)

    def lay_out(self, buckets: GuardedBuckets, ml: Path, port: int, share: Share, job: Mapping[str, Any]) -> None:
        """Give ``runtime/batch`` in the task of folder ``ml`` its share and its plan; what is done is left out.

        ``CannotStage`` for an object that has gone.
        """
        folder = ml / "input"
        folder.mkdir(parents=True, exist_ok=True)
        plan: list[dict[str, Any]] = []
        for number, (bucket, key, name) in deal(list(enumerate(self._read())), share):
            if (self._done / str(number)).exists():
                continue
            try:
                entry = buckets.find(f"s3://{bucket}/{key}")
            except KeyError:
                raise CannotStage(f"the object s3://{bucket}/{key} was removed while the job ran") from None
            path = folder / str(number)
            path.unlink(missing_ok=True)
            link(buckets, Item(entry, name), str(path))
            plan.append({"number": number, "name": f"{bucket}/{key}"})
        told = {member: job[member] for member in _TOLD if member in job}
        replace(str(folder / "plan.json"), json.dumps({"port": port, "job": told, "files": plan}))

    def store(self, buckets: GuardedBuckets, sender: Path, *, content_type: str, key: str) -> None:
        """Put the whole answers that lie in the sender's folder into S3; ``key``: of KMS, or ""."""
        whole = sorted((sender / "ml/output").glob("*.out"), key=lambda path: int(path.stem))
        names = self._read() if whole else []
        for path in whole:
            uri = f"{self._output}/{names[int(path.stem)][2]}.out"
            buckets.put_file(uri, path, key=key, content_type=content_type or "binary/octet-stream")
            (self._done / path.stem).touch()
            path.unlink()

    def capture(self, buckets: GuardedBuckets, destination: str, begun: datetime) -> None:
        """Tell model monitoring of the files that are done: a manifest of inputs and one of outputs, below the hour.

        ``destination``: of DataCaptureConfig. It may be repeated: the names are always the same.
        """
        files = self._read() if self._list.exists() else []  # the folder goes before the job's last status is written
        done = [entry for number, entry in enumerate(files) if (self._done / str(number)).exists()]
        if not done:
            return
        sides = {
            "input": [{"prefix": f"s3://{done[0][0]}/"}, *(key for _, key, _ in done)],
            "output": [{"prefix": f"{self._output}/"}, *(f"{name}.out" for _, _, name in done)],
        }
        name = uuid.uuid5(uuid.NAMESPACE_URL, str(self._directory))
        for side, manifest in sides.items():
            uri = f"{destination.rstrip('/')}/{side}/{begun.astimezone(UTC):%Y/%m/%d/%H}/{name}"
            buckets.put_bytes(uri, json.dumps(manifest).encode(), content_type="application/json")

    @staticmethod
    def failures(sender: Path) -> list[dict[str, str]]:
        """What ``runtime/batch`` says of the files that failed."""
        try:
            found: list[dict[str, str]] = json.loads((sender / "ml/output/failures.json").read_text())
        except FileNotFoundError:
            return []
        return found

    def _read(self) -> list[tuple[str, str, str]]:
        return [(bucket, key, name) for bucket, key, name in json.loads(self._list.read_text())]
