"""The built-in object detection without its image: hyperparameters, annotations, channels, average precision."""

from __future__ import annotations

import io
import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import detection_labels, image_records, recordio
from clary.formats.detection_labels import DetectionLabel
from clary.images import catalog
from clary.images.errors import UserError
from clary.images.object_detection import hyperparameters, labels, sources
from clary.images.object_detection.average_precision import Detection, mean_average_precision, overlap
from clary.images.object_detection.labels import Annotation, Box
from tests import shapes

NEEDED = {"num_classes": "2", "num_training_samples": "60"}
WHERE = "train_annotation/a.json"


def test_defaults_are_those_of_the_documentation() -> None:
    found = hyperparameters.read({**NEEDED, "sagemaker_region": '"us-east-1"', "epochs": '"3"'})
    assert found == hyperparameters.Settings(
        num_classes=2, num_training_samples=60, base_network="vgg-16", use_pretrained_model=1, image_shape=300, epochs=3,
        mini_batch_size=32, learning_rate=0.001, lr_scheduler_factor=0.1, lr_scheduler_step=(), optimizer="sgd",
        momentum=0.9, weight_decay=0.0005, overlap_threshold=0.5, nms_threshold=0.45, label_width=350,
        freeze_layer_pattern="", kv_store="dist_sync", early_stopping=False, early_stopping_min_epochs=10,
        early_stopping_patience=5, early_stopping_tolerance=0.0,
    )  # fmt: skip
    texts = hyperparameters.texts(NEEDED)
    assert texts["freeze_layer_pattern"] == "false"
    assert all(isinstance(text, str) for text in texts.values())
    assert hyperparameters.read(texts) == hyperparameters.read(NEEDED)


@pytest.mark.parametrize(
    ("name", "edges", "beyond", "shown"),
    [
        ("num_classes", "1", "0", "[1, +inf)"),
        ("num_training_samples", "1", "0", "[1, +inf)"),
        ("base_network", "vgg-16 resnet-50 small", "vgg16", "['vgg-16', 'resnet-50', 'small']"),
        ("use_pretrained_model", "0 1", "-1 2", "[0, 1]"),
        ("image_shape", "300 512", "299", "[300, +inf)"),
        ("epochs", "1", "0", "[1, +inf)"),
        ("mini_batch_size", "1", "0", "[1, +inf)"),
        ("learning_rate", "0.000001 1", "0 1.1", "(0, 1]"),
        ("lr_scheduler_factor", "0.001 0.999", "0 1", "(0, 1)"),
        ("lr_scheduler_step", "1 1,2 10,20,30", "0 0,5", "[1, +inf)"),
        ("optimizer", "sgd adam rmsprop adadelta", "nag", "['sgd', 'adam', 'rmsprop', 'adadelta']"),
        ("momentum", "0.001 1", "0 1.1", "(0, 1]"),
        ("weight_decay", "0.001 0.999", "0 1", "(0, 1)"),
        ("overlap_threshold", "0.001 1", "0 1.1", "(0, 1]"),
        ("nms_threshold", "0.001 1", "0 1.1", "(0, 1]"),
        ("label_width", "1", "0", "[1, +inf)"),
        ("kv_store", "dist_sync dist_async", "local", "['dist_sync', 'dist_async']"),
        ("early_stopping_min_epochs", "1", "0", "[1, +inf)"),
        ("early_stopping_patience", "1", "0", "[1, +inf)"),
        ("early_stopping_tolerance", "0 1", "-0.1 1.1", "[0, 1]"),
    ],
)
def test_a_range_holds_its_edges_and_nothing_beyond(name: str, edges: str, beyond: str, shown: str) -> None:
    for text in edges.split():
        hyperparameters.read({**NEEDED, name: text})
    for text in beyond.split():
        with pytest.raises(UserError, match=rf"Hyperparameter {name}: .* is not in {re.escape(shown)}$"):
            hyperparameters.read({**NEEDED, name: text})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"num_classes": "2"}, "Missing required hyperparameter: num_training_samples"),
        ({**NEEDED, "depth": "3"}, "Extraneous hyperparameter found: depth. There are: num_classes, "),
        ({**NEEDED, "epochs": "2.5"}, "Hyperparameter epochs: could not parse value '2.5'"),
        ({**NEEDED, "learning_rate": "nan"}, "Hyperparameter learning_rate: could not parse value 'nan'"),
        ({**NEEDED, "early_stopping": "yes"}, "Hyperparameter early_stopping: could not parse value 'yes'"),
        ({**NEEDED, "freeze_layer_pattern": "(conv"}, "Hyperparameter freeze_layer_pattern: could not parse"),
        ({**NEEDED, "lr_scheduler_step": "20,10"}, "lr_scheduler_step: '20,10' must name epochs that rise"),
        ({**NEEDED, "_tuning_objective_metric": "validation:f1"}, "validation:f1 is not in"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_name(given: dict[str, str], told: str) -> None:
    with pytest.raises(UserError) as caught:
        hyperparameters.read(given)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["True", "true", "TRUE", "1"])
