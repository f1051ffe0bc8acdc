"""Search over many trial components: the first page of some questions, and reading them all page by page.

Usage: python bench/search.py [--count 10000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import servers

_RESOURCE = "ExperimentTrialComponent"
_QUESTIONS: dict[str, dict[str, Any]] = {
    "one by name": {"Name": "TrialComponentName", "Value": "component-77"},
    "a parameter above 0.5": {"Name": "Parameters.p3.NumberValue", "Operator": "GreaterThan", "Value": "0.5"},
    "of one experiment": {"Name": "Parents.ExperimentName", "Value": "experiment-3"},
    "by a tag": {"Name": "Tags.team", "Value": "team-5"},
}


def fill(client: Any, count: int) -> None:
    for number in range(10):
        client.create_experiment(ExperimentName=f"experiment-{number}")
        client.create_trial(TrialName=f"trial-{number}", ExperimentName=f"experiment-{number}")

    def make(number: int) -> None:
        name = f"component-{number}"
        client.create_trial_component(
            TrialComponentName=name,
            Parameters={f"p{each}": {"NumberValue": (number * (each + 7)) % 1000 / 1000} for each in range(20)},
            InputArtifacts={f"in{each}": {"Value": f"s3://bucket/{name}/{each}"} for each in range(5)},
            Tags=[{"Key": "team", "Value": f"team-{number % 7}"}],
        )
        client.associate_trial_component(TrialComponentName=name, TrialName=f"trial-{number % 10}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(count)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    count = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder:
        server = servers.clary(Path(folder) / "data")
        client = server.client("sagemaker")
        began = time.perf_counter()
        fill(client, count)
        print(f"{count} components made and associated in {time.perf_counter() - began:.1f} s")
        for name, condition in _QUESTIONS.items():
            times = []
            for _ in range(7):
                began = time.perf_counter()
                answer = client.search(Resource=_RESOURCE, SearchExpression={"Filters": [condition]}, MaxResults=10)
                times.append(1000 * (time.perf_counter() - began))
            print(f"{name:24} {answer['TotalHits']['Value']:6} hits, first ten in {statistics.median(times):7.1f} ms")
        began = time.perf_counter()
        pages = client.get_paginator("search").paginate(Resource=_RESOURCE, PaginationConfig={"PageSize": 100})
        read = sum(len(page["Results"]) for page in pages)
        print(f"all {read} read in pages of 100 in {time.perf_counter() - began:.2f} s")
        server.stop()


if __name__ == "__main__":
    main()
