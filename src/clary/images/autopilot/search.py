"""Training the candidates, one after the other, each with five folds.

AutoGluon does the learning. Each candidate is trained by a call of its own, so that it can be shown as soon as it is
there and the time that is left is dealt out anew. A library that does not load costs its candidates, not the job.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

from clary.images.autopilot import problems
from clary.images.autopilot.description import REGRESSION, Description
from clary.images.autopilot.messages import ClientError

_FOLDS = 5
_RESERVE = 0.25  # of the budget: for the ensemble, refitting, explanations and reports
_LEAST = 4.0  # seconds; a candidate with less time is not begun

# What is tried, in this order: (algorithm as the API names it, AutoGluon's key and its settings).
_PLAN: list[tuple[str, str, dict[str, Any]]] = [
    ("lightgbm", "GBM", {"extra_trees": True, "ag_args": {"name_suffix": "XT"}}),
    ("lightgbm", "GBM", {}),
    ("catboost", "CAT", {}),
    ("xgboost", "XGB", {}),
    ("randomforest", "RF", {"n_estimators": 150, "max_depth": 14, "ag_args_fit": {"max_memory_usage_ratio": 1.5}}),
    ("extra-trees", "XT", {"n_estimators": 150, "max_depth": 14, "ag_args_fit": {"max_memory_usage_ratio": 1.5}}),
    ("linear-learner", "LR", {}),
    (
        "lightgbm",
        "GBM",
        {"learning_rate": 0.03, "num_leaves": 64, "feature_fraction": 0.8, "min_data_in_leaf": 10,
         "ag_args": {"name_suffix": "Large"}},
    ),
    (
        "catboost",
        "CAT",
        {"depth": 8, "learning_rate": 0.05, "l2_leaf_reg": 5.0, "ag_args": {"name_suffix": "Deep"}},
    ),
]  # fmt: skip
ALGORITHMS = tuple(dict.fromkeys(name for name, _, _ in _PLAN))


@dataclass(frozen=True)
class Candidate:
    """``model``: AutoGluon's name; ``predicted`` and ``probability`` are out of fold, for the rows of the table."""

    model: str
    algorithm: str
    metrics: dict[str, float]
    began: float
    ended: float
    predicted: pd.Series
    probability: pd.DataFrame | None


class Search:
    """One table, one budget. ``deadline``: monotonic seconds at which the whole job must be over."""

    def __init__(self, table: pd.DataFrame, wish: Description, folder: Path, deadline: float) -> None:
        warnings.filterwarnings("ignore")
        logging.getLogger("autogluon").setLevel(logging.ERROR)
        self._table, self._wish = table, wish
        self._deadline = deadline
        self._budget = max(0.0, deadline - time.monotonic())
        self._fitted = False
        self.predictor = TabularPredictor(
            label=wish.target,
            problem_type=problems.AUTOGLUON_PROBLEM[wish.problem],
            eval_metric=problems.AUTOGLUON_METRIC[wish.metric],
            sample_weight=wish.weight or None,
            path=str(folder),
            verbosity=0,
        )

    def run(self) -> Iterator[Candidate]:
        """The candidates as they are trained; ``ClientError`` if not one could be."""
        plan = [step for step in _PLAN if not self._wish.algorithms or step[0] in self._wish.algorithms]
        if not plan:
            asked, known = ", ".join(self._wish.algorithms), ", ".join(ALGORITHMS)
            raise ClientError(f"none of the algorithms asked for is here: {asked}. There are: {known}")
        wanted = plan[: max(1, self._wish.candidates - 1)] if self._wish.candidates > 1 else plan[:1]
        found = 0
        for number, (algorithm, key, settings) in enumerate(wanted):
            seconds = self._share(len(wanted) - number)
            if seconds < _LEAST and found:
                print(f"No time left for {len(wanted) - number} more candidates.", flush=True)
                break
            candidate = self._train(algorithm, key, settings, max(seconds, _LEAST))
            if candidate is not None:
                found += 1
                yield candidate
        if found == 0:
            raise ClientError(
                "no candidate could be trained in the time given: allow more (MaxAutoMLJobRuntimeInSeconds)"
            )

    def _share(self, left: int) -> float:
        """Seconds for the next candidate: an even share of what is left, a little more for the early ones."""
        free = self._deadline - time.monotonic() - _RESERVE * self._budget
        seconds = free / left * (1.5 if left > 1 else 1.0)
        return min(seconds, self._wish.seconds_each) if self._wish.seconds_each else seconds

    def _train(self, algorithm: str, key: str, settings: dict[str, Any], seconds: float) -> Candidate | None:
        began = time.time()
        fit: dict[str, Any] = {
            "hyperparameters": {key: settings},
            "time_limit": seconds,
            "fit_weighted_ensemble": False,
            "num_cpus": "auto",
            "num_gpus": 0,
            "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"},
        }
        before = set(self.predictor.model_names()) if self._fitted else set()
        try:
            if self._fitted:
                self.predictor.fit_extra(**fit)
            else:
                # The reports and the final fit need the table as it is.
                fit |= {"num_bag_folds": _FOLDS, "num_bag_sets": 1, "num_stack_levels": 0, "dynamic_stacking": False}
                self._fitted = True
                self.predictor.fit(self._table, raise_on_no_models_fitted=False, **fit)
        except (
            RuntimeError,
            ImportError,
            ValueError,
            MemoryError,
        ) as error:  # AutoGluon's "no models" is a RuntimeError
            print(f"{algorithm}: left out ({error})", flush=True)
            return None
        new = [name for name in self.predictor.model_names() if name not in before]
        if not new:
            print(
                f"{algorithm}: left out (it did not finish in {seconds:.0f} s, or its library does not load)",
                flush=True,
            )
            return None
        return self._candidate(new[-1], algorithm, began)

    def _candidate(self, model: str, algorithm: str, began: float) -> Candidate:
        """The candidate with its metrics over the rows that each fold did not see."""
        actual = self._table[self._wish.target]
        if self._wish.problem == REGRESSION:
            predicted, probability = self.predictor.predict_oof(model), None
        else:
            probability = self.predictor.predict_proba_oof(model)
            predicted = probability.idxmax(axis=1)
        seen = predicted.notna()
        metrics = problems.scores(
            self._wish.problem,
            actual[seen],
            predicted[seen],
            probability[seen] if probability is not None else None,
        )
        return Candidate(model, algorithm, metrics, began, time.time(), predicted, probability)
