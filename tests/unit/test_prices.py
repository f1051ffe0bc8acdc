"""The price table is whole, and what is told by it adds up."""

from __future__ import annotations

import datetime

import pytest

from clary import prices


def test_the_table_is_dated_and_names_its_sources() -> None:
    table = prices.table()
    assert isinstance(table.date, datetime.date)
    assert table.region == "us-east-1"
    assert "https://aws.amazon.com/sagemaker/pricing/" in table.source
    assert table.spot_source


def test_every_price_and_saving_is_one() -> None:
    table = prices.table()
    assert all(kind.startswith("ml.") and 0 < price < 100 for kind, price in table.on_demand.items())
    assert all(0 < saving < 0.91 for saving in table.spot_saving.values())  # AWS: up to 90 percent


def test_a_cost_is_the_hours_of_all_instances() -> None:
    cost = prices.cost([("ml.m5.xlarge", 2), ("ml.g5.xlarge", 1)], 1800)
    assert cost is not None
    assert cost.on_demand == pytest.approx(0.23 + 1.408 / 2)
    assert cost.spot == pytest.approx(0.23 * 0.30 + 1.408 / 2 * 0.38)


def test_a_type_that_is_not_listed_has_no_price_known() -> None:
    assert prices.cost([("ml.p4d.24xlarge", 1)], 10) is None
    assert prices.spot_share("ml.x99.large") == pytest.approx(0.30)


@pytest.mark.parametrize(("seconds", "billable"), [(1, 1), (2, 1), (10, 3), (3600, 1080)])
def test_billable_seconds_show_the_saving_and_are_never_none(seconds: int, billable: int) -> None:
    assert prices.billable_seconds(seconds, "ml.m5.large") == billable
