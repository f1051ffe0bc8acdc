"""Where the radiographs and their boxes come from, and how they become small grey pictures, once.

The boxes: 1,099 records drawn by hand for a public sample course of AWS (MIT-0), of which each names a picture of the
NIH's ChestX-ray14 set. The pictures: NIH Clinical Center, https://nihcc.app.box.com/v/ChestXray-NIHCC, free to use with
credit to the NIH Clinical Center and this citation: Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8:
Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised Classification and Localization of Common Thorax
Diseases. IEEE CVPR 2017. They are not to be used to find out who a patient is.

``python data.py`` gets them and says where they came from. ``python data.py --input FOLDER`` looks at a folder of yours
(PNG or DICOM; a *.manifest in it holds the boxes), ``--input sample`` draws the synthetic sample.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import download
import pictures
import sample
from pictures import BadFile

FOLDER = Path("data")
SIZE = 300  # pixels of a side of the small pictures
SAMPLE_COUNT = 600
Box = tuple[float, float, float, float]  # left, top, width, height, as fractions of the picture


@dataclass(frozen=True)
class Record:
    """A small picture. ``box`` is None where there is none to be seen; ``labelled`` is False where nobody has looked."""

    name: str
    patient: str
    box: Box | None
    labelled: bool


@dataclass(frozen=True)
class Source:
    """Small pictures in ``folder`` and where they came from. ``sha256`` is of the manifest with the boxes."""

    folder: Path
    origin: str
    sha256: str
    synthetic: bool
    size: int
    records: list[Record]

    def __str__(self) -> str:
        with_box = sum(record.box is not None for record in self.records)
        labelled = sum(record.labelled for record in self.records)
        text = (
            f"{self.folder} ({len(self.records):,} pictures of {len({r.patient for r in self.records}):,} patients, "
            f"{with_box:,} with a box, {labelled - with_box:,} with none to be seen, "
            f"{len(self.records) - labelled:,} not labelled)\n  from   {self.origin}\n  sha256 {self.sha256}"
        )
        if self.synthetic:
            text += "\n  SYNTHETIC: a generator drew them. No person in them exists; their results mean nothing."
        return text


def get(given: str | None = None, folder: Path = FOLDER, size: int = SIZE, count: int = SAMPLE_COUNT) -> Source:
    """The small pictures: of the folder given, else those of an earlier run, else a download, else the sample.

    ``given`` is a folder's path, or the word ``sample``; ``count`` is how many pictures the sample has.
    """
    if given == "sample":
        return _sample(folder / f"sample_{count}_{size}", size, count)
    if given:
        return of_folder(Path(given).expanduser(), folder, size)
    done = folder / f"nih_{size}"
    if (done / "source.json").exists():
        return _kept(done)
    try:
        return _downloaded(folder, done, size)
    except (OSError, download.Refused) as error:
        print(f"The NIH's pictures cannot be downloaded now ({error}).")
        print("Going on with the SYNTHETIC sample. To use pictures of yours: --input FOLDER")
        return get("sample", folder, size, count)


def of_folder(given: Path, folder: Path = FOLDER, size: int = SIZE) -> Source:
    """The pictures below a folder of yours. Boxes come from the one *.manifest in it; without one, nothing is labelled."""
    if not given.is_dir():
        raise BadFile(f"There is no folder {given}. Name one with PNG or DICOM files, or: --input sample")
    manifests = sorted(given.glob("*.manifest"))
    if len(manifests) > 1:
        raise BadFile(
            f"{given} has {len(manifests)} manifests: {', '.join(p.name for p in manifests)}. Leave one there."
        )
    boxes = read_manifest(manifests[0].read_text(encoding="utf-8"), manifests[0].name) if manifests else {}
    found = pictures.files(given)
    if not found:
        raise BadFile(f"There is no PNG or DICOM file below {given}")
    text = json.dumps([str(given.absolute()), size, *(f"{p} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in found)])
    text += manifests[0].read_text(encoding="utf-8") if manifests else ""
    done = folder / f"own_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if (done / "source.json").exists():
        return _kept(done)
    done.mkdir(parents=True, exist_ok=True)
    records = []
    for name, patient, original in pictures.shrink_all(found, done, size):
        records.append(Record(name, patient, boxes.get(original), original in boxes))
    checksum = hashlib.sha256(manifests[0].read_bytes()).hexdigest() if manifests else "no manifest"
    synthetic = all(record.name.startswith("SYNTHETIC") for record in records)
    return _keep(Source(done, f"a folder of yours, {given.name}", checksum, synthetic, size, records))


def read_manifest(text: str, name: str) -> dict[str, Box | None]:
    """File name → its box as fractions of the picture, from the lines of a Ground Truth output manifest.

    The label attribute is the one whose ``-metadata`` says object detection. Of several boxes the largest counts.
    """
    found: dict[str, Box | None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            attribute = next(key for key in record if f"{key}-metadata" in record)
            label, where = record[attribute], record["source-ref"]
            boxes = [fractions(box, label["image_size"][0]) for box in label["annotations"]]
        except json.JSONDecodeError as error:
            raise BadFile(f"{name}, line {number} is not JSON: {error}") from None
        except StopIteration:
            continue  # a picture that nobody has labelled yet
        except (KeyError, IndexError, TypeError) as error:
            raise BadFile(
                f"{name}, line {number} has no {error}: it is not a line of an object detection job"
            ) from None
        except ValueError as error:
            raise BadFile(f"{name}, line {number}: {error}") from None
        found[where.rpartition("/")[2]] = max(boxes, key=lambda box: box[2] * box[3], default=None)
    if not found:
        raise BadFile(f"{name} holds no record")
    return found


def fractions(box: dict[str, float], size: dict[str, float]) -> Box:
    """A label's box as fractions of the picture; ``ValueError`` if it does not lie in it."""
    wide, high = size["width"], size["height"]
    left, top, width, height = box["left"], box["top"], box["width"], box["height"]
    if width <= 0 or height <= 0 or left < 0 or top < 0 or left + width > wide + 1 or top + height > high + 1:
        raise ValueError(f"the box {left, top, width, height} does not lie in a picture of {wide} x {high}")
    return left / wide, top / high, width / wide, height / high


