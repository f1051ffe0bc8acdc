"""Records a second of batch transform beside a loop of InvokeEndpoint: the same model, the same rows, in turn.

A job is timed from CreateTransformJob to its waiter's return, so the start of its container is in the figure; the loop
asks an endpoint that is up, one row a call, as a script does that has no batch. SingleRecord sends a row a request too.
Usage: python bench/transform.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests import jobs, transforms
from tests.e2e.test_kill import deploy

from bench import servers

_ROUNDS = 3
_CALLS = 1_000  # of the loop, in each round
_ROWS = {"SingleRecord": 5_000, "MultiRecord": 200_000}
_PROGRAM = "def model_fn(d): return None\ndef predict_fn(x, m): return x.sum(axis=1)\n"


def rows(count: int) -> str:
    return "".join(f"{n % 1000},1.5,2.5,3.5\n" for n in range(count))


def loop(runtime: Any) -> float:
    body = rows(_CALLS).splitlines()
    began = time.perf_counter()
    for row in body:
        answer = runtime.invoke_endpoint(EndpointName="sum", ContentType="text/csv", Accept="text/csv", Body=row)
        answer["Body"].read()
    return _CALLS / (time.perf_counter() - began)


def batch(sagemaker: Any, s3: Any, strategy: str, number: int) -> float:
    name = f"{strategy}-{number}"
    request = transforms.transform(name, "sum", uri=f"rows/{strategy}.csv", BatchStrategy=strategy)
    began = time.perf_counter()
    sagemaker.create_transform_job(**request)
    job = transforms.transformed(sagemaker, name)
    took = time.perf_counter() - began
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    (answers,) = transforms.outputs(s3, name).values()
    assert answers.count(b"\n") == _ROWS[strategy]
    return _ROWS[strategy] / took


def main() -> None:
    rates: dict[str, list[float]] = {"InvokeEndpoint, a loop": [], "SingleRecord": [], "MultiRecord": []}
    with tempfile.TemporaryDirectory() as folder:
        server = servers.clary(Path(folder) / "data")
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        jobs.prepare(s3)
        deploy(s3, sagemaker, "sum", _PROGRAM)
        for strategy, count in _ROWS.items():
            s3.put_object(Bucket=jobs.BUCKET, Key=f"rows/{strategy}.csv", Body=rows(count))
        runtime = server.client("sagemaker-runtime")
        loop(runtime)
        for number in range(_ROUNDS):
            rates["InvokeEndpoint, a loop"].append(loop(runtime))
            for strategy in _ROWS:
                rates[strategy].append(batch(sagemaker, s3, strategy, number))
        sagemaker.delete_endpoint(EndpointName="sum")
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="sum")
        server.stop()
    slowest = statistics.median(rates["InvokeEndpoint, a loop"])
    for name, found in rates.items():
        middle = statistics.median(found)
        print(
            f"{name:24} {middle:9.0f} records/s   ({min(found):.0f} to {max(found):.0f})   {middle / slowest:6.1f} times"
        )


if __name__ == "__main__":
    main()
