"""Expressions against records that clients cannot make by themselves: metrics of jobs, hyperparameters, lists in lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.model import StructureShape

from clary.gateway import models
from clary.services.sagemaker import search_conditions as conditions
from clary.services.sagemaker import search_properties as properties
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore
from clary.store.search import All, Documents, Order, Search

BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "TrialComponent": {
        "a": {
            "Metrics": [
                {"MetricName": "test:accuracy", "Max": 0.9, "Last": 0.8},
                {"MetricName": "auc.val", "Last": 0.5},
            ]
        },
        "b": {"Metrics": [{"MetricName": "test:accuracy", "Max": 0.7, "Last": 0.85, "Count": 3}]},
        "c": {"Metrics": []},
    },
    "TrainingJob": {
        "a": {
            "HyperParameters": {"rate": "0.10", "kind": "tree", "depth": "5.7"},
            "FinalMetricDataList": [{"MetricName": "rmse", "Value": 1.5}],
            "InputDataConfig": [
                {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/a"}}},
                {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/z"}}},
            ],
            "EnableNetworkIsolation": True,
            "VpcConfig": {"Subnets": ["s-1", "s-2"]},
            "ResourceConfig": {"InstanceCount": 1},
        },
        "b": {
            "HyperParameters": {"rate": "fast", "depth": "6"},
            "FinalMetricDataList": [{"MetricName": "rmse", "Value": 2.5}],
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/z"}}}],
            "EnableNetworkIsolation": False,
            "ResourceConfig": {"InstanceCount": 10},
        },
    },
}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    path: Path = tmp_path_factory.mktemp("search") / "clary.db"
    database = Database(path)
    store = SqlStore(database)
    for kind, bodies in BODIES.items():
        for name, body in bodies.items():
            store.create(Record(region="here", kind=kind, name=name, body=body))
            store.create(Record(region="elsewhere", kind=kind, name=name, body=body))
    yield Search(database)
    database.close()


def shape(kind: str) -> StructureShape:
    found = models.service("sagemaker").shape_for(kind)
    assert isinstance(found, StructureShape)
    return found


def names(search: Search, kind: str, expression: dict[str, Any]) -> str:
    condition = conditions.expression(shape(kind), expression)
    documents = Documents(kind)
    found, _ = search.page("here", documents, condition, Order("created", descending=False), None, 10)
    assert search.count("here", documents, condition) == len(found)
    back = {str(body): name for name, body in BODIES[kind].items()}
    return "".join(back[str(body)] for body in found)


@pytest.mark.parametrize(
    ("kind", "condition", "wanted"),
    [
        ("TrialComponent", ("Metrics.test:accuracy.Max", "GreaterThan", "0.8"), "a"),
        ("TrialComponent", ("metrics.test:accuracy.max", "GreaterThan", "0.8"), "a"),
        ("TrialComponent", ("Metrics.Test:Accuracy.Last", "GreaterThan", "0.8"), "b"),
        ("TrialComponent", ("Metrics.test:accuracy", "LessThan", "0.85"), "a"),
        ("TrialComponent", ("Metrics.auc.val", "Exists"), "a"),
        ("TrialComponent", ("Metrics.auc.val.Last", "LessThanOrEqualTo", "0.5"), "a"),
        ("TrialComponent", ("Metrics.test:accuracy.Count", "Equals", "3"), "b"),
        ("TrialComponent", ("Metrics.test:accuracy.Max", "NotExists"), "c"),
        ("TrialComponent", ("Metrics.test:accuracy.Max", "NotEquals", "0.7"), "ac"),
        ("TrainingJob", ("Metrics.rmse", "LessThan", "2"), "a"),
        ("TrainingJob", ("FinalMetricDataList.rmse.Value", "GreaterThan", "2"), "b"),
        ("TrainingJob", ("HyperParameters.rate", "Equals", "0.1"), "a"),
        ("TrainingJob", ("HyperParameters.rate", "LessThan", "0.5"), "a"),
        ("TrainingJob", ("HyperParameters.rate", "Equals", "fast"), "b"),
        ("TrainingJob", ("HyperParameters.depth", "LessThanOrEqualTo", "5"), "a"),  # a whole number: 5.7 counts as 5
        ("TrainingJob", ("HyperParameters.depth", "LessThanOrEqualTo", "5.5"), ""),
        ("TrainingJob", ("HyperParameters.kind", "Contains", "re"), "a"),
        ("TrainingJob", ("HyperParameters.kind", "NotExists"), "b"),
        ("TrainingJob", ("EnableNetworkIsolation", "Equals", "true"), "a"),
        ("TrainingJob", ("EnableNetworkIsolation", "NotEquals", "true"), "b"),
        ("TrainingJob", ("VpcConfig.Subnets", "Equals", "s-2"), "a"),
        ("TrainingJob", ("VpcConfig.Subnets", "In", "s-1,x"), "a"),
        ("TrainingJob", ("InputDataConfig.ChannelName", "Equals", "test"), "a"),
        ("TrainingJob", ("ResourceConfig.InstanceCount", "LessThan", "9"), "a"),
    ],
)
def test_a_filter_chooses(search: Search, kind: str, condition: tuple[str, ...], wanted: str) -> None:
    given = dict(zip(("Name", "Operator", "Value"), condition, strict=False))
    assert names(search, kind, {"Filters": [given]}) == wanted


def test_a_nested_filter_holds_for_one_channel(search: Search) -> None:
    def nested(uri: str) -> str:
        filters = [
            {"Name": "InputDataConfig.ChannelName", "Value": "train"},
            {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": uri},
        ]
        return names(
            search, "TrainingJob", {"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]}
        )

    assert nested("b/z") == "b"
    assert nested("b/a") == "a"


@pytest.mark.parametrize(
    ("by", "descending", "wanted"),
    [("Metrics.test:accuracy.Max", True, "abc"), ("metrics.test:accuracy.max", False, "bac"), ("Metrics", True, "cba")],
)
def test_components_are_ordered_by_a_metric(search: Search, by: str, descending: bool, wanted: str) -> None:
    order = Order(properties.find(shape("TrialComponent"), by).properties, descending)
    back = {str(body): name for name, body in BODIES["TrialComponent"].items()}
    found, after = [], None
    while True:
        page, after = search.page("here", Documents("TrialComponent"), All(()), order, after, 1)
        found += [back[str(body)] for body in page]
        if after is None:
            break
    if by != "Metrics":  # a whole list has an order of its own, the same on every page
        assert "".join(found) == wanted
    assert sorted(found) == ["a", "b", "c"]


def test_the_elements_of_a_list_are_documents_too(search: Search) -> None:
    documents = Documents("TrainingJob", "InputDataConfig", ("EnableNetworkIsolation",))
    condition = conditions.expression(shape("Channel"), {"Filters": [{"Name": "ChannelName", "Value": "train"}]})
    order = Order(properties.find(shape("Channel"), "DataSource.S3DataSource.S3Uri").properties)
    found, more = search.page("here", documents, condition, order, None, 1)
    assert (found[0]["DataSource"]["S3DataSource"]["S3Uri"], found[0]["EnableNetworkIsolation"]) == ("s3://b/z", 0)
    found, more = search.page("here", documents, condition, order, more, 1)
    assert (found[0]["DataSource"]["S3DataSource"]["S3Uri"], more) == ("s3://b/a", None)


def test_keys_come_from_all_records(search: Search) -> None:
    assert search.keys("here", Documents("TrainingJob"), "HyperParameters") == ["depth", "kind", "rate"]
    assert search.keys("here", Documents("TrialComponent"), "Metrics", "MetricName") == ["auc.val", "test:accuracy"]
    assert search.keys("nowhere", Documents("TrialComponent"), "Metrics", "MetricName") == []
