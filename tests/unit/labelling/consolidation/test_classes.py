"""One class from several people's, several classes from several people's."""

from __future__ import annotations

import random

import pytest

from clary.labelling.consolidation import classes, several_classes


@pytest.mark.parametrize(
    ("votes", "winner", "least", "most"),
    [
        ({"a": 2}, 2, 0, 0),  # one person alone
        ({"a": 1, "b": 1}, 1, 0.6, 1),
        ({"a": 0, "b": 1}, 0, 0.45, 0.55),  # nothing says who is right: the smaller id
        ({"a": 1, "b": 1, "c": 0}, 1, 0.5, 0.99),
        ({"a": 0, "b": 1, "c": 1, "d": 1, "e": 1}, 1, 0.8, 1),
    ],
)
def test_one_object(votes: dict[str, int], winner: int, least: float, most: float) -> None:
    (choice,) = classes.consolidate([votes])
    assert choice.winner == winner
    assert least <= choice.confidence <= most


def test_more_agreement_is_more_confidence() -> None:
    found = classes.consolidate([{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 0}, {"a": 0, "b": 0, "c": 0}])
    assert found[0].confidence > found[1].confidence
    assert [each.winner for each in found] == [1, 1, 0]


def test_who_is_often_wrong_counts_less() -> None:
    """Two who are mostly right against one who guesses: where the good ones agree on most, a tie goes their way."""
    chance = random.Random(1)
    truth = [chance.randrange(3) for _ in range(60)]
    objects = [
        {"good": each, "fair": each if chance.random() < 0.9 else (each + 1) % 3, "bad": chance.randrange(3)}
        for each in truth
    ]
    objects.append({"good": 2, "bad": 1})
    *found, tie = classes.consolidate(objects)
    right = sum(choice.winner == each for choice, each in zip(found, truth, strict=True))
    assert right >= 57
    assert (tie.winner, tie.confidence > 0.6) == (2, True)


def test_many_classes_are_quick_and_right() -> None:
    chance = random.Random(2)
    truth = [chance.randrange(400) for _ in range(500)]
    objects = [{f"w{n}": each if chance.random() < 0.8 else chance.randrange(400) for n in range(3)} for each in truth]
    found = classes.consolidate(objects)
    assert (
        sum(choice.winner == each for choice, each in zip(found, truth, strict=True)) > 450
    )  # at most 0.93 of them can be told: two of three agree


def test_no_objects_no_choices() -> None:
    assert classes.consolidate([]) == []
    assert several_classes.consolidate([]) == []


def test_every_class_that_somebody_chose_is_there() -> None:
    objects = [
        {"a": frozenset({1, 4}), "b": frozenset({1}), "c": frozenset({1})},
        {"a": frozenset(), "b": frozenset()},
        {"a": frozenset({0})},
    ]
    first, second, third = several_classes.consolidate(objects)
    assert list(first) == [1, 4]
    assert first[1] > 0.7 > 0.5 > first[4]
    assert second == {}
    assert third == {0: 0}
