"""The built-in algorithm's hyperparameters: which there are, what they may be, and how they are read from texts.

One that is left out has XGBoost's own default. Source: the hyperparameter page of SageMaker's developer guide for
XGBoost and the validators of the XGBoost container; texts of errors are theirs.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from clary.images.xgboost.errors import UserError

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


@dataclass(frozen=True)
class Interval:
    """From ``least`` to ``most``, which count where the side is not ``open``."""

    least: float = -math.inf
    most: float = math.inf
    open: str = ""  # "(", ")" or "()"

    def __contains__(self, value: float) -> bool:
        above = value > self.least if "(" in self.open else value >= self.least
        return above and (value < self.most if ")" in self.open else value <= self.most)

    def __str__(self) -> str:
        left = "(-inf" if self.least == -math.inf else f"{'(' if '(' in self.open else '['}{self.least}"
        right = "+inf)" if self.most == math.inf else f"{self.most}{')' if ')' in self.open else ']'}"
        return f"{left}, {right}"


@dataclass(frozen=True)
class Hyperparameter:
    """``read`` makes the value of a text, or raises ValueError; ``range`` holds what is allowed, of each item of a list."""

    read: Callable[[str], Any]
    range: Interval | Collection[Any]

    def parse(self, name: str, text: str) -> Any:
        try:
            value = self.read(text)
        except (ValueError, SyntaxError):
            raise UserError(f"Hyperparameter {name}: could not parse value {text!r}") from None
        for item in _flat(value):
            if item not in self.range:
                shown = self.range if isinstance(self.range, Interval) else list(self.range)
                raise UserError(f"Hyperparameter {name}: {item} is not in {shown}")
        return value


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _whole_numbers(text: str) -> Any:
    """A tuple of whole numbers, or a list of lists of them, as Python writes it."""
    value = ast.literal_eval(text)
    if not isinstance(value, list | tuple) or not all(type(item) is int for item in _flat(value)):
        raise ValueError(text)
    return value


def _flat(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        return [value]
    return [item for part in value for item in _flat(part)]


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


def _whole(least: float = -math.inf, most: float = math.inf, opened: str = "") -> Hyperparameter:
    return Hyperparameter(int, Interval(least, most, opened))


def _real(least: float = -math.inf, most: float = math.inf, opened: str = "") -> Hyperparameter:
    return Hyperparameter(_number, Interval(least, most, opened))


def _one_of(*values: str) -> Hyperparameter:
    return Hyperparameter(str, values)


_SHARE = _real(0, 1, "(")
TABLE: dict[str, Hyperparameter] = {
    "num_round": _whole(1),
    "csv_weights": _whole(0, 1),
    "early_stopping_rounds": _whole(1),
    "booster": _one_of("gbtree", "gblinear", "dart"),
    "verbosity": _whole(0, 3),
    "nthread": _whole(1),
    "eta": _real(0, 1),
    "gamma": _real(0),
    "max_depth": _whole(0),
    "min_child_weight": _real(0),
    "max_delta_step": _real(0),
    "subsample": _SHARE,
    "sampling_method": _one_of("uniform", "gradient_based"),
    "colsample_bytree": _SHARE,
    "colsample_bylevel": _SHARE,
    "colsample_bynode": _SHARE,
    "lambda": _real(0),
    "alpha": _real(0),
    "tree_method": _one_of("auto", "exact", "approx", "hist", "gpu_hist"),
    "sketch_eps": _real(0, 1, "()"),
    "scale_pos_weight": _real(0, opened="("),
    "updater": Hyperparameter(
        _list,
        "grow_colmaker grow_histmaker grow_quantile_histmaker sync refresh prune shotgun coord_descent".split(),
    ),
    "dsplit": _one_of("row", "col"),
    "refresh_leaf": _whole(0, 1),
    "process_type": _one_of("default", "update"),
    "grow_policy": _one_of("depthwise", "lossguide"),
    "max_leaves": _whole(0),
    "max_bin": _whole(0),
    "predictor": _one_of("auto", "cpu_predictor", "gpu_predictor"),
    "monotone_constraints": Hyperparameter(_whole_numbers, (-1, 0, 1)),
    "interaction_constraints": Hyperparameter(_whole_numbers, Interval(0)),
    "sample_type": _one_of("uniform", "weighted"),
    "normalize_type": _one_of("tree", "forest"),
    "rate_drop": _real(0, 1),
    "one_drop": _whole(0, 1),
    "skip_drop": _real(0, 1),
    "lambda_bias": _real(0, 1),
    "tweedie_variance_power": _real(1, 2, "()"),
    "huber_slope": _real(0, opened="("),
    "objective": _one_of(*OBJECTIVES),
    "num_class": _whole(2),
    "base_score": _real(0),
    "eval_metric": Hyperparameter(_list, _Metrics()),
    "seed": _whole(-(2**31), 2**31 - 1),
    "num_parallel_tree": _whole(1),
    "deterministic_histogram": _one_of("true", "false"),
    "single_precision_histogram": _one_of("true", "false"),
    "save_model_on_termination": _one_of("true", "false"),
    "aft_loss_distribution": _one_of("normal", "logistic", "extreme"),
    "aft_loss_distribution_scale": _real(0, opened="("),
    "use_dask_gpu_training": _one_of("true", "false"),
    "_tuning_objective_metric": Hyperparameter(lambda text: text.rpartition(":")[2], _Metrics()),
}


def read(texts: Mapping[str, str]) -> dict[str, Any]:
    """The values of a job's hyperparameters; ``UserError`` says which cannot be used and what may stand there.

    The platform's own (``sagemaker_…``) are left out; a text may be JSON's, as the SDK's framework estimators send it.
    """
    given = {
        _ALIASES.get(name, name): _plain(text) for name, text in texts.items() if not name.startswith("sagemaker_")
    }
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


def _plain(text: str) -> str:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


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
