"""``clary records``: what it packs beside what im2rec packed, and every kind of input that it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clary.cli.records import records
from clary.formats import detection_labels, image_lists, image_records
from tests.golden.image_records import contents

GOLDEN = Path(__file__).parents[2] / "golden/image_records"
XRAYS = Path(__file__).parents[4] / "shared/data/nih"


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(records, [str(argument) for argument in arguments])


def packed(*arguments: str | Path) -> str:
    result = call("pack", *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str | Path) -> str:
    result = call("pack", *arguments)
    assert result.exit_code == 1, result.output
    return result.output


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for path, shade in contents.PICTURES.items():
        (tmp_path / "pictures" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / path).write_bytes(contents.png(shade))
    return tmp_path / "pictures"


def boxes(*annotations: dict[str, Any], width: int = 8, height: int = 8) -> dict[str, Any]:
    return {"image_size": [{"width": width, "height": height, "depth": 1}], "annotations": list(annotations)}


def box(class_id: int = 0, left: float = 2, top: float = 0, width: float = 4, height: float = 8) -> dict[str, Any]:
    return {"class_id": class_id, "left": left, "top": top, "width": width, "height": height}


def manifest(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "output.manifest"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def test_a_folder_is_packed_as_im2rec_packs_it(pictures: Path, tmp_path: Path) -> None:
    told = packed(pictures, tmp_path / "out/classes", "--no-shuffle")
    for end in ("rec", "idx", "lst"):
        assert (tmp_path / f"out/classes.{end}").read_bytes() == (GOLDEN / f"classes.{end}").read_bytes()
    assert "num_classes=3, num_training_samples=4" in told
    assert "Classes: 0 cats, 1 cats/tabby, 2 dogs" in told
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["classes.idx", "classes.lst", "classes.rec"]


def test_it_is_shuffled_and_divided_as_by_im2rec(pictures: Path, tmp_path: Path) -> None:
    packed(pictures, tmp_path / "split", "--train-ratio", "0.5", "--test-ratio", "0.25")
    for part in ("train", "val", "test"):
        assert (tmp_path / f"split_{part}.lst").read_bytes() == (GOLDEN / f"split_{part}.lst").read_bytes()
        listed = [image.id for image in image_lists.read(tmp_path / f"split_{part}.lst")]
        assert [record.id for record in image_records.read(tmp_path / f"split_{part}.rec")] == listed


def test_a_list_of_boxes_is_packed_as_im2rec_packs_it(pictures: Path, tmp_path: Path) -> None:
    packed(GOLDEN / "boxes.lst", tmp_path / "boxes.rec", "--images", pictures)
    for end in ("rec", "idx"):
        assert (tmp_path / f"boxes.{end}").read_bytes() == (GOLDEN / f"boxes.{end}").read_bytes()


def test_pixels_of_a_manifest_become_fractions(pictures: Path, tmp_path: Path) -> None:
    metadata = {"class-map": {"0": "trachea", "1": "clip"}, "type": "groundtruth/object-detection"}
    source = manifest(
        tmp_path,
        {"source-ref": "pictures/cats/a.png", "bb": boxes(box(), box(1, 4, 4, 4, 4)), "bb-metadata": metadata},
        "",
        {"source-ref": str(pictures / "cats/b.png"), "bb": boxes()},
    )
    told = packed(source, tmp_path / "out", "--no-shuffle", "--label-width", "18")
    first, second = image_records.read(tmp_path / "out.rec")
    assert detection_labels.unpack(first.labels).objects == ((0, 0.25, 0, 0.75, 1), (1, 0.5, 0.5, 1, 1))
    assert (first.image, first.flag) == (contents.png(1), 17)
    assert second.labels == (2, 5, *[-1] * 15)
    assert "images: 2, boxes: 2, images without any: 1" in told
    assert "Classes: 0 trachea, 1 clip" in told


def test_classes_of_a_manifest_are_labels(pictures: Path, tmp_path: Path) -> None:
    source = manifest(
        tmp_path,
        {"source-ref": "pictures/cats/a.png", "animal": 1, "animal-metadata": {"class-name": "cat"}, "other": 3},
        {"source-ref": "pictures/cats/b.png", "animal": 0, "animal-metadata": {"class-name": "dog"}},
        {"source-ref": "pictures/cats/b.png", "animal-metadata": {"failure-reason": "no worker"}},
    )
    assert "several attributes that may be labels: animal, other. Name one by --label" in refused(
        source, tmp_path / "o"
    )
    assert "has no attribute 'animal', only source-ref, animal-metadata" in refused(
        source, tmp_path / "o", "--label", "animal"
    )
    told = packed(source, tmp_path / "o", "--label", "animal", "--skip-unlabelled", "--no-shuffle")
    assert [record.labels for record in image_records.read(tmp_path / "o.rec")] == [(1.0,), (0.0,)]
    assert "Classes: 0 dog, 1 cat" in told


def test_real_radiographs_are_packed_and_patients_stay_together(tmp_path: Path) -> None:
    if not XRAYS.is_dir():
        pytest.skip(f"{XRAYS} is not here")
    packed(
        XRAYS / "trachea.manifest", tmp_path / "t", "--images", XRAYS / "images_64", "--skip-missing",
        "--train-ratio", "0.7", "--test-ratio", "0.1", "--keep-together", r"/(\d{8})_",
    )  # fmt: skip
    patients, images = [], 0
    for part in ("train", "val", "test"):
        listed = [image.path.rpartition("/")[2] for image in image_lists.read(tmp_path / f"t_{part}.lst")]
        images += len(listed)
        patients.append({name[:8] for name in listed})
    assert images == 203
    assert all(patients)
    assert len(set.union(*patients)) == sum(map(len, patients))
    assert "t_train.idx fits." in call("show", tmp_path / "t_train.rec").output


LINE = {"source-ref": "pictures/cats/a.png", "bb": boxes(box())}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{'a': 1}", "line 2: it is no JSON: Expecting property name"),
        ("[1]", "line 2: a line is a JSON object; this one is [1]"),
        ({"bb": boxes()}, 'line 2: it has no "source-ref"'),
        ({"source-ref": "a.png"}, "line 2: it has no labels, only source-ref. Leave such lines out by --skip-unlabelled"),
        (LINE | {"bb": 3}, "line 2: 'bb' has a class here, unlike in line 1"),
        (LINE | {"bb": {"annotations": []}}, "line 2: 'bb': there is no \"image_size\""),
        (LINE | {"bb": boxes(box(), box(left=6))}, "'bb': box 2 lies outside of its image of 8 x 8 pixels: left 6, top 0"),
        (LINE | {"bb": boxes(box(width=0))}, "box 1 has no area: left 2, top 0, width 0"),
        (LINE | {"bb": boxes(box(class_id=2))}, "The class ids have a gap: 0, 2 are used, 1 not."),
        (LINE | {"source-ref": "pictures/c.png"}, "line 2 (pictures/c.png): there is no file"),
        (LINE | {"source-ref": "notes.png"}, "line 2 (notes.png): it is a text (JSON), not a PNG or JPEG image"),
        (LINE | {"bb": boxes(box(), height=16)}, "its boxes were drawn on 8 x 16 pixels, but it has 8 x 8"),
        (LINE | {"source-ref": "s3:///a.png"}, "s3:///a.png is no object: s3://bucket/key"),
    ],
)  # fmt: skip
def test_a_broken_manifest_is_told_by_its_line_and_nothing_is_written(
    pictures: Path, tmp_path: Path, line: dict[str, Any] | str, text: str
) -> None:
    (tmp_path / "notes.png").write_text("{}")
    told = refused(manifest(tmp_path, LINE, line), tmp_path / "out/o")
    assert text in told
    assert told.strip().endswith("Nothing was written.")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_many_problems_are_told_at_once_but_not_all(pictures: Path, tmp_path: Path) -> None:
    told = refused(manifest(tmp_path, *["no"] * 30), tmp_path / "o")
    assert told.count("it is no JSON") == 10
    assert "the first 10; there are more" in told


def test_what_stood_there_stays_when_packing_fails(pictures: Path, tmp_path: Path) -> None:
    packed(pictures, tmp_path / "o")
    before = (tmp_path / "o.rec").read_bytes()
    (pictures / "dogs/e.png").write_bytes(contents.png(1)[:-3])
    assert "e.png: it is a PNG image without its end: it was cut off" in refused(pictures, tmp_path / "o")
    assert (tmp_path / "o.rec").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--train-ratio", "0.8", "--test-ratio", "0.4"], "are more than 1 together"),
        (["--train-ratio", "0.1"], "No image is left for train: 4 are too few for these ratios"),
        (["--train-ratio", "0.5", "--keep-together", "("], "--keep-together '(' is no regular expression"),
        (["--train-ratio", "0.5", "--keep-together", "cats"], "does not match 'cats'"),
        (["--num-classes", "2"], "The class id 2 is used, and --num-classes 2 has 0 to 1."),
        (["--label", "x"], "--images, --label and --skip-unlabelled are for a manifest or .lst"),
    ],
)  # fmt: skip
def test_flags_that_do_not_fit_are_told(pictures: Path, tmp_path: Path, flags: list[str], text: str) -> None:
    assert text in refused(pictures, tmp_path / "o", *flags)


def test_folders_that_are_none_of_images_are_told(pictures: Path, tmp_path: Path) -> None:
    assert "There is no file or folder" in refused(tmp_path / "none", tmp_path / "o")
    (tmp_path / "empty").mkdir()
    assert "has no image in it: none of its files ends in .jpeg, .jpg, .png" in refused(
        tmp_path / "empty", tmp_path / "o"
    )
    (pictures / "x.png").write_bytes(contents.png(1))
    assert "has images of its own, as x.png, beside its folders" in refused(pictures, tmp_path / "o")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("1\t2\t5\t0\t0\t0\t2\t1\tcats/a.png", "cats/a.png: object 1 has xmax = 2, outside of its image"),
        ("1\t2\t5\t0\t0\t0\tcats/a.png", "cats/a.png: 3 numbers follow the first 2, not a multiple of B = 5"),
        ("0\t2\t5\tcats/a.png", "the number 0 stands a second time; cats/a.png has it"),
        ("1\t2\t5\tcats/none.png", "there is no file"),
    ],
)
def test_a_broken_list_is_told(pictures: Path, tmp_path: Path, line: str, text: str) -> None:
    (tmp_path / "boxes.lst").write_text(f"0\t2\t5\t0\t0\t0\t1\t1\tcats/a.png\n{line}\n")
    assert text in refused(tmp_path / "boxes.lst", tmp_path / "o", "--images", pictures)


def test_a_list_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_bytes(b"\xff\xfe")
    assert "a.lst is no text in UTF-8" in refused(tmp_path / "a.lst", tmp_path / "o")
    (tmp_path / "a.lst").write_text("\n")
    assert "a.lst has no line." in refused(tmp_path / "a.lst", tmp_path / "o")


def test_a_disk_that_is_full_is_told_and_leaves_nothing(pictures: Path, tmp_path: Path) -> None:
    limited = f"ulimit -f 0; exec {sys.executable} -m clary records pack {pictures} {tmp_path / 'out/o'}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["sh", "-c", limited], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"Error: File too large: {tmp_path / 'out/o'}" in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_show_says_what_is_in_a_file(tmp_path: Path) -> None:
    told = call("show", GOLDEN / "boxes.rec").output
    assert "4 records" in told
    assert "Boxes: 4, in 3 of the images; without any: 1" in told
    assert "Classes: 0 (1); 1 (3)" in told
    assert "png 8 x 8 x 1, 8 bit (4)" in told
    assert "boxes.idx fits." in told
    (tmp_path / "a.rec").write_bytes((GOLDEN / "boxes.rec").read_bytes())
    (tmp_path / "a.idx").write_text("0\t0\n1\t4\n2\t364\n3\t584\n")
    assert (
        "does not fit: 1 records are not where it says, first that of the id 1"
        in call("show", tmp_path / "a.rec").output
    )


def test_show_and_unpack_tell_a_file_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_bytes((GOLDEN / "boxes.rec").read_bytes()[:-1])
    for result in (call("show", tmp_path / "a.rec"), call("unpack", tmp_path / "a.rec", tmp_path / "folder")):
        assert result.exit_code == 1
        assert f"Error: {tmp_path / 'a.rec'}: record 4: at byte 584 the file ends before the record's" in result.output
    result = call("show", tmp_path / "none.rec")
    assert result.exit_code == 1
    assert f"No such file or directory: {tmp_path / 'none.rec'}" in result.output


def test_what_is_unpacked_packs_to_the_same_file(tmp_path: Path) -> None:
    assert call("unpack", GOLDEN / "boxes.rec", tmp_path / "images").exit_code == 0
    packed(tmp_path / "images/images.lst", tmp_path / "boxes")
    assert (tmp_path / "boxes.rec").read_bytes() == (GOLDEN / "boxes.rec").read_bytes()
    again = call("unpack", GOLDEN / "boxes.rec", tmp_path / "images")
    assert "is not empty: name a new folder" in again.output
