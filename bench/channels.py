"""A channel of 10,000 files, 1 GiB together: from CreateTrainingJob to the script that sees them all, File and FastFile.

Beside it a job with a channel of two small files, and `cp -r` of as many bytes in as many files on the same disk.
Usage: python bench/channels.py [--files N] [--mib N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import jobs

from bench import servers

_SCRIPT = """
import os, time
found = [os.path.join(at, name) for at, _, names in os.walk(os.environ["SM_CHANNEL_TRAIN"]) for name in names]
print(f"files {len(found)} {sum(map(os.path.getsize, found))} {time.time()}", flush=True)
"""


def fill(s3: Any, files: int, size: int) -> None:
    body = os.urandom(size)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=jobs.BUCKET, Key=f"many/{n % 100}/{n}", Body=body), range(files)))


def available(clients: dict[str, Any], name: str, uri: str, mode: str, files: int) -> float:
    """Seconds from CreateTrainingJob until the script has listed the channel."""
    request = jobs.training(clients["s3"], name, _SCRIPT)
    request["AlgorithmSpecification"]["TrainingInputMode"] = mode
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = uri
    began = time.time()
    clients["sagemaker"].create_training_job(**request)
    job = jobs.ended(clients["sagemaker"], name)
    assert job["TrainingJobStatus"] == "Completed", job
    line = next(line for line in jobs.log_lines(clients["logs"], name) if line.startswith("files "))
    assert int(line.split()[1]) == files, line
    return float(line.split()[3]) - began


def copied(files: int, size: int, folder: Path) -> float:
    """Seconds of `cp -r`."""
    body = os.urandom(size)
    for number in range(files):
        path = folder / "files" / str(number % 100) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    began = time.perf_counter()
    subprocess.run(["cp", "-r", str(folder / "files"), str(folder / "copy")], check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    size = (given.mib << 20) // given.files
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = servers.clary(folder / "data")
        clients = {service: server.client(service) for service in ("s3", "sagemaker", "logs")}
        jobs.prepare(clients["s3"])
        fill(clients["s3"], given.files, size)
        many, few = f"s3://{jobs.BUCKET}/many/", f"s3://{jobs.BUCKET}/in/"
        available(clients, "warm", many, "File", given.files)
        times: dict[str, list[float]] = {}
        for number in range(given.rounds):
            for mode in ("File", "FastFile"):
                each = available(clients, f"{mode}-{number}", many, mode, given.files)
                times.setdefault(f"{given.files} files, {mode}", []).append(each)
            times.setdefault("2 small files", []).append(available(clients, f"few-{number}", few, "File", 2))
        server.stop()
        with tempfile.TemporaryDirectory() as other:
            times["cp -r, without any job"] = [copied(given.files, size, Path(other))]
    for what, found in times.items():
        print(f"{what:30} {statistics.median(found):6.2f} s ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
