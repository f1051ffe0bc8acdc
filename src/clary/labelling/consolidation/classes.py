"""One class from several people's: expectation and maximisation over who is how often right, after Dawid and Skene (1979).

Settings as AWS's published sample of consolidation has them: every class as likely at first, workers right in 0.7 of all
cases, 20 rounds at most, until the likelihood changes by less than 1e-8. Worker's tables are pulled towards their own
accuracy and that towards everybody's, so that few answers say little. Ties go to the class with the smaller id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Votes = Mapping[str, int]
"""Who said what, of one object: workers and class ids."""

_ROUNDS = 20
_CHANGE = 1e-8  # of the log-likelihood, relative
_RIGHT = 0.7  # of a worker of whom nothing is known
_OF_ALL = 10.0  # answers that everybody's accuracy counts for in a worker's
_OF_WORKER = 2.0  # answers that a worker's accuracy counts for in each row of the worker's table
_MANY = 50  # classes: from there on an object is only asked about those that somebody named


@dataclass(frozen=True)
class Choice:
    """``confidence``: how likely the class is the right one, 0 where one person alone was asked."""

    winner: int
    confidence: float


def consolidate(objects: Sequence[Votes]) -> list[Choice]:
    """One choice for each object; each has a vote at least."""
    found = posteriors(objects, sorted({vote for votes in objects for vote in votes.values()}))
    choices = []
    for votes, posterior in zip(objects, found, strict=True):
        winner = max(posterior, key=lambda each: (posterior[each], -each))
        choices.append(Choice(winner, round(posterior[winner], 2) if len(votes) > 1 else 0))
    return choices


def posteriors(objects: Sequence[Votes], classes: Sequence[int]) -> list[dict[int, float]]:
    """Of each object, how likely each class is."""
    asked = [list(classes) if len(classes) <= _MANY else sorted(set(votes.values())) for votes in objects]
    tables = _Tables(classes)
    share = dict.fromkeys(classes, 1 / max(1, len(classes)))
    before = -math.inf
    found: list[dict[int, float]] = []
    for _ in range(_ROUNDS):
        likelihood, found = 0.0, []
        for votes, candidates in zip(objects, asked, strict=True):
            posterior, total = _judged(votes, candidates, share, tables)
            likelihood += total
            found.append(posterior)
        if abs(likelihood - before) < _CHANGE * abs(likelihood):
            break
        before = likelihood
        tables.learn(objects, found)
        counts = {each: 1.0 + sum(posterior.get(each, 0.0) for posterior in found) for each in classes}
        whole = sum(counts.values())
        share = {each: count / whole for each, count in counts.items()}
    return found


def _judged(
    votes: Votes, candidates: Sequence[int], share: Mapping[int, float], tables: _Tables
) -> tuple[dict[int, float], float]:
    """How likely each class is after these votes, and the logarithm of how likely the votes were."""
    logs = {
        truth: math.log(share[truth]) + sum(math.log(tables.of(worker, truth, vote)) for worker, vote in votes.items())
        for truth in candidates
    }
    top = max(logs.values())
    weights = {truth: math.exp(value - top) for truth, value in logs.items()}
    whole = sum(weights.values())
    return {truth: weight / whole for truth, weight in weights.items()}, top + math.log(whole)


class _Tables:
    """How often each worker says what, when what is true."""

    def __init__(self, classes: Sequence[int]) -> None:
        self._others = max(1, len(classes) - 1)
        self._accuracy: dict[str, float] = {}
        self._counts: dict[tuple[str, int, int], float] = {}
        self._rows: dict[tuple[str, int], float] = {}

    def of(self, worker: str, truth: int, vote: int) -> float:
        accuracy = self._accuracy.get(worker, _RIGHT)
        prior = accuracy if truth == vote else (1 - accuracy) / self._others
        seen = self._counts.get((worker, truth, vote), 0.0)
        return (seen + _OF_WORKER * prior) / (self._rows.get((worker, truth), 0.0) + _OF_WORKER)

    def learn(self, objects: Sequence[Votes], posteriors: Sequence[Mapping[int, float]]) -> None:
        self._counts, self._rows = {}, {}
        right: dict[str, float] = {}
        asked: dict[str, int] = {}
        for votes, posterior in zip(objects, posteriors, strict=True):
            for worker, vote in votes.items():
                asked[worker] = asked.get(worker, 0) + 1
                right[worker] = right.get(worker, 0.0) + posterior.get(vote, 0.0)
                for truth, weight in posterior.items():
                    self._counts[worker, truth, vote] = self._counts.get((worker, truth, vote), 0.0) + weight
                    self._rows[worker, truth] = self._rows.get((worker, truth), 0.0) + weight
        of_all = (sum(right.values()) + _OF_ALL * _RIGHT) / (sum(asked.values()) + _OF_ALL)
        for worker, count in asked.items():
            accuracy = (right[worker] + _OF_ALL * of_all) / (count + _OF_ALL)
            self._accuracy[worker] = min(max(accuracy, 0.01), 0.99)
