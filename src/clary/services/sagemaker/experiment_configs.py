"""ExperimentConfig, which every kind of job may be given: what it names must be there.

What comes of it is in ``clary.jobs.provenance``: the job's component belongs to the trial.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker import experiments, trials


def check(context: Context, request: dict[str, Any]) -> None:
    """``ResourceNotFound`` for an experiment or a trial that is not there; the trial must be of the experiment."""
    config = request.get("ExperimentConfig") or {}
    experiment = experiments.find(context, config["ExperimentName"]) if "ExperimentName" in config else None
    trial = trials.find(context, config["TrialName"]) if "TrialName" in config else None
    if experiment and trial and trial.body["ExperimentName"] != experiment.name:
        raise ValidationException(
            f"Trial '{trial.arn}' belongs to the experiment {trial.body['ExperimentName']}, not to {experiment.name}."
        )
