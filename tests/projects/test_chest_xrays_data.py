"""Where the X-ray project's pictures come from: the synthetic sample, folders of one's own, DICOM, the real records."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests import pythons
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PROJECT = ROOT / "projects/chest_xrays"
REAL = Path("nih/trachea.manifest")


@pytest.fixture(scope="module")
def python() -> str:
    """The Python of the project's environment."""
    return pythons.named("CLARY_TEST_XRAYS_PYTHON", "the X-ray project's libraries")


def told(python: str, program: str, *arguments: Path | str) -> Any:
    """The JSON that a program prints last. It finds the project's modules, and its arguments from sys.argv[1] on."""
    head = f"import json, sys\nfrom pathlib import Path\nsys.path.insert(0, {str(PROJECT)!r})\n"
    command = [python, "-c", head + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def complaint(python: str, folder: Path, work: Path) -> str:
    command = [python, PROJECT / "data.py", "--input", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=work)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


class TestSample:
    def test_boxes_hold_the_neck_and_lie_in_the_picture(self, python: str) -> None:
        found = told(
            python,
            """
import sample
boxes = [sample.radiograph(number, 0, 128)[1] for number in range(400)]
print(json.dumps(boxes))
""",
        )
        drawn = [box for box in found if box]
        assert 0.17 < 1 - len(drawn) / len(found) < 0.27
        for left, top, width, height in drawn:
            assert left >= 0
            assert top >= 0
            assert left + width <= 128
            assert top + height <= 128
            assert top + height < 128 * 0.45
            assert 8 <= width <= 28
            assert height >= 2

    def test_a_box_holds_the_air_column_and_no_more(self, python: str) -> None:
        """Without noise, tone and markers, the windpipe's own layer changes pixels inside the box's sides only."""
        wide = told(
            python,
            """
import sample, numpy as np
off = []
for number in range(60):
    picture, box = sample.radiograph(number, 0, 256)
    kept, sample.LUMEN = sample.LUMEN, 0.0
    without, again = sample.radiograph(number, 0, 256)
    sample.LUMEN = kept
    assert again == box
    if box:
        left, top, width, height = box
        seen = np.abs(np.asarray(picture, int) - np.asarray(without, int))[top:top + height].max(0) > 8
        if seen.any():
            places = np.flatnonzero(seen)
            off.append([int(places[0]) - left, left + width - 1 - int(places[-1])])
print(json.dumps(off))
""",
        )
        assert len(wide) > 30
        assert all(0 <= side <= 12 for sides in wide for side in sides), wide

    def test_the_same_seed_gives_the_same_files(self, python: str, tmp_path: Path) -> None:
        program = "import sample\nprint(json.dumps(str(sample.write(Path(sys.argv[1]), 12, 96, int(sys.argv[2])))))"
        for folder, seed in (("a", "7"), ("b", "7"), ("c", "8")):
            told(python, program, tmp_path / folder, seed)
        files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
        assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
        assert files != {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()}

    def test_each_file_and_record_says_that_it_is_synthetic(self, python: str, tmp_path: Path) -> None:
        found = told(
            python,
            """
import sample
from PIL import Image
manifest = sample.write(Path(sys.argv[1]), 5, 96)
print(json.dumps([Image.open(path).text["Comment"] for path in sorted(manifest.parent.glob("*.png"))]))
""",
            tmp_path,
        )
        assert len(found) == 5
        assert all("SYNTHETIC" in text for text in found)
        lines = (tmp_path / "labels.manifest").read_text().splitlines()
        assert all("SYNTHETIC" in line for line in lines)
        assert all(path.name.startswith("SYNTHETIC") for path in tmp_path.glob("*.png"))


class TestFolder:
    def test_the_real_records(self, python: str, real_data: Path) -> None:
        found = told(
            python,
            """
import data
boxes = data.read_manifest(Path(sys.argv[1]).read_text(), "trachea.manifest")
print(json.dumps([len(boxes), sum(box is None for box in boxes.values()), boxes["00000003_007.png"]]))
""",
            real_data / REAL,
        )
        assert found == [987, 219, [385 / 1024, 73 / 1024, 153 / 1024, 264 / 1024]]

    def test_a_folder_with_a_manifest(self, python: str, tmp_path: Path) -> None:
        found = told(
            python,
            """
import data, sample
folder = Path(sys.argv[1])
sample.write(folder / "mine", 8, 96)
(folder / "mine/SYNTHETIC99999_000.png").write_bytes((folder / "mine/SYNTHETIC00000_000.png").read_bytes())
source = data.of_folder(folder / "mine", folder / "data", 48)
again = data.of_folder(folder / "mine", folder / "data", 48)
assert again == source
from PIL import Image
sizes = {Image.open(source.folder / record.name).size for record in source.records}
labelled = {record.name: record.labelled for record in source.records}
print(json.dumps([source.synthetic, sorted(sizes), labelled]))
""",
            tmp_path,
        )
        assert found[:2] == [True, [[48, 48]]]
        assert sum(found[2].values()) == 8
        assert not found[2]["SYNTHETIC99999_000.png"]

    def test_what_a_person_drew_takes_the_place_of_what_was_there(self, python: str, tmp_path: Path) -> None:
        """Lines of a labelling job and of the records become one manifest under one name, which data.py reads again."""
        found = told(
            python,
            """
import data, labelling, sample
folder = Path(sys.argv[1])
source = data.of_folder(sample.write(folder / "mine", 6, 96).parent, folder / "data", 48)
first, second, *_ = source.records
size = {"width": 48, "height": 48, "depth": 3}
box = {"class_id": 0, "left": 12, "top": 0, "width": 24, "height": 6}
person = {"source-ref": "s3://b/" + first.name, "n": 1, "drawn": {"image_size": [size], "annotations": [box]},
          "drawn-metadata": {"type": "groundtruth/object-detection", "human-annotated": "yes"}}
given = labelling.line(second, "s3://b/" + second.name, 48)
lines = [labelling.renamed(line, "trachea") for line in (person, given)]
assert [list(line) for line in lines] == [["source-ref", "trachea", "trachea-metadata"]] * 2
again = data.read_manifest("\\n".join(map(json.dumps, lines)), "train.manifest")
print(json.dumps([again[first.name], again[second.name], second.box]))
""",
            tmp_path,
        )
        assert found[0] == [0.25, 0, 0.5, 0.125]
        assert found[1] == pytest.approx(found[2], abs=0.001)

    @pytest.mark.parametrize(
        ("make", "grey"),
        [
            ("Image.new('RGBA', (40, 30), (90, 90, 90, 0))", [90, 90]),
            ("Image.new('RGB', (40, 30), (200, 200, 200))", [200, 200]),
            ("Image.fromarray((np.arange(1200, dtype=np.uint16) * 50).reshape(30, 40))", [0, 255]),
        ],
    )
    def test_pictures_of_other_kinds(self, python: str, tmp_path: Path, make: str, grey: list[int]) -> None:
        found = told(
            python,
            f"""
import pictures, numpy as np
from PIL import Image
path = Path(sys.argv[1]) / "a.png"
({make}).save(path)
small = pictures.shrink(path.read_bytes(), path.name, 40)
print(json.dumps([small.mode, small.size, *map(int, small.getextrema())]))
""",
            tmp_path,
        )
        assert found[:2] == ["L", [40, 40]]
        assert found[2:] == pytest.approx(grey, abs=8)

    def test_dicom_loses_its_tags_and_its_name(self, python: str, tmp_path: Path) -> None:
        found = told(
            python,
            """
import data, numpy as np, pydicom
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from PIL import Image
folder = Path(sys.argv[1])
(folder / "mine").mkdir()
for place, kind in enumerate(("MONOCHROME2", "MONOCHROME1")):
    one = pydicom.Dataset()
    one.file_meta = pydicom.dataset.FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID = generate_uid()
    one.PatientName, one.PatientID = "Miller^Anna", "4711"
    one.Rows, one.Columns, one.SamplesPerPixel, one.PhotometricInterpretation = 32, 32, 1, kind
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    one.PixelData = np.linspace(0, 4095, 1024).astype(np.uint16).tobytes()
    one.save_as(folder / f"mine/miller_anna_{place}.dcm", enforce_file_format=True)
source = data.of_folder(folder / "mine", folder / "data", 32)
written = [(source.folder / record.name).read_bytes() for record in source.records]
assert not any(b"Miller" in body or b"4711" in body for body in written)
greys = [Image.open(source.folder / record.name).getpixel((0, 0)) for record in source.records]
print(json.dumps([[record.name for record in source.records], sorted({r.patient for r in source.records}), greys]))
""",
            tmp_path,
        )
        names, patients, greys = found
        assert len(patients) == 1
        assert not any("miller" in name for name in names)
        assert names == [f"{patients[0]}_000.png", f"{patients[0]}_001.png"]
        assert greys[0] < 10
        assert greys[1] > 245

    def test_bad_folders_are_named(self, python: str, tmp_path: Path) -> None:
        assert "There is no folder" in complaint(python, tmp_path / "nowhere", tmp_path)
        empty = tmp_path / "empty"
        empty.mkdir()
        assert "no PNG or DICOM file" in complaint(python, empty, tmp_path)
        (empty / "a.png").write_bytes(b"\x89PNG and no more")
        assert "a.png is not a whole PNG" in complaint(python, empty, tmp_path)
        (empty / "a.manifest").write_text('{"source-ref": "a.png"}\n{"source-ref": ')
        assert "a.manifest, line 2 is not JSON" in complaint(python, empty, tmp_path)
        box = {"left": 5, "top": 5, "width": 9, "height": 2}
        label = {"image_size": [{"width": 10, "height": 10}], "annotations": [box]}
        (empty / "a.manifest").write_text(json.dumps({"source-ref": "a.png", "x": label, "x-metadata": {}}))
        assert "line 1: the box" in complaint(python, empty, tmp_path)
        (empty / "a.dcm").write_bytes(bytes(128) + b"DICM")
        (empty / "a.manifest").unlink()
        (empty / "a.png").unlink()
        assert "a.dcm" in complaint(python, empty, tmp_path)
