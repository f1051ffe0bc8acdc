"""Training jobs in numbers: how soon one starts, what many small ones cost, how fast and how whole logs come through.

* create to first line: CreateTrainingJob until GetLogEvents shows what the script prints first, the image being there
* 200 jobs of ``print()``: jobs a minute, the server's memory, and what is left over of them (processes, task folders' data)
* a line's way: from the script's own ``print`` to the client that asks GetLogEvents again and again
* many lines: a script that prints as fast as the pace asks for; every line must be there, once and in order

Usage: python bench/jobs.py [--jobs N] [--lines N]
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

_STARTS = 20
_PACE = 100_000  # lines a second
_STEP = 0.005  # seconds between two looks of a client that follows a log
_GROUP = "/aws/sagemaker/TrainingJobs"

WAY = """
import time
for number in range(50):
    print(f"at {time.time()}", flush=True)
    time.sleep(0.1)
"""

MANY = """
import sys, time
lines, pace = {lines}, {pace}
began, step = time.monotonic(), pace // 100
for first in range(0, lines, step):
    sys.stdout.write("".join(f"line {{n}} of a log that is as long as lines of logs are, about eighty characters\\n"
                             for n in range(first, min(first + step, lines))))
    sys.stdout.flush()
    time.sleep(max(0.0, began + (first + step) / pace - time.monotonic()))
print("took", time.monotonic() - began, flush=True)
"""


def starts(server: Server) -> dict[str, float]:
    """Seconds to the first line that a client can read, job after job."""
    sagemaker, s3, logs = server.client("sagemaker"), server.client("s3"), server.client("logs")
    times = []
    for number in range(_STARTS):
        name = f"start-{number}"
        request = jobs.training(s3, name, "print('first', flush=True)")
        began = time.perf_counter()
        sagemaker.create_training_job(**request)
        stream = _stream(logs, name)
        while not any(e["message"] == "first" for e in _page(logs, stream)["events"]):
            time.sleep(_STEP)
        times.append(time.perf_counter() - began)
        jobs.ended(sagemaker, name)
    times.sort()
    return {"create to first line p50, s": statistics.median(times), "create to first line max, s": times[-1]}


def many(server: Server, count: int) -> dict[str, float]:
    """So many jobs at once, to the end of the last one."""
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    template = jobs.training(s3, "small", "print('done')")
    before, began = server.memory(), time.perf_counter()
    for number in range(count):
        sagemaker.create_training_job(**{**template, "TrainingJobName": f"small-{number:04}"})
    accepted = time.perf_counter() - began
    names = [f"small-{number:04}" for number in range(count)]
    states = [jobs.ended(sagemaker, name)["TrainingJobStatus"] for name in names]
    took = time.perf_counter() - began
    assert set(states) == {"Completed"}, states
    return {
        f"{count} jobs accepted, s": accepted,
        f"{count} jobs, jobs a minute": 60 * count / took,
        "server before, MiB": before,
        "server after, MiB": server.memory(),
        "server at most, MiB": server.peak(),
        "processes left over": float(len(_below(server.process.pid))),
    }


def way(server: Server) -> dict[str, float]:
    """Seconds from a line's print to its being read by a client that follows."""
    sagemaker, s3, logs = server.client("sagemaker"), server.client("s3"), server.client("logs")
    sagemaker.create_training_job(**jobs.training(s3, "way", WAY))
    stream, delays = _stream(logs, "way"), []
    token: dict[str, str] = {}
    while len(delays) < 50:
        page = _page(logs, stream, **token)
        now = time.time()
        delays += [now - float(e["message"].split()[1]) for e in page["events"] if e["message"].startswith("at ")]
        token = {"nextToken": page["nextForwardToken"]}
        time.sleep(_STEP)
    jobs.ended(sagemaker, "way")
    delays.sort()
    return {"line to client p50, s": statistics.median(delays), "line to client max, s": delays[-1]}


def flood(server: Server, lines: int) -> dict[str, float]:
    """A log at the pace asked for: whether the script kept it, when the job was over, and whether all is there."""
    sagemaker, s3, logs = server.client("sagemaker"), server.client("s3"), server.client("logs")
    sagemaker.create_training_job(**jobs.training(s3, "flood", MANY.format(lines=lines, pace=_PACE)))
    job = jobs.ended(sagemaker, "flood")
    assert job["TrainingJobStatus"] == "Completed", job
    stream, token, number, took = _stream(logs, "flood"), {}, 0, 0.0
    while True:
        page = _page(logs, stream, **token)
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
        for event in page["events"]:
            word, _, rest = event["message"].partition(" ")
            if word == "line":
                assert rest.startswith(f"{number} "), f"line {number} is missing: {event['message']}"
                number += 1
            elif word == "took":
                took = float(rest)
    assert number == lines, f"{number} of {lines} lines are there"
    trained = (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds()
    return {
        "lines kept whole": float(number),
        "lines/s of the script": lines / took,
        "lines/s to the job's end": lines / trained,
        "server at most after, MiB": server.peak(),
    }


def _stream(logs: Any, name: str) -> str:
    while True:
        try:
            found = logs.describe_log_streams(logGroupName=_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            found = []
        if found:
            return str(found[0]["logStreamName"])
        time.sleep(_STEP)


def _page(logs: Any, stream: str, **given: Any) -> Any:
    return logs.get_log_events(logGroupName=_GROUP, logStreamName=stream, startFromHead=True, **given)


def _below(pid: int) -> list[int]:
    """Processes that the jobs of this server left: supervisors name their task's folder, which lies in the server's."""
    folder = next(w for w in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0") if "clary-bench" in w)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if folder in text and int(path.parent.name) != pid:
            found.append(int(path.parent.name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clary-bench") as folder:
        server = servers.clary(Path(folder) / "data")
        try:
            jobs.prepare(server.client("s3"))
            server.client("sagemaker").create_training_job(**jobs.training(server.client("s3"), "warm", "print()"))
            jobs.ended(server.client("sagemaker"), "warm")
            for measure in (starts, way, lambda s: many(s, given.jobs), lambda s: flood(s, given.lines)):
                for figure, value in measure(server).items():
                    print(f"{figure:32} {value:12.3f}", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
