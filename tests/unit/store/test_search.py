"""Search in bodies that another record is joined to."""

from __future__ import annotations

import pytest

from clary.context import Context
from clary.store.base import Record
from clary.store.search import All, Condition, Documents, Joined, Not, Order, Property, Test
from tests.unit.services.s3.conftest import context

__all__ = ["context"]

JOINED = Documents("C", joined=Joined("Detail", ("Source", "Arn"), ("Job", "Task")))
STATUS = Property(("Detail", "Job", "Status"), "text")


@pytest.fixture
def filled(context: Context) -> Context:
    for kind, name, status in (("Job", "a", "on"), ("Job", "b", "off"), ("Task", "c", "on"), ("Other", "d", "on")):
        body = {"Status": status}
        context.store.create(Record(region="r", kind=kind, name=name, body=body, arn=f"arn:{kind.lower()}/{name}"))
    for name, arn in (
        ("1", "arn:JOB/A"),
        ("2", "arn:job/b"),
        ("3", "arn:task/c"),
        ("4", "arn:other/d"),
        ("5", "arn:gone"),
    ):
        context.store.create(Record(region="r", kind="C", name=name, body={"Name": name, "Source": {"Arn": arn}}))
    context.store.create(Record(region="r", kind="C", name="6", body={"Name": "6"}))
    return context


def found(context: Context, condition: Condition, order: Order) -> list[str]:
    bodies, _ = context.search.page("r", JOINED, condition, order, None, 9)
    assert context.search.count("r", JOINED, condition) == len(bodies)
    return [each["Name"] for each in bodies]


def test_what_another_record_holds_is_asked_for_and_sorted_by(filled: Context) -> None:
    by_name = Order((Property(("Name",), "text"),), descending=False)
    assert found(filled, Test(STATUS, "=", "on"), by_name) == ["1"]
    assert found(filled, Test(Property(("Detail", "Task", "Status"), "text"), "exists"), by_name) == ["3"]
    assert found(filled, Not(Test(Property(("Detail",), "any"), "exists")), by_name) == ["4", "5", "6"]
    assert found(filled, All(()), Order((STATUS,), descending=False))[:2] == ["2", "1"]


def test_the_other_record_is_told_under_its_kind_with_its_arn(filled: Context) -> None:
    (body,), _ = filled.search.page("r", JOINED, Test(STATUS, "=", "on"), Order("created"), None, 9)
    assert body == {
        "Name": "1",
        "Source": {"Arn": "arn:JOB/A"},
        "Detail": {"Arn": "arn:JOB/A", "Job": {"Status": "on"}},
    }