def _sample(done: Path, size: int, count: int) -> Source:
    if (done / "source.json").exists():
        return _kept(done)
    manifest = sample.write(done, count, size)
    boxes = read_manifest(manifest.read_text(encoding="utf-8"), manifest.name)
    records = [Record(name, pictures.patient_of(name), box, True) for name, box in boxes.items()]
    checksum = hashlib.sha256(manifest.read_bytes()).hexdigest()
    return _keep(Source(done, "sample.py, seed 7", checksum, True, size, records))


def _downloaded(folder: Path, done: Path, size: int) -> Source:
    """The manifest, and of the NIH's archives those that hold its pictures; each is unpacked once, and shrunk on the way."""
    text = download.manifest(folder)
    boxes = read_manifest(text, "template.manifest")
    print(__doc__.partition("\n\n")[2].partition("\n\n")[0])
    done.mkdir(parents=True, exist_ok=True)
    archives = download.archives(folder, boxes)
    written = set(_shrunk(archives, done, boxes, size))
    records = [Record(name, pictures.patient_of(name), boxes[name], True) for name in sorted(written)]
    if not records:
        raise BadFile(
            f"none of the manifest's pictures was in the archives: {', '.join(str(path) for path in archives)}"
        )
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return _keep(Source(done, f"{download.MANIFEST} and {download.NIH}", checksum, False, size, records))


def _shrunk(archives: Iterable[Path], done: Path, wanted: Iterable[str], size: int) -> Iterator[str]:
    names = set(wanted)
    for archive in archives:
        for name, body in download.members(archive, names):
            pictures.shrink(body, name, size).save(done / name)
            yield name


def _keep(source: Source) -> Source:
    """Write down where the pictures came from, last: a folder without this file is not finished."""
    (source.folder / "source.json").write_text(json.dumps({**asdict(source), "folder": None}) + "\n", encoding="utf-8")
    return source


def _kept(done: Path) -> Source:
    written = json.loads((done / "source.json").read_text(encoding="utf-8"))
    records = [Record(**{**record, "box": record["box"] and tuple(record["box"])}) for record in written["records"]]
    missing = next((record.name for record in records if not (done / record.name).is_file()), None)
    if missing:
        raise BadFile(f"{done / missing} is gone. Delete {done} to make it anew.")
    return Source(**{**written, "folder": done, "records": records})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Get the radiographs, and say where they came from.")
    parser.add_argument("--input", help="a folder of PNG or DICOM files, or the word: sample")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels of a side (default: 300)")
    arguments = parser.parse_args()
    try:
        print(get(arguments.input or os.environ.get("CLARY_PROJECT_INPUT"), size=arguments.size))
    except BadFile as problem:
        sys.exit(f"data.py: {problem}")
