"""Overlaps, offsets, suppression, anchors and matching."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clary.images.object_detection import anchors, average_precision, boxes, loss
from clary.images.object_detection.anchors import Level
from clary.images.object_detection.loss import Truth
from clary.images.object_detection.network import Detector

sides = st.floats(0, 0.875, width=32)
lengths = st.floats(0.015625, 1, width=32)
corners = st.tuples(sides, sides, lengths, lengths).map(lambda f: (f[0], f[1], f[0] + f[2], f[1] + f[3]))
lists = st.lists(corners, min_size=1, max_size=12)


@given(lists, lists)
def test_overlaps_are_those_of_single_boxes(one: list[Any], other: list[Any]) -> None:
    found = boxes.overlaps(torch.tensor(one), torch.tensor(other))
    expected = [[average_precision.overlap(a, b) for b in other] for a in one]
    assert found.tolist() == [pytest.approx(row, abs=1e-4) for row in expected]


@given(lists, corners)
def test_what_is_encoded_is_decoded_again(given_boxes: list[Any], anchor: Any) -> None:
    """Where the anchor is not more than five times smaller, which no match allows."""
    own = torch.tensor(given_boxes)
    centre = boxes.centred(torch.tensor([anchor])).expand(len(own), 4)
    near = (boxes.centred(own)[:, 2:] < 4.9 * centre[:, 2:]).all(dim=1)
    again = boxes.decode(boxes.encode(own, centre), centre)
    assert torch.allclose(again[near], own[near], atol=1e-4)


@given(st.lists(st.tuples(corners, st.floats(0.015625, 1, width=32)), max_size=20), st.floats(0.1, 0.9))
def test_what_is_kept_overlaps_nothing_better_and_what_is_not_does(found: list[Any], threshold: float) -> None:
    where = torch.tensor([box for box, _ in found]).reshape(-1, 4)
    scores = torch.tensor([score for _, score in found])
    kept = boxes.suppress(where, scores, threshold)
    assert [scores[n].item() for n in kept] == sorted((scores[n].item() for n in kept), reverse=True)
    doubles = boxes.overlaps(where, where) > threshold
    for n in range(len(found)):
        better = [k for k in kept if k != n and scores[k] >= scores[n] and doubles[k, n]]
        if n in kept:
            assert not [k for k in better if kept.index(k) < kept.index(n)]
        else:
            assert better


def test_anchors_stand_around_each_cell_in_every_shape() -> None:
    levels = (Level(0.2, (2,)), Level(0.4, (2, 3)))
    found = anchors.make(levels, [(3, 2), (1, 1)])
    assert found.shape == (3 * 2 * 4 + 6, 4)
    assert found[0].tolist() == pytest.approx([0.25, 1 / 6, 0.2, 0.2])
    assert found[1].tolist() == pytest.approx([0.25, 1 / 6, 0.08**0.5, 0.08**0.5])
    assert found[4, :2].tolist() == pytest.approx([0.75, 1 / 6])
    wide, high = found[2], found[3]
    assert (wide[2] / wide[3]).item() == pytest.approx(2)
    assert (high[3] / high[2]).item() == pytest.approx(2)
    assert wide[2:].prod().item() == pytest.approx(0.04)


@given(st.lists(corners, max_size=4))
def test_every_true_box_has_an_anchor(given_boxes: list[Any]) -> None:
    found = anchors.make((Level(0.2, (2,)), Level(0.5, (2,))), [(6, 6), (3, 3)])
    distinct = [
        b for n, b in enumerate(given_boxes) if all(average_precision.overlap(b, o) < 0.3 for o in given_boxes[:n])
    ]
    truth = Truth(torch.tensor(distinct).reshape(-1, 4), torch.arange(len(distinct)))
    classes, of = loss.match(truth, boxes.cornered(found))
    overlaps = boxes.overlaps(truth.corners, boxes.cornered(found))
    near = overlaps.max(dim=0).values >= 0.5 if distinct else torch.zeros(len(found), dtype=torch.bool)
    assert (classes[near] > 0).all()
    assert int((classes > 0).sum()) >= len(set(overlaps.argmax(dim=1).tolist())) if distinct else not classes.any()
    assert (classes[classes > 0] - 1 == truth.classes[of[classes > 0]]).all()


def test_the_loss_of_a_perfect_answer_is_nothing_and_negatives_are_learnt_from() -> None:
    found = anchors.make((Level(0.2, (2,)), Level(0.5, (2,))), [(6, 6), (3, 3)])
    truth = Truth(torch.tensor([[0.1, 0.1, 0.4, 0.5]]), torch.tensor([1]))
    empty = Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    classes, of = loss.match(truth, boxes.cornered(found))
    offsets = boxes.encode(truth.corners[of], found)
    right = torch.nn.functional.one_hot(classes, 3).float() * 50
    nothing = torch.zeros(len(found), 3)
    nothing[:, 0] = 50
    both = torch.stack([right, nothing]), torch.stack([offsets, torch.zeros_like(offsets)])
    assert sum(loss.of_batch(*both, found, [truth, empty])).item() == pytest.approx(0, abs=1e-5)
    wrong = nothing.clone()
    wrong[7, 2] = 100  # an object where there is none
    entropy, smooth = loss.of_batch(torch.stack([right, wrong]), both[1], found, [truth, empty])
    assert entropy.item() > 1
    assert smooth.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("base", "shape", "sizes", "millions"),
    [
        ("small", 300, [38, 19, 10, 5, 3], (0.9, 1.2)),
        ("small", 512, [64, 32, 16, 8, 4], (0.9, 1.2)),
        ("vgg-16", 300, [38, 19, 10, 5, 3, 2], (20, 30)),
        ("resnet-50", 300, [38, 19, 10, 5, 3, 2], (25, 45)),
    ],
)
def test_networks_have_an_answer_for_each_anchor(
    base: str, shape: int, sizes: list[int], millions: tuple[float, float]
) -> None:
    model = Detector(base, 2, shape, 3).eval()
    with torch.no_grad():
        scores, offsets = model(torch.zeros(1, 3, shape, shape))
    count = sum(size**2 * level.count for size, level in zip(sizes, model.base.levels, strict=True))
    assert scores.shape == (1, count, 3)
    assert offsets.shape == (1, count, 4)
    assert model.anchors.shape == (count, 4)
    weights = sum(each.numel() for each in model.parameters()) / 1e6
    assert millions[0] < weights < millions[1]
    assert torch.softmax(scores, dim=-1)[..., 1:].mean() < 0.05  # nothing is likely before anything was learnt