def test_truth_is_taken_in_any_case(text: str) -> None:
    assert hyperparameters.read({**NEEDED, "early_stopping": text}).early_stopping


def test_the_guide_has_every_hyperparameter_with_its_range_and_default() -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/object-detection.md").read_text()
    for name, each in hyperparameters.TABLE.items():
        default = "required" if each.default is None else f"`{each.default}`" if each.default else "none"
        row = rf"\| `{name}` \| {re.escape(each.shown)} \| {re.escape(default)} \|"
        assert re.search(row, guide), row


LINES = {
    "train:progress": ("#progress_metric: host=algo-1, completed 6 % of epochs", "6"),
    "train:smooth_l1": ("#quality_metric: host=algo-1, epoch=3, batch=25 train smooth_l1 <loss>=0.51", "0.51"),
    "train:cross_entropy": ("#quality_metric: host=algo-1, epoch=3, batch=25 train cross_entropy <loss>=1.5", "1.5"),
    "train:throughput": ("#throughput_metric: host=algo-1, train throughput=581.5 records/second", "581.5"),
    "validation:mAP": ("#quality_metric: host=algo-1, epoch=3, validation mAP <score>=(0.4123)", "0.4123"),
}


def test_metric_definitions_find_the_lines_of_awss_algorithm() -> None:
    definitions = catalog.find("811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1").metric_definitions
    assert {each["Name"] for each in definitions} == set(LINES)
    for each in definitions:
        line, value = LINES[each["Name"]]
        found = re.search(each["Regex"], f"[11/26/2026 10:00:00 INFO 1401] {line}")
        assert found is not None
        assert found[1] == value


def annotation(**box: Any) -> str:
    found = {"class_id": 0, "left": 10, "top": 20, "width": 30, "height": 40, **box}
    return json.dumps({"image_size": [{"width": 100, "height": 80, "depth": 3}], "annotations": [found]})


def test_pixels_become_fractions_and_a_hair_is_clipped() -> None:
    assert labels.of_json(annotation(), WHERE).boxes == (Box(0, 0.1, 0.25, 0.4, 0.75),)
    over = annotation(left=-0.5, top=0, width=101.5, height=80.6)
    assert labels.of_json(over, WHERE).boxes == (Box(0, 0, 0, 1, 1),)
    assert labels.of_json('{"image_size": [{"width": 9, "height": 9}], "annotations": []}', WHERE).boxes == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", f"{WHERE} is no JSON"),
        ("[]", f'{WHERE}: there is no list of "annotations"'),
        ('{"annotations": []}', f'{WHERE}: there is no "image_size"'),
        ('{"annotations": [], "image_size": [{"width": 0, "height": 5}]}', "image_size is 0 x 5 pixels"),
        (
            annotation(left=80),
            f"{WHERE}: box 1 lies outside of its image of 100 x 80 pixels: left 80, top 20, width 30",
        ),
        (annotation(top=-2), f"{WHERE}: box 1 lies outside"),
        (annotation(left=100.5, width=0.4), f"{WHERE}: box 1 lies outside"),
        (annotation(width=0), f"{WHERE}: box 1 has no area"),
        (annotation(class_id=1.5), f"{WHERE}: box 1 has the class_id 1.5"),
        (annotation(class_id="dog"), f'{WHERE}: box 1 has the class_id "dog"'),
        (annotation(left=None), f"{WHERE}: box 1 must have the numbers left, top, width and height"),
    ],
)
def test_an_annotation_that_cannot_be_is_told_by_file_and_box(text: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        labels.of_json(text, WHERE)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("found", "num_classes", "told"),
    [
        ([0, 3], 3, "image 2, box 1: class_id 3 is too high for num_classes=3, which has the ids 0 to 2"),
        ([0, 2], 3, "The class ids of the channel train have a gap: 0, 2 occur, 1 not"),
        ([0] * 3, 3, None),
    ],
)
def test_classes_are_counted_from_zero_without_a_gap(found: list[int], num_classes: int, told: str | None) -> None:
    images = [(f"image {n}", Annotation((Box(each, 0, 0, 1, 1),))) for n, each in enumerate(found, 1)]
    if told is None:
        labels.check_classes(images, num_classes, 69, "train")
        return
    with pytest.raises(UserError) as caught:
        labels.check_classes(images, num_classes, 69, "train")
    assert told in str(caught.value)


