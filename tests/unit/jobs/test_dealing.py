"""Shares of a channel: together they are the whole, each item once."""

from __future__ import annotations

import pytest

from clary.jobs.dealing import deal

ITEMS = [f"part-{number:02}" for number in range(23)]


@pytest.mark.parametrize("seed", [None, 0, 7])
@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_the_shares_of_all_hosts_are_the_whole(count: int, seed: int | None) -> None:
    shares = [deal(ITEMS, (index, count), seed, epoch=3) for index in range(count)]
    assert sorted(item for share in shares for item in share) == ITEMS
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_without_a_seed_the_order_is_kept() -> None:
    assert deal(ITEMS) == ITEMS
    assert deal(ITEMS, (1, 2)) == ITEMS[1::2]


def test_a_seed_gives_each_epoch_an_order_of_its_own_that_can_be_repeated() -> None:
    orders = [tuple(deal(ITEMS, seed=5, epoch=epoch)) for epoch in range(4)]
    assert len(set(orders)) == 4
    assert orders == [tuple(deal(ITEMS, seed=5, epoch=epoch)) for epoch in range(4)]
    assert orders[0] != tuple(deal(ITEMS, seed=6, epoch=0))
