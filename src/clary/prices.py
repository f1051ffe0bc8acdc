"""What a job or an endpoint would have cost on AWS: by the dated table ``prices.toml``, which names its sources.

Here nothing costs anything; the figures are for whoever plans. Instances only: no volumes, requests or transfer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

Instances = Iterable[tuple[str, int]]
"""(instance type, how many of it)"""


@dataclass(frozen=True)
class Cost:
    """US dollars for the same time: on demand, and on spot at the typical saving."""

    on_demand: float
    spot: float


@dataclass(frozen=True)
class Table:
    """``on_demand``: US dollars per hour by instance type. ``spot_saving``: a share by family, ``typical`` for the others."""

    date: date
    region: str
    source: str
    spot_source: str
    on_demand: dict[str, float]
    spot_saving: dict[str, float]


@cache
def table() -> Table:
    return Table(**tomllib.loads(Path(__file__).with_name("prices.toml").read_text()))


def spot_share(instance_type: str) -> float:
    """Spot's price divided by the one on demand, between 0 and 1."""
    saving = table().spot_saving
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return 1 - saving.get(family, saving["typical"])


def cost(instances: Instances, seconds: float) -> Cost | None:
    """What these instances cost for so long; None where the table has no price of one of them."""
    on_demand = spot = 0.0
    for kind, count in instances:
        price = table().on_demand.get(kind)
        if price is None:
            return None
        on_demand += price * count * seconds / 3600
        spot += price * spot_share(kind) * count * seconds / 3600
    return Cost(on_demand, spot)


def billable_seconds(seconds: int, instance_type: str) -> int:
    """BillableTimeInSeconds of a spot job, by which AWS's savings are told: (1 - billable / training) x 100 percent.

    At least one of any training: clients divide by the one and show the other.
    """
    return max(1, round(seconds * spot_share(instance_type)))