def test_more_boxes_than_the_label_width_holds_are_told() -> None:
    settings = hyperparameters.read({**NEEDED, "label_width": "12"})
    two, three = (Annotation((Box(0, 0, 0, 1, 1),) * count) for count in (2, 3))
    labels.check_classes([("two", two)], 1, settings.most_boxes, "train")
    with pytest.raises(UserError, match="three has 3 boxes, which take a label_width of 17; it holds 2 boxes"):
        labels.check_classes([("three", three)], 1, settings.most_boxes, "train")


FILE = {"TrainingInputMode": "File", "RecordWrapperType": "None", "ContentType": "image/png"}
RECORDS = {**FILE, "ContentType": "application/x-recordio"}
PIPE = {**RECORDS, "TrainingInputMode": "Pipe"}


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ({"train": RECORDS, "validation": RECORDS, "test": RECORDS}, "Extraneous channel found: test. There may be"),
        ({"train": RECORDS}, "Missing required channel: validation"),
        ({"train": FILE, "validation": FILE, "train_annotation": FILE}, "required channel: validation_annotation"),
        ({"train": {**FILE, "ContentType": "text/csv"}, "validation": FILE}, "text/csv is not an accepted ContentType"),
    ],
)
def test_channels_are_checked(channels: dict[str, dict[str, str]], told: str) -> None:
    with pytest.raises(UserError) as caught:
        sources.check(channels)
    assert told in str(caught.value)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures as files beside their annotations, as a .rec, and as what a pipe of an augmented manifest holds."""
    for channel in ("train", "train_annotation", "records", "manifest"):
        (tmp_path / channel).mkdir()
    records, pairs = [], []
    for seed in (0, 4):
        body, found = shapes.picture(seed)
        (tmp_path / f"train/{seed}.png").write_bytes(body)
        (tmp_path / f"train_annotation/{seed}.json").write_bytes(shapes.annotation_file(found, f"{seed}.png"))
        side = shapes.SIDE
        boxes = tuple(
            (float(s.class_id), s.left / side, s.top / side, (s.left + s.width) / side, (s.top + s.height) / side)
            for s in found
        )
        records.append(image_records.labelled(seed, detection_labels.pack(DetectionLabel(boxes)), body))
        pairs += [body, json.dumps(shapes.annotation(found)).encode()]
    image_records.write(tmp_path / "records/data.rec", records)
    with (tmp_path / "manifest/stream").open("wb") as stream:
        recordio.write(stream, pairs)
    return tmp_path


def close_to(expected: Annotation) -> Annotation:
    """As 32-bit floats have it."""
    rounded = [
        tuple(struct.unpack("<f", struct.pack("<f", side))[0] for side in (b.left, b.top, b.right, b.bottom))
        for b in expected.boxes
    ]
    return Annotation(tuple(Box(b.class_id, *sides) for b, sides in zip(expected.boxes, rounded, strict=True)))


def test_every_format_gives_the_same_images_and_boxes(data: Path) -> None:
    files = list(sources.examples("train", {"train": FILE, "train_annotation": FILE}, data))
    assert [example.where for example in files] == ["train/0.png", "train/4.png"]
    assert files[0].annotation.boxes
    assert not files[1].annotation.boxes  # a negative
    (data / "records").rename(data / "train2")
    for name, channel, where in (
        ("train2", RECORDS, "train2/data.rec, record 1"),
        ("piped", PIPE, "channel piped, record 1"),
        ("listed", {**PIPE, "RecordWrapperType": "RecordIO"}, "channel listed, image 1 of the manifest"),
    ):
        if channel["TrainingInputMode"] == "Pipe":
            os.link(data / ("manifest/stream" if name == "listed" else "train2/data.rec"), data / f"{name}_0")
        found = list(sources.examples(name, {name: channel}, data))
        assert [example.image for example in found] == [example.image for example in files]
        assert found[0].where == where
        for one, other in zip(found, files, strict=True):
            assert close_to(one.annotation).boxes == close_to(other.annotation).boxes


def test_files_that_do_not_fit_together_are_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    channels = {"train": FILE, "train_annotation": FILE}
    (data / "train_annotation/4.json").unlink()
    assert len(list(sources.examples("train", channels, data))) == 1
    assert "1 images of the channel train have no annotation and are left out, such as 4.png" in capsys.readouterr().out
    (data / "train/0.png").unlink()
    with pytest.raises(UserError, match=r"train_annotation/0.json is of the image 0.png, which is not in the channel"):
        list(sources.examples("train", channels, data))
    (data / "train_annotation/0.json").write_text(json.dumps({**json.loads(annotation()), "file": "../../x.png"}))
    with pytest.raises(UserError, match=r"of the image \.\./\.\./x.png, which is not in the channel"):
        list(sources.examples("train", channels, data))
    (data / "train_annotation/0.json").unlink()
    with pytest.raises(UserError, match=r"channel train_annotation has no .json file"):
        list(sources.examples("train", channels, data))


def test_streams_that_break_are_told_by_their_record(data: Path) -> None:
    whole = (data / "records/data.rec").read_bytes()
    (data / "cut_0").write_bytes(whole[:-8])
    with pytest.raises(UserError, match="channel cut: record 2"):
        list(sources.examples("cut", {"cut": PIPE}, data))
    (data / "foreign_0").write_bytes(b"\x89PNG" + whole)
    with pytest.raises(UserError, match=r"channel foreign: record 1.*RecordWrapperType RecordIO"):
        list(sources.examples("foreign", {"foreign": {**PIPE, "RecordWrapperType": "RecordIO"}}, data))
    stream = io.BytesIO()
    recordio.write(stream, [json.dumps(shapes.annotation([])).encode(), shapes.picture(0)[0]])
    (data / "turned_0").write_bytes(stream.getvalue())
    with pytest.raises(UserError, match="AttributeNames to two names, that of the image first"):
        list(sources.examples("turned", {"turned": {**PIPE, "RecordWrapperType": "RecordIO"}}, data))


fractions = st.floats(0, 1, allow_nan=False)
boxes = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda f: (min(f[0], f[2]), min(f[1], f[3]), max(f[0], f[2]), max(f[1], f[3]))
)


@given(boxes, boxes)
def test_an_overlap_is_a_fraction_and_goes_both_ways(one: Any, other: Any) -> None:
    found = overlap(one, other)
    assert 0 <= found <= 1 + 1e-9
    assert found == pytest.approx(overlap(other, one))


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), boxes), max_size=4), min_size=1, max_size=5))
def test_the_truth_itself_is_found_perfectly(images: list[list[tuple[int, Any]]]) -> None:
    wide = [[(c, b) for c, b in image if b[2] - b[0] > 0.01 and b[3] - b[1] > 0.01] for image in images]
    apart = [  # boxes of a class that overlap may be taken for one another
        [each for n, each in enumerate(image) if all(overlap(each[1], other[1]) < 0.5 for other in image[:n])]
        for image in wide
    ]
    truth = [[Box(c, *b) for c, b in image] for image in apart]
    found = [[Detection(c, 0.9, b) for c, b in image] for image in apart]
    expected = 1.0 if any(truth) else 0.0
    assert mean_average_precision(found, truth, 0.5) == pytest.approx(expected)


def test_average_precision_is_vocs() -> None:
    """By hand: right, wrong, right of three true boxes; precisions 1, 1/2, 2/3, raised to 1 and 2/3."""
    box, other = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
    truth = [[Box(0, *box), Box(0, *other)], [Box(0, *box)]]
    found = [
        [Detection(0, 0.9, box), Detection(0, 0.8, box)],  # the second finds the first's box again: wrong
        [Detection(0, 0.7, box)],
    ]
    assert mean_average_precision(found, truth, 0.5) == pytest.approx((1 + 2 / 3) / 3)


def test_difficult_objects_count_neither_way_and_absent_classes_not_at_all() -> None:
    box, other = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
    truth = [[Box(0, *box), Box(0, *other, difficult=True)]]
    found = [[Detection(0, 0.9, other), Detection(0, 0.8, box), Detection(1, 0.9, box)]]
    assert mean_average_precision(found, truth, 0.5) == 1.0
    assert mean_average_precision([[]], [[]], 0.5) == 0.0
