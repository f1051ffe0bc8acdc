"""The server's figures beside moto's, in one run on this machine.

Start (to the first answer), resident memory, 100 describes, and what no emulator does: a job's start, a waiter's end.
Usage: python bench/server.py [--moto PYTHON]   (PYTHON: one with `moto[server]` installed)
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import jobs

from bench import servers
from bench.servers import Server

_ROUNDS = 3


def describe(sagemaker: Any) -> float:
    """Median milliseconds of 100 describes."""
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    times = []
    for _ in range(100):
        began = time.perf_counter()
        sagemaker.describe_model(ModelName="m")
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def common(server: Server) -> dict[str, float]:
    found = {"ready, s": server.ready, "describe p50, ms": describe(server.client("sagemaker"))}
    return {**found, "resident, MiB": server.memory()}


def work(server: Server) -> dict[str, float]:
    """From CreateTrainingJob to the script's first line, and from a job's end to the waiter's."""
    sagemaker, s3, logs = server.client("sagemaker"), server.client("s3"), server.client("logs")
    jobs.prepare(s3)
    script = "import time\nprint(f'first {time.time()}', flush=True)\ntime.sleep(2)\nprint(f'last {time.time()}', flush=True)\n"
    sagemaker.create_training_job(**jobs.training(s3, "warm", "print('x')"))
    jobs.ended(sagemaker, "warm")
    request = jobs.training(s3, "two-seconds", script)
    created = time.time()
    sagemaker.create_training_job(**request)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="two-seconds")
    returned = time.time()
    job = sagemaker.describe_training_job(TrainingJobName="two-seconds")
    lines = {line.split()[0]: line.split()[-1] for line in jobs.log_lines(logs, "two-seconds") if line}
    return {
        "create to first line, s": float(lines["first"]) - created,
        "script's end to waiter's, s": returned - float(lines["last"]),
        "job's end to waiter's, s": returned - job["TrainingEndTime"].timestamp(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moto", metavar="PYTHON", help="a Python that has moto[server]")
    given = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"clary": [], "moto": []}
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            server = servers.clary(Path(folder) / "data")
            rounds["clary"].append({**common(server), **work(server)})
            server.stop()
        if given.moto:
            server = servers.moto(given.moto)
            rounds["moto"].append(common(server))
            server.stop()
    for name, found in rounds.items():
        for figure in found[0] if found else ():
            values = sorted(r[figure] for r in found)
            print(f"{name:6} {figure:30} {statistics.median(values):9.3f}   ({values[0]:.3f} to {values[-1]:.3f})")


if __name__ == "__main__":
    main()
