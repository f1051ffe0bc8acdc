"""A small smdebug of Clary's: what training scripts import of SageMaker Debugger, on Clary's own hook.

A script whose requirements.txt has smdebug gets that one in place of this. Reading what was saved (``smdebug.trials``) is left
to it.
"""

from __future__ import annotations

from clary.formats.tensors.layout import Mode as modes  # noqa: N813 - smdebug's name of it
from clary.runtime.hook.scripted import ReductionConfig, SaveConfig, SaveConfigMode

__all__ = ["CollectionKeys", "ReductionConfig", "SaveConfig", "SaveConfigMode", "modes"]
__version__ = "1.0.34"


class CollectionKeys:
    """The names of the built-in collections."""

    DEFAULT = "default"
    ALL = "all"
    WEIGHTS = "weights"
    GRADIENTS = "gradients"
    LOSSES = "losses"
    BIASES = "biases"
    METRICS = "metrics"
    HYPERPARAMETERS = "hyperparameters"
    PREDICTIONS = "predictions"
    LABELS = "labels"
    FEATURE_IMPORTANCE = "feature_importance"
    AVERAGE_SHAP = "average_shap"
    FULL_SHAP = "full_shap"
    TREES = "trees"
