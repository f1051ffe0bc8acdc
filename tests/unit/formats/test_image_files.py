"""Images by their bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.formats import image_files
from clary.formats.image_files import ImageFile, NoImage
from tests.golden.image_records import contents

JPEG = (Path(__file__).parents[2] / "golden/tiny.jpg").read_bytes()  # OpenCV's
XRAYS = Path(__file__).parents[4] / "shared/data/nih/images_1024"


def test_an_image_tells_its_size() -> None:
    assert image_files.look(contents.png(1)) == ImageFile("png", 8, 8, 1, 8)
    assert image_files.look(JPEG) == ImageFile("jpeg", 6, 4, 3, 8)


def test_real_radiographs_tell_theirs() -> None:
    if not XRAYS.is_dir():
        pytest.skip(f"{XRAYS} is not here")
    found = {image_files.look(path.read_bytes()) for path in XRAYS.glob("*.png")}
    assert {(image.width, image.height) for image in found} == {(1024, 1024)}


@pytest.mark.parametrize("whole", [JPEG, contents.png(2)], ids=["jpeg", "png"])
def test_an_image_that_is_cut_off_anywhere_is_none(whole: bytes) -> None:
    for cut in range(len(whole)):
        with pytest.raises(NoImage):
            image_files.look(whole[:cut])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty, not a PNG or JPEG image"),
        (b"GIF89a", "is a GIF image, not"),
        (bytes(128) + b"DICM", "is a DICOM file, not"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is a WebP image, not"),
        (b"<!DOCTYPE html>", "is a text (HTML, XML or SVG), not"),
        (b"version https://git-lfs.github.com/spec/v1", "fetch the image itself with git lfs pull"),
        (b"hello, it is me", "is a file that begins with b'hello, i', not"),
        (contents.png(1)[:16] + bytes(8) + contents.png(1)[24:], "with a broken head: 0 x 0 pixels"),
        (b"\xff\xd8\xff\xda\0\0\xff\xd9", "does not say how large it is"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, text: str) -> None:
    with pytest.raises(NoImage) as error:
        image_files.look(data)
    assert text in str(error.value)
