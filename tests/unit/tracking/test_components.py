"""Summaries of metrics: taken in value by value, they are what the values together say."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from clary.store.component_metrics import Value
from clary.tracking import components

SOURCE = "arn:aws:sagemaker:us-east-1:000000000000:experiment-trial-component/c"


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=10), min_size=1, max_size=6))
def test_a_summary_is_that_of_all_values_however_they_came(batches: list[list[float]]) -> None:
    metrics: components.Metrics = []
    for number, batch in enumerate(batches):
        metrics = components.measured(metrics, [Value("loss", number * 1000, each) for each in batch], SOURCE)
    values = [each for batch in batches for each in batch]
    (found,) = metrics
    assert (found["MetricName"], found["SourceArn"], found["Count"]) == ("loss", SOURCE, len(values))
    assert (found["Min"], found["Max"], found["Last"]) == (min(values), max(values), values[-1])
    size = max(1.0, *map(abs, values))
    assert abs(found["Avg"] - statistics.fmean(values)) < 1e-9 * size
    assert abs(found["StdDev"] - statistics.pstdev(values)) < 1e-5 * size


def test_the_last_value_is_that_of_the_latest_time_and_of_these_the_last_that_came() -> None:
    values = [Value("loss", 2000, 1.0), Value("loss", 3000, 2.0), Value("loss", 1000, 3.0), Value("loss", 3000, 4.0)]
    (found,) = components.measured([], values, SOURCE)
    assert (found["Last"], found["TimeStamp"]) == (4.0, "1970-01-01T00:00:03+00:00")


def test_metrics_of_two_sources_are_kept_apart() -> None:
    metrics = components.measured([], [Value("loss", 0, 1.0)], SOURCE)
    metrics = components.measured(metrics, [Value("loss", 0, 3.0)], "arn:other")
    assert [(each["SourceArn"], each["Avg"]) for each in metrics] == [(SOURCE, 1.0), ("arn:other", 3.0)]
