"""The built-in rules by the names that requests have."""

from __future__ import annotations

from collections.abc import Mapping

from clary.images.debugger_rules.rules.activations import DeadRelu, SaturatedActivation
from clary.images.debugger_rules.rules.boosting import Confusion, FeatureImportanceOverweight, TreeDepth
from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.rules.data import CheckInputImages, ClassImbalance, NLPSequenceRatio
from clary.images.debugger_rules.rules.losses import LossNotDecreasing, Overfit, Overtraining
from clary.images.debugger_rules.rules.stalled import StalledTrainingRule
from clary.images.debugger_rules.rules.tensors import (
    AllZero,
    ExplodingTensor,
    SimilarAcrossRuns,
    TensorVariance,
    UnchangedTensor,
)
from clary.images.debugger_rules.rules.weights import PoorWeightInitialization, VanishingGradient, WeightUpdateRatio
from clary.images.debugger_rules.rules.xgboost_report import CreateXgboostReport

CLASSES: Mapping[str, type[BuiltInRule]] = {
    each.__name__: each
    for each in (
        AllZero,
        CheckInputImages,
        ClassImbalance,
        Confusion,
        CreateXgboostReport,
        DeadRelu,
        ExplodingTensor,
        FeatureImportanceOverweight,
        LossNotDecreasing,
        NLPSequenceRatio,
        Overfit,
        Overtraining,
        PoorWeightInitialization,
        SaturatedActivation,
        SimilarAcrossRuns,
        StalledTrainingRule,
        TensorVariance,
        TreeDepth,
        UnchangedTensor,
        VanishingGradient,
        WeightUpdateRatio,
    )
}
