"""BatchPutMetrics and BatchGetMetrics by boto3: values, their summaries in components, and what is refused by its place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture(scope="module")
def metrics(studio: Studio) -> Iterator[Any]:
    client = studio.client("sagemaker-metrics")
    yield client
    client.close()


def data(*values: float, name: str = "loss", at: datetime | None = None, step: int | None = 0) -> list[dict[str, Any]]:
    """Values a second apart, from ``at`` on; their steps count from ``step``."""
    first = (at or datetime.now(UTC)).replace(microsecond=0)
    return [
        {
            "MetricName": name,
            "Timestamp": first + timedelta(seconds=number),
            "Value": value,
            **({} if step is None else {"Step": step + number}),
        }
        for number, value in enumerate(values)
    ]


def query(metrics: Any, name: str, **given: Any) -> dict[str, Any]:
    asked = {
        "MetricName": "loss",
        "ResourceArn": f"{PREFIX}:experiment-trial-component/{name}",
        "MetricStat": "Avg",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
        **given,
    }
    return dict(metrics.batch_get_metrics(MetricQueries=[asked])["MetricQueryResults"][0])


def test_values_are_summed_up_in_the_component_and_found_by_search(sagemaker: Any, metrics: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="Summed")
    assert metrics.batch_put_metrics(TrialComponentName="summed", MetricData=data(4.0, 2.0)).get("Errors", []) == []
    metrics.batch_put_metrics(TrialComponentName="summed", MetricData=data(6.0, name="val:loss"))
    metrics.batch_put_metrics(TrialComponentName="summed", MetricData=data(3.0, step=2))
    told = sagemaker.describe_trial_component(TrialComponentName="Summed")
    found = {each["MetricName"]: each for each in told["Metrics"]}
    assert sorted(found) == ["loss", "val:loss"]
    loss = found["loss"]
    assert (loss["Count"], loss["Min"], loss["Max"], loss["Avg"]) == (3, 2.0, 4.0, 3.0)
    assert loss["StdDev"] == pytest.approx(math.sqrt(2 / 3))
    assert loss["SourceArn"] == told["TrialComponentArn"]
    filters = [{"Name": "Metrics.val:loss.Max", "Operator": "GreaterThan", "Value": "5"}]
    answer = sagemaker.search(
        Resource="ExperimentTrialComponent", SearchExpression={"Filters": filters}, SortBy="metrics.loss.last"
    )
    assert [each["TrialComponent"]["TrialComponentName"] for each in answer["Results"]] == ["Summed"]
    assert answer["Results"][0]["TrialComponent"]["Metrics"] == told["Metrics"]


def test_what_is_wrong_is_told_by_its_place_and_the_rest_is_taken(sagemaker: Any, metrics: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="partly")
    now = datetime.now(UTC)
    given = [
        *data(1.0),
        *data(2.0, at=now - timedelta(days=14, minutes=1)),
        *data(3.0, at=now + timedelta(hours=2, minutes=1)),
        *data(math.nan),
        *data(math.inf),
        *data(6.0),
    ]
    answer = metrics.batch_put_metrics(TrialComponentName="partly", MetricData=given)
    assert answer["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": index} for index in (1, 2, 3, 4)]
    (loss,) = sagemaker.describe_trial_component(TrialComponentName="partly")["Metrics"]
    assert (loss["Count"], loss["Min"], loss["Max"]) == (2, 1.0, 6.0)


def test_a_component_that_is_not_there_and_a_request_that_breaks_the_model_are_refused(
    sagemaker: Any, metrics: Any
) -> None:
    code, message = refused(metrics.batch_put_metrics, TrialComponentName="nobody", MetricData=data(1.0))
    assert (code, f"{PREFIX}:experiment-trial-component/nobody" in message) == ("ResourceNotFound", True)
    sagemaker.create_trial_component(TrialComponentName="strict")
    code, message = refused(metrics.batch_put_metrics, TrialComponentName="Strict", MetricData=data(1.0))
    assert "at 'trialComponentName' failed to satisfy constraint" in message
    code, message = refused(metrics.batch_put_metrics, TrialComponentName="strict", MetricData=data(*range(11)))
    assert "Member must have length less than or equal to 10" in message
    assert sagemaker.describe_trial_component(TrialComponentName="strict")["Metrics"] == []


def test_of_many_who_put_at_once_no_value_is_lost(studio: Studio, sagemaker: Any, metrics: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="crowd")

    def put(number: int) -> None:
        metrics.batch_put_metrics(TrialComponentName="crowd", MetricData=data(*[1.0] * 10, step=number * 10))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(24)))
    (loss,) = sagemaker.describe_trial_component(TrialComponentName="crowd")["Metrics"]
    assert (loss["Count"], loss["Avg"]) == (240, 1.0)
    assert query(metrics, "crowd")["XAxisValues"] == list(range(240))


def test_values_are_read_by_iteration_and_over_time(sagemaker: Any, metrics: Any) -> None:
    sagemaker.create_trial_component(TrialComponentName="read")
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    seconds = round(noon.timestamp())
    for number in range(2):  # two values for each step
        metrics.batch_put_metrics(
            TrialComponentName="read", MetricData=data(1.0, 3.0, at=noon + timedelta(seconds=number * 90))
        )
    metrics.batch_put_metrics(TrialComponentName="read", MetricData=data(9.0, at=noon, step=None))
    by_step = query(metrics, "read", MetricStat="Count")
    assert (by_step["Status"], by_step["XAxisValues"], by_step["MetricValues"]) == ("Complete", [0, 1], [2.0, 2.0])
    assert query(metrics, "read", Start=1)["MetricValues"] == [3.0]
    time = {"XAxisType": "Timestamp", "Period": "OneMinute"}
    minutes = query(metrics, "read", **time, MetricStat="Max")
    assert (minutes["XAxisValues"], minutes["MetricValues"]) == ([seconds, seconds + 60], [9.0, 3.0])
    hour = {"XAxisType": "Timestamp", "Period": "OneHour"}
    assert query(metrics, "read", **hour, MetricStat="Avg")["MetricValues"] == [pytest.approx(17 / 5)]
    assert query(metrics, "read", **hour, MetricStat="Last")["MetricValues"] == [3.0]
    assert query(metrics, "read", **hour, MetricStat="StdDev")["MetricValues"] == [pytest.approx(2.939388)]
    assert query(metrics, "read", **time, End=seconds)["MetricValues"] == [pytest.approx(13 / 3)]
    assert query(metrics, "read", MetricName="none")["XAxisValues"] == []
    mixed = query(metrics, "read", XAxisType="Timestamp")
    assert (mixed["Status"], "go together" in mixed["Message"]) == ("ValidationError", True)
    missing = query(metrics, "nobody")
    assert (missing["Status"], "nobody" in missing["Message"]) == ("ValidationError", True)


def test_values_go_with_their_component_and_outlive_the_server(fresh_studio: Studio) -> None:
    sagemaker, metrics = fresh_studio.client("sagemaker"), fresh_studio.client("sagemaker-metrics")
    sagemaker.create_trial_component(TrialComponentName="gone")
    metrics.batch_put_metrics(TrialComponentName="gone", MetricData=data(1.0))
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker, metrics = fresh_studio.client("sagemaker"), fresh_studio.client("sagemaker-metrics")
    assert query(metrics, "gone")["MetricValues"] == [1.0]
    assert sagemaker.describe_trial_component(TrialComponentName="gone")["Metrics"][0]["Count"] == 1
    sagemaker.delete_trial_component(TrialComponentName="gone")
    sagemaker.create_trial_component(TrialComponentName="gone")
    assert query(metrics, "gone")["MetricValues"] == []


def test_programs_that_know_the_machines_time_put_on_when_clarys_is_weeks_ahead(fresh_studio: Studio) -> None:
    sagemaker, metrics = fresh_studio.client("sagemaker"), fresh_studio.client("sagemaker-metrics")
    sagemaker.create_trial_component(TrialComponentName="later")
    moved = fresh_studio.clary("clock", "--data", str(fresh_studio.data), "advance", "4w")
    assert moved.returncode == 0, moved.stderr
    weeks = datetime.now(UTC) + timedelta(weeks=4)
    given = [*data(1.0), *data(2.0, at=weeks), *data(3.0, at=weeks + timedelta(hours=3))]
    answer = metrics.batch_put_metrics(TrialComponentName="later", MetricData=given)
    assert answer["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": 2}]
    assert sagemaker.describe_trial_component(TrialComponentName="later")["Metrics"][0]["Count"] == 2
