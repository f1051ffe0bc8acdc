"""Kills a server at random points of a mixed load, over and over, and checks after each start that nothing is lost.

Usage: python -m tests.e2e.crash [--rounds 200] [--seed N]

Half of the rounds run beside the other half, each on a folder of its own: 200 take two to four minutes on two cores.

What it checks after each kill -9 and start:

* every acknowledged record, object, part and log event is there, as it was acknowledged;
* what was not acknowledged is there whole or not at all;
* no name is there that nobody wrote;
* the audit trail holds every acknowledged change;
* no file is left over: no half-written blob, no blob without a name, no temporary file.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from clary.store.blobs import in_use
from tests.conftest import Studio, clean_environment

BUCKET = "ward"
ROLE = "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole"
ABSENT = ""
"""What stands under a name that was deleted, or never written."""


@dataclass
class Ledger:
    """What may stand under each name: one value once it was acknowledged, two while an answer is owed.

    One writer a name, so that the order of a name's writes is known.
    """

    may_be: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    acknowledged: int = 0
    interrupted: int = 0

    @contextlib.contextmanager
    def writing(self, kind: str, name: str, value: str) -> Iterator[list[dict[str, Any]]]:
        """Inside: either. After it ended well: the new value alone. The answers are put into the list."""
        before = self.may_be.get((kind, name), {ABSENT})
        self.may_be[kind, name] = before | {value}
        answers: list[dict[str, Any]] = []
        try:
            yield answers
        except BotoCoreError:
            self.interrupted += 1
            raise
        self.may_be[kind, name] = {value}
        self.acknowledged += 1
        for answer in answers:
            metadata = answer["ResponseMetadata"]
            self.requests.append(metadata.get("HostId") or metadata["RequestId"])

    def found(self, kind: str, name: str, value: str) -> None:
        allowed = self.may_be.get((kind, name), {ABSENT})
        assert value in allowed, f"{kind} {name}: found {value!r}, not {sorted(allowed)}"
        self.may_be[kind, name] = {value}

    def names(self, kind: str) -> list[str]:
        return [name for k, name in list(self.may_be) if k == kind]


def content(value: str) -> bytes:
    """The bytes that a value stands for: from a few to half a million."""
    seed, size = hashlib.sha256(value.encode()).digest(), int(value.rpartition("/")[2])
    return (seed * (size // len(seed) + 1))[:size]


class Load:
    """Four writers, each with names of its own; each ends when the server does."""

    def __init__(self, studio: Studio, ledger: Ledger, seed: int) -> None:
        self._studio, self._ledger, self._seed = studio, ledger, seed
        self._over = False
        self._problems: list[Exception] = []

    def run(self, seconds: float) -> None:
        """Load it for so long, then kill it in the midst."""
        writers = [self._objects, self._multipart, self._records, self._logs]
        threads = [
            threading.Thread(target=self._until_killed, args=(write, random.Random(f"{self._seed}-{n}")))
            for n, write in enumerate(writers)
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)  # the random point
        self._studio.kill()
        self._over = True
        for thread in threads:
            thread.join()
        for problem in self._problems:
            raise problem

    def _until_killed(self, write: Callable[[random.Random, int], None], chance: random.Random) -> None:
        step = 0
        while not self._over:
            step += 1
            try:
                write(chance, step)
            except BotoCoreError:  # no answer: it is gone
                return
            except Exception as problem:
                self._problems.append(problem)
                return

    def _objects(self, chance: random.Random, step: int) -> None:
        s3, name = client(self._studio, "s3"), f"o/{chance.randrange(12)}"
        if chance.random() < 0.2:
            with self._ledger.writing("object", name, ABSENT) as answers:
                answers.append(s3.delete_object(Bucket=BUCKET, Key=name))
            return
        value = f"{self._seed}/{step}/{chance.choice([1, 300, 5000, 70_000, 500_000])}"
        with self._ledger.writing("object", name, value) as answers:
            answers.append(s3.put_object(Bucket=BUCKET, Key=name, Body=content(value)))

    def _multipart(self, chance: random.Random, step: int) -> None:
        s3, name = client(self._studio, "s3"), f"m/{chance.randrange(4)}"
        if len(on_their_way := s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])) > 10:
            old = chance.choice(on_their_way)
            with self._ledger.writing("part", old["UploadId"], ABSENT) as answers:
                answers.append(s3.abort_multipart_upload(Bucket=BUCKET, Key=old["Key"], UploadId=old["UploadId"]))
        value = f"{self._seed}/{step}/{chance.choice([10, 200_000])}"
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=name, Metadata={"value": value})["UploadId"]
        with self._ledger.writing("part", upload, value) as answers:
            part = s3.upload_part(Bucket=BUCKET, Key=name, UploadId=upload, PartNumber=1, Body=content(value))
            answers.append(part)
        if chance.random() < 0.3:
            return  # left on its way
        if chance.random() < 0.3:
            with self._ledger.writing("part", upload, ABSENT) as answers:
                answers.append(s3.abort_multipart_upload(Bucket=BUCKET, Key=name, UploadId=upload))
            return
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        with self._ledger.writing("object", name, value) as answers, self._ledger.writing("part", upload, ABSENT):
            answers.append(
                s3.complete_multipart_upload(Bucket=BUCKET, Key=name, UploadId=upload, MultipartUpload=parts)
            )

    def _records(self, chance: random.Random, step: int) -> None:
        sagemaker, name = client(self._studio, "sagemaker"), f"model-{chance.randrange(12)}"
        (now,) = self._ledger.may_be.get(("model", name), {ABSENT})
        if now:
            with self._ledger.writing("model", name, ABSENT) as answers:
                answers.append(sagemaker.delete_model(ModelName=name))
            return
        value = f"{self._seed}/{step}"
        container = {"Image": "sagemaker-scikit-learn:1.2-1", "Environment": {"VALUE": value}}
        with self._ledger.writing("model", name, value) as answers:
            answers.append(sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container))

    def _logs(self, chance: random.Random, step: int) -> None:
        value = f"{self._seed}/{step}"
        event = {"timestamp": time.time_ns() // 1_000_000, "message": value}
        with self._ledger.writing("event", value, value) as answers:
            answers.append(
                client(self._studio, "logs").put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
            )


class Verdict:
    """Compares the server, started again, with the ledger; ``AssertionError`` says what is lost, torn or left over."""

    def __init__(self, studio: Studio, ledger: Ledger) -> None:
        self._studio, self._ledger = studio, ledger

    def check(self, round_: int) -> None:
        self._objects()
        self._uploads()
        self._models()
        self._events(round_)
        self._audit()
        self._files()

    def _objects(self) -> None:
        s3, there = client(self._studio, "s3"), set()
        for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            name, body = item["Key"], s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            allowed = self._ledger.may_be.get(("object", name), set())
            value = next((v for v in allowed if v and content(v) == body), f"{len(body)} torn bytes")
            self._ledger.found("object", name, value)
            there.add(name)
        for name in self._ledger.names("object"):
            if name not in there:
                self._ledger.found("object", name, ABSENT)

    def _uploads(self) -> None:
        s3, there = client(self._studio, "s3"), set()
        for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
            key, number = upload["Key"], upload["UploadId"]
            parts = s3.list_parts(Bucket=BUCKET, Key=key, UploadId=number).get("Parts", [])
            for part in parts:
                allowed = self._ledger.may_be[("part", number)]
                etags = {hashlib.md5(content(v)).hexdigest(): v for v in allowed if v}
                self._ledger.found("part", number, etags.get(part["ETag"].strip('"'), "torn"))
                there.add(number)
            if not parts and self._ledger.may_be.get(("part", number)) is None:
                self._ledger.may_be["part", number] = {ABSENT}  # begun, its answer lost
        for number in self._ledger.names("part"):
            if number not in there:
                self._ledger.found("part", number, ABSENT)
                del self._ledger.may_be["part", number]

    def _models(self) -> None:
        sagemaker, there = client(self._studio, "sagemaker"), set()
        for item in sagemaker.list_models(MaxResults=100)["Models"]:
            found = sagemaker.describe_model(ModelName=item["ModelName"])
            self._ledger.found("model", item["ModelName"], found["PrimaryContainer"]["Environment"]["VALUE"])
            there.add(item["ModelName"])
        for name in self._ledger.names("model"):
            if name not in there:
                self._ledger.found("model", name, ABSENT)

    def _events(self, round_: int) -> None:
        logs = client(self._studio, "logs")
        pages = logs.get_log_events(logGroupName="g", logStreamName="s", limit=10_000)
        there = [event["message"] for event in pages["events"]]
        assert len(there) == len(set(there)), "a log event was written twice"
        for value in self._ledger.names("event"):
            self._ledger.found("event", value, value if value in there else ABSENT)
            if not value.startswith(f"{round_}/"):
                del self._ledger.may_be["event", value]

    def _audit(self) -> None:
        with contextlib.closing(sqlite3.connect(self._studio.data / "clary.db")) as database:
            rows = database.execute(
                "SELECT request_id FROM audit_events WHERE NOT read_only ORDER BY id DESC LIMIT 5000"
            )
            there = {number for (number,) in rows}
        lost = [number for number in self._ledger.requests if number not in there]
        assert not lost, f"{len(lost)} acknowledged changes are not in the audit trail"
        self._ledger.requests.clear()

    def _files(self) -> None:
        """The sweep runs beside the first requests; it has ended when the files are those that the index names."""
        deadline = time.monotonic() + 90
        while (over := self._left_over()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not over, f"left over: {over}"

    def _left_over(self) -> list[str]:
        data = self._studio.data
        with contextlib.closing(sqlite3.connect(data / "clary.db")) as database:
            named = in_use(database)
        blobs = {path.name: path for path in (data / "objects").rglob("*") if path.is_file()}
        assert named <= blobs.keys(), f"named, but gone: {named - blobs.keys()}"
        temporary = [path for path in data.iterdir() if path.name.startswith(".") or path.suffix in {".part", ".new"}]
        return [str(path.relative_to(data)) for path in [*temporary, *(blobs[b] for b in blobs.keys() - named)]]


_clients: dict[tuple[str, str], Any] = {}
_urls: dict[Path, str] = {}
_lock = threading.Lock()


def start(studio: Studio) -> None:
    studio.start()
    _urls[studio.data] = studio.url


def client(studio: Studio, service: str) -> Any:
    """One client per server and service: making one takes longer than many a round."""
    with _lock:
        url = _urls[studio.data]
        if (url, service) not in _clients:
            config = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=20, connect_timeout=5)
            _clients[url, service] = studio.client(service, endpoint_url=url, config=config)
        return _clients[url, service]


def run(folder: Path, rounds: int, seed: int) -> Ledger:
    """So many rounds on one folder; the ledger at the end. ``AssertionError`` if anything is not as it should be."""
    chance, ledger = random.Random(seed), Ledger()
    environment = {**clean_environment(folder / "cache"), "CLARY_SANDBOX": "off"}
    studio = Studio(folder / "data", folder / "cache", environment)
    start(studio)
    try:
        client(studio, "s3").create_bucket(Bucket=BUCKET)
        client(studio, "logs").create_log_group(logGroupName="g")
        client(studio, "logs").create_log_stream(logGroupName="g", logStreamName="s")
        for round_ in range(rounds):
            Load(studio, ledger, round_).run(chance.uniform(0.02, 0.5))
            if chance.random() < 0.15:  # sometimes in the start, or in the sweep just after it
                studio.start()
                time.sleep(chance.uniform(0, 0.05))
                studio.kill()
            start(studio)
            Verdict(studio, ledger).check(round_)
    finally:
        studio.kill()
    return ledger


def run_both(folder: Path, rounds: int, seed: int) -> tuple[int, int]:
    """So many rounds in all, on two folders at the same time; how many changes were acknowledged and interrupted."""
    with ThreadPoolExecutor(2) as pool:
        halves = [rounds - rounds // 2, rounds // 2]
        for number in range(2):
            (folder / str(number)).mkdir()
        runs = [pool.submit(run, folder / str(n), half, seed + n) for n, half in enumerate(halves)]
        ledgers = [each.result() for each in runs]
    return sum(each.acknowledged for each in ledgers), sum(each.interrupted for each in ledgers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Kills a server at random points of a mixed load, over and over.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, interrupted = run_both(Path(folder), given.rounds, given.seed)
    print(
        f"seed {given.seed}: nothing lost in {given.rounds} rounds, {acknowledged} changes acknowledged, "
        f"{interrupted} interrupted, {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
