"""The program inside a training task of XGBoost: the user's script if one is named, else the built-in algorithm.

The algorithm reads the channels ``train`` and, if it is there, ``validation``, prints each iteration's metrics and
writes ``xgboost-model``. One machine. Source: SageMaker's developer guide on XGBoost.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

import numpy as np
import xgboost

from clary.images.errors import UserError
from clary.images.xgboost import hyperparameters, metrics
from clary.images.xgboost.rows import Rows, read_channel, read_pipe, with_columns
from clary.runtime import contract
from clary.runtime import train as script_mode

MODEL = "xgboost-model"
_CHANNELS = ("train", "validation")
_NOT_XGBOOSTS = {
    "num_round", "csv_weights", "early_stopping_rounds", "save_model_on_termination", "eval_metric",
    "_tuning_objective_metric", "use_dask_gpu_training", *hyperparameters.WITHOUT_EFFECT,
}  # fmt: skip
# XGBoost itself would take ndcg@32 and map@32, which no metric definition knows.
_OF_RANKING = {"rank:pairwise": "ndcg", "rank:ndcg": "ndcg", "rank:map": "map"}


def main() -> int:
    texts = contract.read_config("hyperparameters.json")
    if "sagemaker_program" in texts or os.environ.get("SAGEMAKER_PROGRAM"):
        return script_mode.main()
    try:
        values = hyperparameters.read(texts)
        train, validation = _data(values)
        booster = _boost(values, train, validation)
    except UserError as error:
        return contract.fail(f"ClientError: {error}", 2)
    except xgboost.core.XGBoostError as error:
        return contract.fail(
            f"XGB train call failed with exception:\n {str(error).partition('Stack trace')[0].strip()}", 1
        )
    contract.MODEL.mkdir(parents=True, exist_ok=True)
    (contract.MODEL / MODEL).write_bytes(booster.save_raw("ubj"))
    return 0


def _data(values: dict[str, Any]) -> tuple[xgboost.DMatrix, xgboost.DMatrix | None]:
    channels = contract.read_config("inputdataconfig.json")
    for name in channels:
        if name not in _CHANNELS:
            raise UserError(f"Extraneous channel found: {name}. There may be: {', '.join(_CHANNELS)}")
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    weights = values.get("csv_weights") == 1
    found = {name: _rows(name, channel, weights=weights) for name, channel in channels.items()}
    width = max(rows.values.shape[1] for rows in found.values())
    matrices = {name: _matrix(rows, width, name, values) for name, rows in found.items()}
    for name, matrix in matrices.items():
        _say(f"{name.capitalize()} matrix has {matrix.num_row()} rows and {matrix.num_col()} columns")
    train, validation = matrices["train"], matrices.get("validation")
    if validation is not None and validation.num_col() != train.num_col():
        raise UserError(
            f"The channel validation has {validation.num_col()} features in a row, the channel train {train.num_col()}"
        )
    return train, validation


def _rows(name: str, channel: dict[str, str], *, weights: bool) -> Rows:
    kind = channel.get("ContentType", "text/libsvm")
    if channel["TrainingInputMode"] != "Pipe":
        return read_channel(contract.DATA / name, kind, weights=weights)
    wrapped = channel["RecordWrapperType"] == "RecordIO"
    return read_pipe(contract.DATA / f"{name}_0", kind, wrapped=wrapped, weights=weights)


def _matrix(rows: Rows, width: int, channel: str, values: dict[str, Any]) -> xgboost.DMatrix:
    assert rows.label is not None
    _check_labels(rows.label, channel, values)
    try:
        matrix = xgboost.DMatrix(
            with_columns(rows.values, width), label=rows.label, weight=_by_group(rows), qid=rows.group
        )
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise UserError(f"The channel {channel}: {str(error).partition('Stack trace')[0].strip()}") from None
    if values.get("objective") == "survival:aft":  # the time of an event that was seen: both bounds are the label
        matrix.set_info(label_lower_bound=rows.label, label_upper_bound=rows.label)
    return matrix


def _by_group(rows: Rows) -> np.ndarray | None:
    """Weights, one a row; where rows are grouped, one a group, as ranking takes them: that of its first row."""
    if rows.weight is None or rows.group is None:
        return rows.weight
    starts = np.flatnonzero(np.r_[True, rows.group[1:] != rows.group[:-1]])
    found: np.ndarray = rows.weight[starts]
    return found


def _check_labels(label: np.ndarray, channel: str, values: dict[str, Any]) -> None:
    """What the objective asks of labels, before XGBoost does so in words of its own source."""
    objective, count = values.get("objective", "reg:squarederror"), values.get("num_class", 0)
    bad, rule = np.zeros(len(label), dtype=bool), ""
    if objective in {"binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic"}:
        bad, rule = (label < 0) | (label > 1), "label must be in [0,1] for logistic regression"
    elif objective.startswith("multi:"):
        bad, rule = (label < 0) | (label >= count) | (label != np.floor(label)), f"label must be in [0, {count})"
    elif objective in {"count:poisson", "reg:tweedie", "reg:gamma"}:
        bad = label <= 0 if objective == "reg:gamma" else label < 0
        rule = f"label must be {'positive' if objective == 'reg:gamma' else 'nonnegative'} for {objective}"
    bad |= ~np.isfinite(label)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise UserError(
            f"{rule or 'label must be a finite number'}: row {row + 1} of the channel {channel} has {label[row]:g}"
        )


class _Watch(xgboost.callback.TrainingCallback):  # type: ignore[misc] # the server has no XGBoost
    """Prints each iteration's metrics; ends the training after the iteration in which SIGTERM came, if it is to."""

    def __init__(self, *, save_on_termination: bool) -> None:
        super().__init__()
        self._stopped = False
        if save_on_termination:
            signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: int | FrameType | None) -> None:
        self._stopped = True

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's names
        _say(metrics.line(epoch, evals_log))
        return self._stopped


