"""Rules for boosted trees: what XGBoost saves."""

from __future__ import annotations

import numpy as np

from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.rules.data import classes
from clary.images.debugger_rules.trial import Array


class TreeDepth(BuiltInRule):
    """A tree is deeper than ``depth``, by its largest node id: the nodes of the level d are numbered from 2^d - 1."""

    def invoke_at_step(self, step: int) -> bool:
        for name, value in self.values(step, self.matching(step, r"^trees/Node$")):
            depth = int(self.note(name, step, np.floor(np.log2(np.max(value) + 1))))
            if depth > self.given["depth"]:
                text = f"a tree is {depth} levels deep (node {int(np.max(value))}), more than {self.given['depth']}"
                return self.met(text, name, depth)
        return False


class FeatureImportanceOverweight(BuiltInRule):
    """The ``nfeatures`` most important features have more than ``threshold`` of all importance."""

    def invoke_at_step(self, step: int) -> bool:
        names = self.matching(step, self.given["tensor_regex"])
        found = {name: float(np.sum(value)) for name, value in self.values(step, names)}
        total = sum(found.values())
        if not total:
            return False
        first = sorted(found, key=found.__getitem__, reverse=True)[: self.given["nfeatures"]]
        share = self.note(first[0], step, sum(found[name] for name in first) / total)
        if share <= self.given["threshold"]:
            return False
        features = ", ".join(name.rpartition("/")[2] for name in first)
        text = f"{share:.4g} of the importance is that of {features}, more than {self.given['threshold']:g}"
        return self.met(text, first[0], share)


class Confusion(BuiltInRule):
    """In the matrix of labels (rows) and predictions (columns), less than ``min_diag`` of a column is on the diagonal, or
    more than ``max_off_diag`` in another place."""

    def invoke_at_step(self, step: int) -> bool:
        labels, predictions = self._one(step, "labels"), self._one(step, "predictions")
        if labels is None or predictions is None:
            return False
        truth, found = classes(labels), classes(predictions, argmax=predictions.ndim > 1)
        if truth.shape != found.shape or min(truth.min(), found.min()) < 0:
            return False
        count = self.given["category_no"] or int(max(truth.max(), found.max())) + 1
        matrix = np.zeros((count, count))
        inside = (truth < count) & (found < count)
        np.add.at(matrix, (truth[inside], found[inside]), 1)
        return self._is_met(matrix, step)

    def _is_met(self, matrix: Array, step: int) -> bool:
        for column in np.flatnonzero(matrix.sum(axis=0)).tolist():
            shares = matrix[:, column] / matrix[:, column].sum()
            right = self.note(f"predictions of class {column}", step, shares[column])
            if right < self.given["min_diag"]:
                text = f"{right:.4g} of what is predicted to be class {column} is that, less than {self.given['min_diag']:g}"
                return self.met(text, f"predictions of class {column}", right)
            shares[column] = 0
            row = int(shares.argmax())
            if shares[row] > self.given["max_off_diag"]:
                text = (
                    f"{shares[row]:.4g} of what is predicted to be class {column} is class {row}, more than "
                    f"{self.given['max_off_diag']:g}"
                )
                return self.met(text, f"predictions of class {column}", float(shares[row]))
        return False

    def _one(self, step: int, what: str) -> Array | None:
        """The tensor of that name, else the first of the collection."""
        name, collection = self.given[what], self.given[f"{what}_collection"]
        named = self.base_trial.tensor_names(step=step, regex=f"^{name}$")
        names = named or self.base_trial.tensor_names(step=step, collection=collection)
        return next((value for _, value in self.values(step, names)), None)
