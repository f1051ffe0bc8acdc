"""The built-in algorithm's hyperparameters: which there are, what they may be, and how they are read from texts.

One that is left out has XGBoost's own default. Source: the hyperparameter page of SageMaker's developer guide for
XGBoost and the validators of the XGBoost container; texts of errors are theirs.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from clary.images.errors import UserError
from clary.images.hyperparameter_texts import Hyperparameter, Interval, flat, one_of, plain, real, whole

MAXIMIZED = frozenset(
    "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision precision_macro precision_micro r2 "
    "recall recall_macro recall_micro".split()
)
MINIMIZED = frozenset(
    "aft-nloglik cox-nloglik error gamma-deviance gamma-nloglik interval-regression-accuracy logloss mae mape merror "
    "mlogloss mphe mse poisson-nloglik rmse rmsle tweedie-nloglik".split()
)
OBJECTIVES = (
    "reg:squarederror reg:linear reg:logistic reg:gamma reg:tweedie reg:absoluteerror reg:squaredlogerror "
    "reg:pseudohubererror binary:logistic binary:logitraw binary:hinge multi:softmax multi:softprob count:poisson "
    "rank:pairwise rank:ndcg rank:map survival:cox survival:aft"
).split()
# What XGBoost 3 has no more: taken, so that old jobs run, and said in the log to have no effect.
WITHOUT_EFFECT = frozenset(
    {"sketch_eps", "predictor", "dsplit", "deterministic_histogram", "single_precision_histogram"}
)

_ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
_NOT_HERE = {
    "_kfold": "cross-validation within a job is not served: start a job for each fold",
    "_num_cv_round": "cross-validation within a job is not served: start a job for each fold",
}


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _whole_numbers(text: str) -> Any:
    """A tuple of whole numbers, or a list of lists of them, as Python writes it."""
    value = ast.literal_eval(text)
    if not isinstance(value, list | tuple) or not all(type(item) is int for item in flat(value)):
        raise ValueError(text)
    return value


class _Metrics:
    """``name`` or ``name@threshold``; which names there are is told in the error."""

    def __contains__(self, name: object) -> bool:
        plain, at, threshold = str(name).partition("@")
        if not at:
            return plain in MAXIMIZED | MINIMIZED
        try:
            float(threshold.removesuffix("-"))
        except ValueError:
            return False
        return plain in {"error", "ndcg", "map"}

    def __iter__(self) -> Any:
        return iter(sorted(MAXIMIZED | MINIMIZED))

    def __len__(self) -> int:
        return len(MAXIMIZED | MINIMIZED)


_SHARE = real(0, 1, "(")
TABLE: dict[str, Hyperparameter] = {
    "num_round": whole(1),
    "csv_weights": whole(0, 1),
    "early_stopping_rounds": whole(1),
    "booster": one_of("gbtree", "gblinear", "dart"),
    "verbosity": whole(0, 3),
    "nthread": whole(1),
    "eta": real(0, 1),
    "gamma": real(0),
    "max_depth": whole(0),
    "min_child_weight": real(0),
    "max_delta_step": real(0),
    "subsample": _SHARE,
    "sampling_method": one_of("uniform", "gradient_based"),
    "colsample_bytree": _SHARE,
    "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE,
    "lambda": real(0),
    "alpha": real(0),
    "tree_method": one_of("auto", "exact", "approx", "hist", "gpu_hist"),
    "sketch_eps": real(0, 1, "()"),
    "scale_pos_weight": real(0, opened="("),
    "updater": Hyperparameter(
        _list,
        "grow_colmaker grow_histmaker grow_quantile_histmaker sync refresh prune shotgun coord_descent".split(),
    ),
    "dsplit": one_of("row", "col"),
    "refresh_leaf": whole(0, 1),
    "process_type": one_of("default", "update"),
    "grow_policy": one_of("depthwise", "lossguide"),
    "max_leaves": whole(0),
    "max_bin": whole(0),
    "predictor": one_of("auto", "cpu_predictor", "gpu_predictor"),
    "monotone_constraints": Hyperparameter(_whole_numbers, (-1, 0, 1)),
    "interaction_constraints": Hyperparameter(_whole_numbers, Interval(0)),
    "sample_type": one_of("uniform", "weighted"),
    "normalize_type": one_of("tree", "forest"),
    "rate_drop": real(0, 1),
    "one_drop": whole(0, 1),
    "skip_drop": real(0, 1),
    "lambda_bias": real(0, 1),
    "tweedie_variance_power": real(1, 2, "()"),
    "huber_slope": real(0, opened="("),
    "objective": one_of(*OBJECTIVES),
    "num_class": whole(2),
    "base_score": real(0),
    "eval_metric": Hyperparameter(_list, _Metrics()),
    "seed": whole(-(2**31), 2**31 - 1),
    "num_parallel_tree": whole(1),
    "deterministic_histogram": one_of("true", "false"),
    "single_precision_histogram": one_of("true", "false"),
    "save_model_on_termination": one_of("true", "false"),
    "aft_loss_distribution": one_of("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": real(0, opened="("),
    "use_dask_gpu_training": one_of("true", "false"),
    "_tuning_objective_metric": Hyperparameter(lambda text: text.rpartition(":")[2], _Metrics()),
}


def read(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of a job's hyperparameters; ``UserError`` says which cannot be used and what may stand there.

    The platform's own (``sagemaker_…``) are left out; a text may be JSON's, as the SDK's framework estimators send it.
    """
    given = {_ALIASES.get(name, name): plain(text) for name, text in texts.items() if not name.startswith("sagemaker_")}
    if "num_round" not in given:
        raise UserError("Missing required hyperparameter: num_round")
    values = {}
    for name, text in given.items():
        if name in _NOT_HERE:
            raise UserError(f"Hyperparameter {name}: {_NOT_HERE[name]}")
        if name not in TABLE:
            raise UserError(f"Extraneous hyperparameter found: {name}")
        values[name] = TABLE[name].parse(name, text)
    _check_together(values)
    return values


def _check_together(values: dict[str, Any]) -> None:
    """What one of them asks of another."""
    objective = values.get("objective", "reg:squarederror")
    metrics = [name.partition("@")[0] for name in metrics_of(values)]
    if objective.startswith("multi:") and "num_class" not in values:
        raise UserError("Require input for parameter 'num_class' for multi-classification")
    if not objective.startswith("multi:") and "num_class" in values:
        raise UserError("Do not need to setup parameter 'num_class' for learning task other than multi-classification.")
    if "auc" in metrics and not objective.startswith(("binary:", "rank:", "multi:softprob", "reg:logistic")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in metrics and objective != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")
    if values.get("tree_method") == "gpu_hist" or values.get("use_dask_gpu_training") == "true":
        raise UserError("Hyperparameter tree_method: gpu_hist needs a GPU, which this image does not use: take hist")
    linear = values.get("booster") == "gblinear"
    for updater in values.get("updater", ()):
        if linear != (updater in {"shotgun", "coord_descent"}):
            kind = "Linear" if linear else "Tree"
            raise UserError(
                f"Hyperparameter updater: {updater} is no updater of the booster. {kind} boosters have others"
            )
    if values.get("process_type") == "update":
        raise UserError("Hyperparameter process_type: update needs a model to start from, which a job cannot be given")


def metrics_of(values: Mapping[str, Any]) -> list[str]:
    """The metrics asked for, in their order and once each; none where the objective's own is to be taken."""
    tuned = values.get("_tuning_objective_metric")
    return list(dict.fromkeys([*values.get("eval_metric", ()), *([tuned] if tuned else [])]))
