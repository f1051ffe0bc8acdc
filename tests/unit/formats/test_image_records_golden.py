"""Byte for byte beside MXNet: files that it wrote (tests/golden/image_records/make.py), and MXNet itself where one is at hand."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from clary.formats import detection_labels, image_lists, image_records
from clary.formats.detection_labels import DetectionLabel
from clary.formats.image_records import ImageRecord
from tests.golden.image_records import contents

GOLDEN = Path(__file__).parents[2] / "golden/image_records"


def rewritten(records: list[ImageRecord], folder: Path, name: str) -> tuple[bytes, bytes]:
    image_records.write(folder / f"{name}.rec", records, folder / f"{name}.idx")
    return (folder / f"{name}.rec").read_bytes(), (folder / f"{name}.idx").read_bytes()


def golden(name: str) -> tuple[bytes, bytes]:
    return (GOLDEN / f"{name}.rec").read_bytes(), (GOLDEN / f"{name}.idx").read_bytes()


def test_images_of_classes_as_im2rec_packs_them(tmp_path: Path) -> None:
    listed = list(image_lists.read(GOLDEN / "classes.lst"))
    assert [image.path for image in listed] == list(contents.PICTURES)
    assert [image.labels for image in listed] == [(0.0,), (0.0,), (1.0,), (2.0,)]
    made = [image_records.labelled(i.id, i.labels, contents.png(contents.PICTURES[i.path])) for i in listed]
    assert list(image_records.read(GOLDEN / "classes.rec")) == made
    assert rewritten(made, tmp_path, "classes") == golden("classes")
    image_lists.write(tmp_path / "classes.lst", listed)
    assert (tmp_path / "classes.lst").read_bytes() == (GOLDEN / "classes.lst").read_bytes()


def test_images_with_boxes_as_im2rec_packs_them(tmp_path: Path) -> None:
    listed = list(image_lists.read(GOLDEN / "boxes.lst"))
    assert [list(image.labels) for image in listed] == list(contents.BOXES.values())
    made = [image_records.labelled(i.id, i.labels, contents.png(contents.PICTURES[i.path])) for i in listed]
    assert rewritten(made, tmp_path, "boxes") == golden("boxes")

    found = [detection_labels.unpack(record.labels) for record in image_records.read(GOLDEN / "boxes.rec")]
    assert [label.extra for label in found] == [(), (), (8, 8), ()]
    assert found[1] == DetectionLabel()
    assert found[2].objects == ((0, 0, 0, 1, 1), (1, 0.25, 0.25, 0.75, 0.75))
    assert found[3].objects == (pytest.approx((1, 0.1, 0.2, 0.55, 0.8, 1)),)
    assert list(detection_labels.pack(found[2])) == contents.BOXES["cats/tabby/c.png"]
    assert list(detection_labels.pack(found[3], 14)) == pytest.approx(contents.BOXES["dogs/d e.png"])


def test_records_that_hold_the_magic_word(tmp_path: Path) -> None:
    found = list(image_records.read(GOLDEN / "tricky.rec"))
    assert {record.id: record.image for record in found} == {k: image for k, (_, image) in contents.TRICKY.items()}
    for record in found:
        label = contents.TRICKY[record.id][0]
        several = isinstance(label, list) and label
        assert record.flag == (len(label) if isinstance(label, list) else 0)
        assert list(record.labels) == pytest.approx(label if several else [label or 0.0])
    assert rewritten(found, tmp_path, "tricky") == golden("tricky")
    assert image_records.read_index(GOLDEN / "tricky.idx") == image_records.read_index(tmp_path / "tricky.idx")


_MXNET = """
import sys
from mxnet import recordio
folder = sys.argv[1]
ours = recordio.MXIndexedRecordIO(folder + "/ours.idx", folder + "/ours.rec", "r")
theirs = recordio.MXIndexedRecordIO(folder + "/theirs.idx", folder + "/theirs.rec", "w")
for key in ours.keys:
    header, image = recordio.unpack(ours.read_idx(key))
    theirs.write_idx(key, recordio.pack(header, image))
theirs.close()
"""


@pytest.mark.slow
def test_mxnet_reads_what_clary_wrote_and_writes_the_same(tmp_path: Path) -> None:
    python = os.environ.get("CLARY_TEST_MXNET_PYTHON")
    if not python:
        pytest.skip(
            "CLARY_TEST_MXNET_PYTHON names no Python with mxnet 1.9.1; tests/golden/image_records/make.py says how"
        )
    chance = random.Random(5)
    records = []
    for number in range(400):
        pieces = [contents.MAGIC, chance.randbytes(4), chance.randbytes(chance.randrange(9000)), b"x"]
        image = b"".join(chance.choices(pieces, k=chance.randrange(12)))
        labels = [chance.uniform(-9, 9) for _ in range(chance.randrange(1, 30))]
        records.append(image_records.labelled(number, labels, image))
    written = rewritten(records, tmp_path, "ours")
    subprocess.run([python, "-c", _MXNET, str(tmp_path)], check=True, timeout=120)
    assert ((tmp_path / "theirs.rec").read_bytes(), (tmp_path / "theirs.idx").read_bytes()) == written
