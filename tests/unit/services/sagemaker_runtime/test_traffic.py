"""What endpoints are asked, as metrics: every call counts once, whoever else calls and writes at the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from clary import app
from clary.context import Context
from clary.data_folder import DataFolder
from clary.services.sagemaker_runtime import traffic
from clary.settings import Settings
from clary.store.metric_points import Point
from clary.store.times import ms_of


@pytest.fixture
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("studio")
    studio = app.build(Settings(data=folder, cache=folder), DataFolder(folder), 1, 2)
    yield studio.context
    studio.close()


def read(context: Context, name: str, variant: str = "A") -> list[Point]:
    """All points of a metric of the endpoint ``e``."""
    end = ms_of(context.now() + timedelta(minutes=1))
    where = {"EndpointName": "e", "VariantName": variant}
    return context.metrics.read(context.region, "AWS/SageMaker", name, where, 0, end)


def test_calls_are_added_up(context: Context) -> None:
    for seconds, status in ((0.001, 200), (0.003, 200), (0.002, 400), (0.002, 0)):
        traffic.add(context, "e", "A", seconds, status)
    traffic.flush()
    assert sum(point.count for point in read(context, "Invocations")) == 4
    latency = read(context, "ModelLatency")
    assert sum(point.summary[0] for point in latency) == pytest.approx(8000)  # microseconds
    assert (min(p.summary[1] for p in latency), max(p.summary[2] for p in latency)) == pytest.approx((1000, 3000))
    assert sum(point.summary[0] for point in read(context, "Invocation4XXErrors")) == 1
    assert sum(point.summary[0] for point in read(context, "Invocation5XXErrors")) == 1
    assert sum(point.summary[0] for point in read(context, "InvocationModelErrors")) == 2
    assert read(context, "Invocations", "B") == []


def test_no_call_is_lost_between_many_threads_and_writings(context: Context) -> None:
    def call() -> None:
        for number in range(500):
            traffic.add(context, "e", "A", 0.001, 200)
            if number % 100 == 0:
                traffic.flush()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    traffic.flush()
    assert sum(point.count for point in read(context, "Invocations")) == 2000


def test_what_was_not_written_is_when_the_server_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("ends")
    studio = app.build(Settings(data=folder, cache=folder), DataFolder(folder), 1, 2)
    traffic.add(studio.context, "e", "A", 0.001, 200)
    studio.close()
    again = app.build(Settings(data=folder, cache=folder), DataFolder(folder), 1, 2)
    assert sum(point.count for point in read(again.context, "Invocations")) == 1
    again.close()
