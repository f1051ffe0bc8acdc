"""Radiographs of any kind as small 8-bit grey pictures: PNG of 8 or 16 bits, with colour or alpha, and DICOM.

Nothing of a DICOM file but its pixels is kept: no tag, and no file name either, because names tell of patients. What is
written on the picture itself stays on it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pydicom.pixels
from PIL import Image, UnidentifiedImageError
from pydicom.errors import InvalidDicomError

PNG, DICOM = b"\x89PNG", b"DICM"


class BadFile(ValueError):
    """A file is not what it should be; the message says what is wrong with it."""


def files(folder: Path) -> list[Path]:
    """The PNG and DICOM files below a folder, known by their first bytes; of one name, the largest file."""
    best: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        with path.open("rb") as file:
            head = file.read(132)
        if not head.startswith(PNG) and head[128:] != DICOM:
            continue
        if path.name not in best or path.stat().st_size > best[path.name].stat().st_size:
            best[path.name] = path
    return list(best.values())


def shrink_all(found: list[Path], folder: Path, size: int) -> Iterator[tuple[str, str, str]]:
    """Write each file to ``folder`` as a PNG of ``size`` pixels: its new name, its patient, its old name."""
    views: dict[str, int] = {}
    for path in found:
        body = path.read_bytes()
        if body.startswith(PNG):
            name, patient = path.name, patient_of(path.name)
        else:
            patient = dicom_patient(body, path.name)
            views[patient] = views.get(patient, -1) + 1
            name = f"{patient}_{views[patient]:03}.png"
        shrink(body, path.name, size).save(folder / name)
        yield name, patient, path.name


def shrink(body: bytes, name: str, size: int) -> Image.Image:
    """The picture in ``body``, 8-bit grey, ``size`` pixels wide and high. One that is not square is squeezed."""
    grey = _png(body, name) if body.startswith(PNG) else _dicom(body, name)
    return grey.resize((size, size), Image.Resampling.BICUBIC)


def patient_of(name: str) -> str:
    """The patient of a file named as the NIH names them: what stands before the underscore."""
    return name.partition("_")[0].removesuffix(".png")


def dicom_patient(body: bytes, name: str) -> str:
    """A name for the patient that does not tell who it is, but is the same for all of the patient's pictures."""
    who = str(_dataset(body, name).get("PatientID", "") or name)
    return f"dicom{hashlib.sha256(who.encode()).hexdigest()[:10]}"


def _png(body: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(body))
        if image.mode.startswith("I"):  # 16 bits: show what is between the darkest and the brightest half percent
            return Image.fromarray(_windowed(np.asarray(image, np.float32)))
        return image.convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise BadFile(f"{name} is not a whole PNG picture: {error}") from None


def _dicom(body: bytes, name: str) -> Image.Image:
    dataset = _dataset(body, name)
    if str(dataset.get("BurnedInAnnotation", "NO")).upper() == "YES":
        print(f"{name} says that text is burned into its picture. Look whether it names a patient.")
    try:
        pixels = dataset.pixel_array
    except (AttributeError, RuntimeError, NotImplementedError, ValueError) as error:
        raise BadFile(f"{name} holds no picture that pydicom can decode here: {error}") from None
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        pixels = pixels.mean(-1)
    if pixels.ndim != 2:
        raise BadFile(f"{name} holds {pixels.shape[0]} frames; a radiograph has one")
    values = pydicom.pixels.apply_modality_lut(pixels, dataset).astype(np.float32)
    if dataset.get("WindowWidth") and dataset.get("WindowCenter"):
        width, centre = (float(np.atleast_1d(dataset[key].value)[0]) for key in ("WindowWidth", "WindowCenter"))
        grey = _between(values, centre - width / 2, centre + width / 2)
    else:
        grey = _windowed(values)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":  # there, low numbers are bright
        grey = 255 - grey
    return Image.fromarray(grey)


def _dataset(body: bytes, name: str):
    try:
        return pydicom.dcmread(io.BytesIO(body))
    except (InvalidDicomError, EOFError, KeyError) as error:
        raise BadFile(f"{name} is not a DICOM file: {error}") from None


def _windowed(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.5])
    return _between(values, float(low), float(high))


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return (np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)
