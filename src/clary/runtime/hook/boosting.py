"""Watches trainings in XGBoost: a callback that every ``xgboost.train`` gets, and by it the estimators of its scikit-learn API.

A round is a step; trainings that follow each other in one process go on counting. Predictions and labels are those of the last
of ``evals``, contributions (SHAP values) those of the training data, both only where their collections are asked for.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xgboost
import xgboost.sklearn
import xgboost.training
from xgboost.callback import TrainingCallback

from clary.formats.tensors.layout import Mode
from clary.runtime.hook import configuration, workers
from clary.runtime.hook.configuration import Configuration
from clary.runtime.hook.guard import guarded
from clary.runtime.hook.notice import tell
from clary.runtime.hook.numbers import Arrays
from clary.runtime.hook.saving import Saver

INTERVAL = 10
PATTERNS = {
    "all": [],
    "default": [],
    "hyperparameters": ["^hyperparameters/.*$"],
    "predictions": ["^predictions$"],
    "labels": ["^labels$"],
    "feature_importance": ["^feature_importance/.*"],
    "average_shap": ["^average_shap/(?!bias$)"],
    "full_shap": ["^full_shap/(?!bias$)"],
    "trees": ["^trees/.*"],
    "metrics": ["^[^/]+-[^/]+$"],
    "losses": ["^[^/]+-[^/]+(?<!auc)(?<!map)$"],
}
"""The collections that there are, and what is in them, as smdebug has them; names of metrics may have more signs."""

_IMPORTANCES = ("weight", "gain", "cover", "total_gain", "total_cover")
_TREE_BOOSTERS = {"gbtree", "dart"}


class Hook:
    """``off``: whether it does nothing any more."""

    def __init__(self, configured: Configuration) -> None:
        self.off = False
        self._process = os.getpid()
        self.saver = Saver(configured, Arrays(), PATTERNS, ["metrics"], self._worker)
        self._said: Mode | None = None
        atexit.register(self.close)

    def set_mode(self, mode: Mode) -> None:
        """The mode of the rounds from now on; GLOBAL unless the script says one."""
        self._said = mode

    @guarded
    def round(self, model: Any, evals: Any, training: Training) -> None:
        """A round has ended."""
        saver = self.saver
        if not saver.begin(self._said or Mode.GLOBAL):
            return
        for name, number in _metrics(evals):
            saver.save(name, number)
        for name, given in training.hyperparameters.items():
            saver.save(f"hyperparameters/{name}", given)
        if saver.wants("predictions") and training.validation is not None:
            saver.save("predictions", model.predict(training.validation))
        if saver.wants("labels") and training.validation is not None:
            saver.save("labels", training.validation.get_label())
        self._trees(model)
        self._contributions(model, training.data)
        saver.end()

    @guarded
    def tensor(self, name: str, tensor: Any) -> None:
        """Save a tensor of the script's own, if its collection is saved at this step."""
        self.saver.save(name, tensor)

    @guarded
    def scalar(self, name: str, number: Any, is_metric: bool, at: float | None) -> None:
        """Save a number of the script's own."""
        self.saver.scalar(name, float(number), is_metric=is_metric, at=at)

    @guarded
    def close(self) -> None:
        """Write what is left; nothing in a copy of the process."""
        if os.getpid() == self._process:  # a copy of this process has nothing to write
            self.saver.close()

    def switch_off(self) -> None:
        """Nothing is held."""

    def changed(self) -> None:
        """Collections were changed by the script."""
        self.saver.changed()

    def _trees(self, model: Any) -> None:
        """How much each feature counts, and the trees of this round."""
        wants = self.saver.wants
        if not (wants("feature_importance/weight/x") or wants("trees/Tree")) or _booster(model) not in _TREE_BOOSTERS:
            return
        for importance in _IMPORTANCES if wants("feature_importance/weight/x") else ():
            scores = model.get_score(importance_type=importance)
            total = sum(scores.values()) or 1.0
            for name, score in scores.items():
                self.saver.save(f"feature_importance/{importance}/{name}", score / total)
        if wants("trees/Tree"):
            for name, column in trees(model, _rounds(model) - 1).items():
                self.saver.save(f"trees/{name}", column)

    def _contributions(self, model: Any, data: Any) -> None:
        if data is None or not (self.saver.wants("average_shap/x") or self.saver.wants("full_shap/x")):
            return
        found = model.predict(data, pred_contribs=True)  # rows, [classes,] features and the bias
        means = found.reshape(-1, found.shape[-1]).mean(axis=0)
        for number, name in enumerate(_features(model)):
            self.saver.save(f"full_shap/{name}", found)
            self.saver.save(f"average_shap/{name}", means[number])

    def _worker(self) -> workers.Worker:
        count = xgboost.collective.get_world_size()
        rank = xgboost.collective.get_rank() if count > 1 else None
        return workers.of_job(rank, count if count > 1 else None, all_workers=self.saver.configuration.all_workers)


