"""The console: how soon pages are there with so many jobs, how soon an open page is told of a change, what open pages cost.

Usage: python bench/console.py [--count 10000] [--open 30]
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import servers
from clary.clock import Clock
from clary.console.sessions import Sessions
from clary.keys import Keys
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore

_PATHS = ("/_/", "/_/training-jobs", "/_/training-jobs?NameContains=77&SortBy=Name", "/_/labelling")
_SECONDS = 10


def fill(data: Path, count: int) -> str:
    """So many finished training jobs, written as the server would; answers a link's secret for the owner."""
    database = Database(data / "clary.db", Clock())
    store = SqlStore(database)
    key, now = Keys(store).owner(data), Clock().now().isoformat()

    def make(first: int) -> None:
        for number in range(first, count, 8):
            arn = f"arn:aws:sagemaker:us-east-1:000000000000:training-job/job-{number}"
            body = {
                "TrainingJobName": f"job-{number}",
                "TrainingJobArn": arn,
                "TrainingJobStatus": "Completed",
                "SecondaryStatus": "Completed",
                "CreationTime": now,
                "LastModifiedTime": now,
                "TrainingStartTime": now,
                "TrainingEndTime": now,
                "AlgorithmSpecification": {"TrainingImage": "pytorch", "TrainingInputMode": "File"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            }
            store.create(
                Record(
                    region="us-east-1", kind="TrainingJob", name=f"job-{number}", body=body, status="Completed", arn=arn
                )
            )

    threads = [threading.Thread(target=make, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    secret = Sessions(store, Clock().now).link(key=key.access_key)
    database.close()
    return secret


class Visitor:
    """A browser that keeps its connection."""

    def __init__(self, url: str, cookie: str = "") -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self.headers = {"accept": "text/html", "accept-encoding": "gzip", "origin": url, "cookie": cookie}

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        return answer, answer.read()


def stream(url: str, cookie: str) -> http.client.HTTPResponse:
    visitor = Visitor(url, cookie)
    visitor.connection.request("GET", "/_/events", headers=visitor.headers)
    return visitor.connection.getresponse()


def follow(url: str, cookie: str, ends: threading.Event) -> None:
    """An open list of jobs: fetched anew whenever something of it changed."""
    visitor, events = Visitor(url, cookie), stream(url, cookie)
    while not ends.is_set() and (line := events.readline()):
        if line.startswith(b"data: ") and b"TrainingJob" in line:
            visitor.ask("GET", "/_/training-jobs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--open", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = servers.clary(Path(folder) / "data")
        server.client("sagemaker").list_training_jobs()
        server.stop()
        secret = fill(Path(folder) / "data", given.count)
        server = servers.clary(Path(folder) / "data")
        server.client("sagemaker").list_models()  # as long as it takes whoever started it to open a browser
        visitor = Visitor(server.url)
        began = time.perf_counter()
        answer, _ = visitor.ask("POST", "/_/sign-in", f"token={secret}")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        visitor.headers["cookie"] = cookie
        entered = time.perf_counter()
        visitor.ask("GET", "/_/")
        told = f"signing in {1000 * (entered - began):.0f} ms, the page {1000 * (time.perf_counter() - entered):.0f} ms"
        print(f"first page of a fresh server: {told}")
        for path in _PATHS:
            times = []
            for _ in range(9):
                began = time.perf_counter()
                answer, body = visitor.ask("GET", path)
                times.append(1000 * (time.perf_counter() - began))
                assert answer.status == 200, path
            print(f"{path:45} {statistics.median(times):6.1f} ms, {len(body) / 1000:.1f} kB packed")
        weigh(visitor)
        live(server, cookie, given.open)
        server.stop()


def weigh(visitor: Visitor) -> None:
    page = visitor.ask("GET", "/_/nowhere")[1]
    found = re.findall(r'(?:src|href)="(/_/assets/[^"]+)"', gzip.decompress(page).decode())
    print(f"assets of a page: {sum(len(visitor.ask('GET', path)[1]) for path in set(found)) / 1000:.1f} kB packed")


def live(server: servers.Server, cookie: str, pages: int) -> None:
    sagemaker = server.client("sagemaker")
    events, delays = stream(server.url, cookie), []
    for number in range(5):
        began = time.perf_counter()
        sagemaker.create_experiment(ExperimentName=f"told-{number}")
        while b"Experiment" not in events.readline():
            pass
        delays.append(1000 * (time.perf_counter() - began))
    print(f"an open page is told of a change after {statistics.median(delays):.0f} ms")
    ends = threading.Event()
    threads = [threading.Thread(target=follow, args=(server.url, cookie, ends), daemon=True) for _ in range(pages)]
    for thread in threads:
        thread.start()
    for busy in (False, True):
        before, began = server.cpu(), time.perf_counter()
        while time.perf_counter() - began < _SECONDS:
            if busy:
                sagemaker.add_tags(
                    ResourceArn="arn:aws:sagemaker:us-east-1:000000000000:training-job/job-1",
                    Tags=[{"Key": "at", "Value": str(time.perf_counter())}],
                )
            time.sleep(2)
        used = (server.cpu() - before) / (time.perf_counter() - began)
        state = "a job changes every 2 s" if busy else "nothing changes"
        print(f"{pages} open lists, {state}: {100 * used:.0f} % of one core")
    ends.set()


if __name__ == "__main__":
    main()
