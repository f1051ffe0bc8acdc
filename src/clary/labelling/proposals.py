"""Which boxes that a model proposes are sure enough to be labels: judged by images that people labelled too.

Of a proposal the boxes above a cut count. How good it is: the mean overlap of its boxes with the person's, in pairs of one
class, where a box without a partner on either side counts 0; an image that both say is empty counts 1. How sure it is: the
mean score of its boxes, for an empty image how little the best box below the cut scores. The rule is the pair of cut and
sureness that takes most of the judged images while these are good on average: mean overlap 0.6, AWS's own target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from clary.labelling.consolidation.boxes import Box, overlap

TARGET = 0.6
"""The mean overlap that taken proposals must have on images that people labelled."""

_CUTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_LEAST = 5  # images, of which fewer say nothing about the others


@dataclass(frozen=True)
class Scored:
    """``score``: how sure the model is of the box, 0 to 1."""

    box: Box
    score: float


@dataclass(frozen=True)
class Rule:
    """``cut``: the score from which a box counts. ``sure``: from which sureness on a proposal is taken."""

    cut: float
    sure: float


def pick(judged: Sequence[tuple[Sequence[Scored], Sequence[Box]]]) -> Rule | None:
    """The rule that takes most, from proposals and what people said; None if none is good enough."""
    best: tuple[int, float, Rule] | None = None
    for cut in _CUTS:
        found = sorted(
            ((sureness(proposed, cut), quality(kept(proposed, cut), truth)) for proposed, truth in judged), reverse=True
        )
        for count in range(_LEAST, len(found) + 1):
            if count < len(found) and found[count][0] == found[count - 1][0]:
                continue  # those that are as sure go together
            mean = fmean(each for _, each in found[:count])
            if mean >= TARGET and (best is None or (count, mean) > best[:2]):
                best = count, mean, Rule(cut, found[count - 1][0])
    return best[2] if best else None


def taken(rule: Rule, proposed: Sequence[Scored]) -> list[Scored] | None:
    """The boxes of a proposal that is sure enough; None if it is not."""
    return kept(proposed, rule.cut) if sureness(proposed, rule.cut) >= rule.sure else None


def kept(proposed: Sequence[Scored], cut: float) -> list[Scored]:
    """The boxes that count."""
    return [each for each in proposed if each.score >= cut]


def sureness(proposed: Sequence[Scored], cut: float) -> float:
    """Of a whole proposal, 0 to 1: the mean score of its boxes; without any, how far the best stays below 1."""
    above = kept(proposed, cut)
    if above:
        return fmean(each.score for each in above)
    return 1 - max((each.score for each in proposed), default=0.0)


def quality(proposed: Sequence[Scored], truth: Sequence[Box]) -> float:
    """From 0 to 1; pairs are made the most alike first."""
    if not proposed and not truth:
        return 1.0
    pairs = sorted(
        (
            (overlap(mine.box, theirs), a, b)
            for a, mine in enumerate(proposed)
            for b, theirs in enumerate(truth)
            if mine.box.class_id == theirs.class_id
        ),
        reverse=True,
    )
    used_a: set[int] = set()
    used_b: set[int] = set()
    total = 0.0
    for value, a, b in pairs:
        if value > 0 and a not in used_a and b not in used_b:
            total += value
            used_a.add(a)
            used_b.add(b)
    return total / (len(proposed) + len(truth) - len(used_a))
