"""The server's figures beside moto's, in one run on this machine.

Start (to the first answer), resident memory, 100 describes, and what no emulator does: a job's start, a waiter's end.
Usage: python bench/server.py [--moto PYTHON]   (PYTHON: one with `moto[server]` installed)
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import jobs

_ROUNDS = 3


def client(service: str, url: str, keys: tuple[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(retries={"max_attempts": 1}, proxies={}),
    )


def memory(pid: int) -> float:
    """Resident MiB."""
    text = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return int(text) / 1024


def describe(sagemaker: Any) -> float:
    """Median milliseconds of 100 describes."""
    times = []
    for _ in range(100):
        began = time.perf_counter()
        sagemaker.describe_model(ModelName="m")
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def make_model(sagemaker: Any) -> None:
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)


def clary(folder: Path) -> dict[str, float]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    command = [sys.executable, "-m", "clary", "up", "--data", str(folder), "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    url = next(line for line in process.stdout if line.startswith("ready")).split()[1]
    found = {"ready, s": time.perf_counter() - began}
    keys = json.loads((folder / "keys.json").read_text())
    pair = (keys["AccessKeyId"], keys["SecretAccessKey"])
    try:
        sagemaker, s3 = client("sagemaker", url, pair), client("s3", url, pair)
        make_model(sagemaker)
        found["describe p50, ms"] = describe(sagemaker)
        found["resident, MiB"] = memory(process.pid)
        found |= work(sagemaker, s3)
    finally:
        process.terminate()
        process.wait()
    return found


def work(sagemaker: Any, s3: Any) -> dict[str, float]:
    """From CreateTrainingJob to the script's first line, and from a job's end to the waiter's."""
    jobs.prepare(s3)
    script = (
        "import time\nprint(f'first {time.time()}', flush=True)\n{rest}\nprint(f'last {time.time()}', flush=True)\n"
    )
    sagemaker.create_training_job(**jobs.training(s3, "warm", "print('x')"))
    jobs.ended(sagemaker, "warm")
    logs = client("logs", sagemaker.meta.endpoint_url, _keys(sagemaker))
    created = time.time()
    sagemaker.create_training_job(**jobs.training(s3, "two-seconds", script.replace("{rest}", "time.sleep(2)")))
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="two-seconds")
    returned = time.time()
    job = sagemaker.describe_training_job(TrainingJobName="two-seconds")
    lines = {line.split()[0]: line.split()[-1] for line in jobs.log_lines(logs, "two-seconds") if line}
    return {
        "create to first line, s": float(lines["first"]) - created,
        "script's end to waiter's, s": returned - float(lines["last"]),
        "job's end to waiter's, s": returned - job["TrainingEndTime"].timestamp(),
    }


def _keys(sagemaker: Any) -> tuple[str, str]:
    found = sagemaker._request_signer._credentials
    return found.access_key, found.secret_key


def moto(python: str) -> dict[str, float]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen(
        [python, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.05).close()
            break
        except OSError:
            time.sleep(0.005)
    found = {"ready, s": time.perf_counter() - began}
    try:
        sagemaker = client("sagemaker", f"http://127.0.0.1:{port}", ("x", "x"))
        make_model(sagemaker)
        found["describe p50, ms"] = describe(sagemaker)
        found["resident, MiB"] = memory(process.pid)
    finally:
        process.terminate()
        process.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moto", metavar="PYTHON", help="a Python that has moto[server]")
    arguments = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"clary": [], "moto": []}
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rounds["clary"].append(clary(Path(folder) / "data"))
        if arguments.moto:
            rounds["moto"].append(moto(arguments.moto))
    for name, found in rounds.items():
        for figure in found[0] if found else ():
            values = sorted(r[figure] for r in found)
            print(f"{name:6} {figure:30} {statistics.median(values):9.3f}   ({values[0]:.3f} to {values[-1]:.3f})")


if __name__ == "__main__":
    main()
