"""What the pages of jobs need to know of each kind: its operations and how they call things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clary.console.visit import Visit

STATUSES = ("InProgress", "Completed", "Failed", "Stopping", "Stopped")
LIVE = frozenset({"InProgress", "Stopping"})


@dataclass(frozen=True)
class JobKind:
    """``noun`` is the API's, TrainingJob; ``work`` begins its times: TrainingStartTime. ``record`` kinds change its pages."""

    noun: str
    title: str
    path: str
    work: str
    cluster: tuple[str, ...]  # where its Describe tells of instances

    @property
    def name(self) -> str:
        return f"{self.noun}Name"

    @property
    def copy(self) -> str:
        """Where a copy of one is made."""
        return self.path.replace("/_/", "/_/copies/")

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.noun}s"

    def describe(self, visit: Visit, name: str) -> dict[str, Any]:
        return visit.call("sagemaker", f"Describe{self.noun}", **{self.name: name})

    def status(self, found: Mapping[str, Any]) -> str:
        return str(found[f"{self.noun}Status"])

    def reason(self, found: Mapping[str, Any]) -> str:
        """Why it is as it is: what failed, which rule stopped it, what it does right now."""
        if reason := found.get("FailureReason") or found.get("ExitMessage"):
            return str(reason)
        if self.status(found) in LIVE:
            steps = found.get("SecondaryStatusTransitions") or [{}]
            return str(steps[-1].get("StatusMessage") or steps[-1].get("Status") or "")
        fired = [
            each["RuleConfigurationName"]
            for each in found.get("DebugRuleEvaluationStatuses", [])
            if each["RuleEvaluationStatus"] == "IssuesFound"
        ]
        return f"by {', '.join(fired)}" if fired and self.status(found) == "Stopped" else ""

    def lasted(self, found: Mapping[str, Any], now: datetime) -> timedelta | None:
        began: datetime | None = found.get(f"{self.work}StartTime")
        if began is None:
            return None
        ended: datetime = found.get(f"{self.work}EndTime") or now
        return ended - began

    def instances(self, found: Mapping[str, Any]) -> str:
        """``2 × ml.m5.large``."""
        cluster: Mapping[str, Any] = found
        for part in self.cluster:
            cluster = cluster[part]
        groups = cluster.get("InstanceGroups") or [cluster]
        return ", ".join(f"{group['InstanceCount']} × {group['InstanceType']}" for group in groups)


TRAINING = JobKind("TrainingJob", "Training jobs", "/_/training-jobs", "Training", ("ResourceConfig",))
PROCESSING = JobKind(
    "ProcessingJob", "Processing jobs", "/_/processing-jobs", "Processing", ("ProcessingResources", "ClusterConfig")
)
TRANSFORM = JobKind("TransformJob", "Transform jobs", "/_/transform-jobs", "Transform", ("TransformResources",))
KINDS = (TRAINING, PROCESSING, TRANSFORM)