class Training:
    """One call of ``train``. ``data``: what it trains on; ``validation``: what predictions are made of."""

    def __init__(self, hyperparameters: dict[str, Any], data: Any, evals: Sequence[tuple[Any, str]]) -> None:
        self.hyperparameters, self.data = hyperparameters, data
        self.validation = evals[-1][0] if evals else data


class Callback(TrainingCallback):  # type: ignore[misc] # xgboost is not there when this is checked
    """Tells the hook of each round."""

    def __init__(self, hook: Hook, training: Training) -> None:
        super().__init__()
        self._hook, self._training = hook, training

    def after_iteration(self, model: Any, _: int, evals_log: Any) -> bool:
        self._hook.round(model, evals_log, self._training)
        return False


current: Hook | None = None
"""The process's only one."""


def install() -> None:
    """Watch this process from now on."""
    global current  # noqa: PLW0603 - there is one xgboost in a process
    try:
        current = Hook(configuration.read(INTERVAL))
    except (configuration.Misconfigured, ValueError) as error:
        tell(error)
        return
    patch()


@functools.cache
def patch() -> None:
    """Give every training the callback."""
    train = xgboost.training.train

    @functools.wraps(train)
    def watched(params: Any, dtrain: Any, *given: Any, **named: Any) -> Any:
        if current is not None and not current.off:
            named["callbacks"] = _with_ours(current, named.get("callbacks"), dict(params), dtrain, named.get("evals"))
        return train(params, dtrain, *given, **named)

    for module in (xgboost, xgboost.training, xgboost.sklearn):
        module.train = watched


def _with_ours(hook: Hook, given: Any, params: dict[str, Any], data: Any, evals: Any) -> list[Any]:
    """The script's callbacks and the hook's, unless it put one there itself."""
    callbacks = list(given or [])
    if not any(getattr(each, "saves_tensors", False) or isinstance(each, Callback) for each in callbacks):
        callbacks.append(Callback(hook, Training(params, data, evals or [])))
    return callbacks


def _metrics(evals: Any) -> Iterator[tuple[str, float]]:
    for data, found in evals.items():
        for name, history in found.items():
            last = history[-1]
            yield f"{data}-{name}", last[0] if isinstance(last, tuple) else last  # of folds: with its deviation


def _booster(model: Any) -> str:
    found = re.search(r'"booster":\s*"(\w+)"', model.save_config())
    return found[1] if found else "gbtree"


def _rounds(model: Any) -> int:
    return int(model.num_boosted_rounds())


def _features(model: Any) -> list[str]:
    return model.feature_names or [f"f{number}" for number in range(model.num_features())]


def trees(model: Any, round_: int) -> dict[str, Any]:
    """The nodes of the trees of one round, by node, in columns; texts where a leaf has no number."""
    rows = model[round_ : round_ + 1].trees_to_dataframe()
    first = round_ * max(len(rows["Tree"].unique()), 1)
    found: dict[str, Any] = {"Tree": rows["Tree"].to_numpy("int64") + first, "Node": rows["Node"].to_numpy("int64")}
    for name in ("ID", "Yes", "No", "Missing"):
        found[name] = np.array([_moved(each, first) for each in rows[name]], dtype="U")
    found["Feature"] = np.array(rows["Feature"].astype("str"), dtype="U")
    for name in ("Split", "Gain", "Cover"):
        found[name] = rows[name].to_numpy("float64")
    found["Category"] = np.array(rows["Category"].astype("str"), dtype="U")
    order = ("Tree", "Node", "ID", "Feature", "Split", "Yes", "No", "Missing", "Gain", "Cover", "Category")
    return {name: found[name] for name in order}


def _moved(name: Any, first: int) -> str:
    """A node's name with the number that its tree has in the whole model."""
    if not isinstance(name, str):
        return "nan"
    tree, _, node = name.partition("-")
    return f"{int(tree) + first}-{node}"