def _boost(values: dict[str, Any], train: xgboost.DMatrix, validation: xgboost.DMatrix | None) -> Any:
    for name in sorted(hyperparameters.WITHOUT_EFFECT & values.keys()):
        _say(f"Clary: XGBoost {xgboost.__version__} has no {name} any more; it has no effect.")
    parameters = {name: value for name, value in values.items() if name not in _NOT_XGBOOSTS}
    if parameters.get("objective") == "reg:linear":
        parameters["objective"] = "reg:squarederror"  # its name since XGBoost 0.90
    if "updater" in parameters:
        parameters["updater"] = ",".join(parameters["updater"])
    asked = hyperparameters.metrics_of(values)
    own = [name for name in asked if name in metrics.NAMES]
    if not asked and (of_ranking := _OF_RANKING.get(parameters.get("objective", ""))):
        asked = [of_ranking]
    if native := [name for name in asked if name not in metrics.NAMES]:
        parameters["eval_metric"] = native
    evals = [(train, "train"), *([(validation, "validation")] if validation is not None else [])]
    callbacks: list[Any] = [_Watch(save_on_termination=values.get("save_model_on_termination") == "true")]
    if rounds := values.get("early_stopping_rounds"):
        callbacks.append(_early_stopping(rounds, evals[-1][1], asked, values))
    objective = parameters.get("objective", "reg:squarederror")
    try:
        return xgboost.train(
            parameters,
            train,
            num_boost_round=values["num_round"],
            evals=evals,
            custom_metric=metrics.evaluation(own, objective) if own else None,
            callbacks=callbacks,
            verbose_eval=False,
        )
    except ValueError as error:  # a metric that does not fit the labels
        raise UserError(str(error)) from None


def _early_stopping(rounds: int, channel: str, asked: list[str], values: dict[str, Any]) -> Any:
    """By the last metric on the last channel; the model then ends with its best iteration, where it is made of trees."""
    metric = asked[-1] if asked else None
    return xgboost.callback.EarlyStopping(
        rounds=rounds,
        metric_name=metric,
        data_name=channel,
        maximize=metric.partition("@")[0] in hyperparameters.MAXIMIZED if metric else None,
        save_best=values.get("booster", "gbtree") == "gbtree",
    )


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
