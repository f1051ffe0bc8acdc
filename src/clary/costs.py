"""What a job or an endpoint would have cost on AWS, for ``clary status``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clary import prices

COLUMN = "AWS, on spot"
_FREE = "sagemaker-debugger-rules"
NOTE = (
    f"AWS would have asked so much: for instances only, at the prices of {prices.table().region} as of "
    f"{prices.table().date:%Y-%m-%d}, on demand and on spot at its typical saving."
)


def of_job(noun: str, described: dict[str, Any], now: datetime) -> str:
    """Of a training, processing or transform job as its Describe tells it; until ``now`` while it runs.

    A built-in rule of Debugger costs nothing on AWS.
    """
    if noun == "TrainingJob":
        cluster, kind = described["ResourceConfig"], "Training"
    elif noun == "ProcessingJob":
        cluster, kind = described["ProcessingResources"]["ClusterConfig"], "Processing"
        if described.get("AppSpecification", {}).get("ImageUri", "").rpartition("/")[2].partition(":")[0] == _FREE:
            return "$0, a built-in rule"
    else:
        cluster, kind = described["TransformResources"], "Transform"
    seconds = described.get(f"{kind}TimeInSeconds")
    if seconds is None:
        began = described.get(f"{kind}StartTime")
        seconds = _between(began, described.get(f"{kind}EndTime", now)) if began else 0
    return _told(_instances(cluster), seconds)


def of_endpoint(described: dict[str, Any], config: dict[str, Any], now: datetime) -> str:
    """Of an endpoint from its creation until ``now``; ``config`` is what DescribeEndpointConfig tells."""
    variants = [v for v in config["ProductionVariants"] if "InstanceType" in v]
    instances = [(v["InstanceType"], v.get("InitialInstanceCount", 1)) for v in variants]
    return _told(instances, _between(described["CreationTime"], now))


def _instances(cluster: dict[str, Any]) -> list[tuple[str, int]]:
    groups = cluster.get("InstanceGroups") or [cluster]
    return [(group["InstanceType"], group["InstanceCount"]) for group in groups]


def _between(began: datetime, ended: datetime) -> float:
    return max(0.0, (ended - began).total_seconds())


def _told(instances: list[tuple[str, int]], seconds: float) -> str:
    cost = prices.cost(instances, seconds)
    if cost is None:
        return "no price known"
    return f"{_dollars(cost.on_demand)}, {_dollars(cost.spot)}"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"
