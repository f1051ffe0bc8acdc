"""The ensemble: which candidates, with which weights, so that together they are better and still quick.

Weights are chosen greedily on out-of-fold predictions (Caruana et al., Ensemble Selection from Libraries of Models,
ICML 2004; AutoGluon's implementation). While a row would take too long, the slowest member is left out and the choice
is made anew.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from autogluon.core.metrics import get_metric
from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

from clary.images.autopilot import problems
from clary.images.autopilot.description import REGRESSION, Description
from clary.images.autopilot.search import Candidate

NAME = "WeightedEnsemble"
QUICK = 0.020  # seconds that the members may take together for one row
_ROUNDS = 40


def choose(
    candidates: list[Candidate], latencies: dict[str, float], actual: pd.Series, wish: Description
) -> tuple[Candidate, dict[str, float]] | None:
    """The ensemble as a candidate and its members' weights; None if no two candidates are better than one."""
    began = time.time()
    pool = list(candidates)
    while len(pool) > 1:
        weights = _weights(pool, actual, wish)
        if len(weights) < 2:
            return None
        if sum(latencies[name] for name in weights) <= QUICK:
            members = {c.model: c for c in pool}
            predicted, probability = combine({n: _values(members[n]) for n in weights}, weights, wish, candidates)
            metrics = problems.scores(wish.problem, actual, predicted, probability)
            return Candidate(NAME, "ensemble", metrics, began, time.time(), predicted, probability), weights
        slowest = max(weights, key=lambda name: latencies[name])
        pool = [c for c in pool if c.model != slowest]
    return None


def combine(
    values: dict[str, np.ndarray], weights: dict[str, float], wish: Description, candidates: list[Candidate]
) -> tuple[pd.Series, pd.DataFrame | None]:
    """The weighted mean of predictions or probabilities."""
    mean = sum(weights[name] * values[name] for name in weights)
    index = candidates[0].predicted.index
    if wish.problem == REGRESSION:
        return pd.Series(mean, index=index), None
    first = candidates[0].probability
    assert first is not None
    probability = pd.DataFrame(mean, index=index, columns=first.columns)
    return probability.idxmax(axis=1), probability


def _weights(pool: list[Candidate], actual: pd.Series, wish: Description) -> dict[str, float]:
    problem = problems.AUTOGLUON_PROBLEM[wish.problem]
    metric = get_metric(problems.AUTOGLUON_METRIC[wish.metric], problem_type=problem)
    labels = actual.to_numpy()
    values = [_values(c) for c in pool]
    if wish.problem != REGRESSION:
        first = pool[0].probability
        assert first is not None
        labels = pd.Categorical(actual, categories=list(first.columns)).codes
        if problem == "binary":
            values = [v[:, 1] for v in values]
    selection = EnsembleSelection(
        ensemble_size=_ROUNDS, problem_type=problem, metric=metric, random_state=np.random.RandomState(7)
    )
    selection.fit(values, labels)
    found = zip(pool, selection.weights_, strict=True)
    return {c.model: float(weight) for c, weight in found if weight > 0}


def _values(candidate: Candidate) -> np.ndarray:
    if candidate.probability is not None:
        return candidate.probability.to_numpy()
    return candidate.predicted.to_numpy(dtype=float)
