"""Which of a model's boxes are sure enough to be labels."""

from __future__ import annotations

import pytest

from clary.labelling import proposals
from clary.labelling.consolidation.boxes import Box
from clary.labelling.proposals import Rule, Scored


def box(left: float = 0, class_id: int = 0) -> Box:
    return Box(class_id, left, 0, 100, 100)


def scored(score: float, left: float = 0, class_id: int = 0) -> Scored:
    return Scored(box(left, class_id), score)


@pytest.mark.parametrize(
    ("proposed", "truth", "expected"),
    [
        ([], [], 1.0),
        ([scored(0.9)], [], 0.0),
        ([], [box()], 0.0),
        ([scored(0.9)], [box()], 1.0),
        ([scored(0.9, class_id=1)], [box()], 0.0),
        ([scored(0.9), scored(0.8, 500)], [box()], 0.5),  # one too many
        ([scored(0.9), scored(0.8, 1)], [box()], 0.5),  # two for one thing
        ([scored(0.9)], [box(), box(500)], 0.5),  # one was missed
        ([scored(0.9, 50)], [box()], pytest.approx(1 / 3)),
    ],
)
def test_how_good_a_proposal_is(proposed: list[Scored], truth: list[Box], expected: float) -> None:
    assert proposals.quality(proposed, truth) == expected


def test_the_rule_takes_as_many_as_are_good_on_average() -> None:
    good = [([scored(0.9)], [box()])] * 12
    bad = [([scored(0.4, 500)], [box()])] * 20
    rule = proposals.pick([*good, *bad])
    assert rule is not None
    # Those with high scores are taken, whichever cut; of the others as many as leave the mean at 0.6.
    assert proposals.taken(rule, [scored(0.9)]) == [scored(0.9)]
    assert proposals.taken(rule, [scored(0.3, 500)]) is None
    assert proposals.pick(bad) is None
    assert proposals.pick(good[:4]) is None  # too few to say anything


def test_an_empty_image_is_sure_if_nothing_scores() -> None:
    rule = Rule(cut=0.5, sure=0.8)
    assert proposals.taken(rule, [scored(0.1)]) == []
    assert proposals.taken(rule, [scored(0.4)]) is None
    assert proposals.taken(rule, []) == []
    assert proposals.taken(rule, [scored(0.9), scored(0.1)]) == [scored(0.9)]


def test_without_anything_to_judge_by_there_is_no_rule() -> None:
    assert proposals.pick([]) is None
