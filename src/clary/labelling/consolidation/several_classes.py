"""Several classes of an object from several people's: each class is a question of its own, yes or no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clary.labelling.consolidation import classes

Chosen = Mapping[str, frozenset[int]]
"""Of one object: workers, and the ids of the classes that each chose."""


def consolidate(objects: Sequence[Chosen]) -> list[dict[int, float]]:
    """Of each object every class that somebody chose, by id, and how likely it is right: 0 where one person was asked."""
    named = sorted({each for chosen in objects for ids in chosen.values() for each in ids})
    found: list[dict[int, float]] = [{} for _ in objects]
    for each in named:
        questions = [{worker: int(each in ids) for worker, ids in chosen.items()} for chosen in objects]
        likely = classes.posteriors(questions, (0, 1))
        for chosen, votes, posterior, out in zip(objects, questions, likely, found, strict=True):
            if any(votes.values()):
                out[each] = round(posterior[1], 2) if len(chosen) > 1 else 0
    return found
