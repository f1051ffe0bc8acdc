"""Images decoded, and what training does to them."""

from __future__ import annotations

import io
import random
import resource
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clary.images.errors import UserError
from clary.images.object_detection.augmentation import augment
from clary.images.object_detection.loss import Truth
from clary.images.object_detection.pictures import Album, as_channels, decode


def encoded(image: Image.Image, form: str = "PNG", **given: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **given)
    return stream.getvalue()


GREY = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
COLOUR = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)


@pytest.mark.parametrize(
    ("body", "channels", "first"),
    [
        (encoded(Image.fromarray(GREY)), 1, GREY[0]),
        (encoded(Image.fromarray(GREY).convert("RGB")), 1, GREY[0]),
        (encoded(Image.fromarray(GREY).convert("LA")), 1, GREY[0]),
        (encoded(Image.fromarray(GREY.astype(np.uint16) * 16)), 1, GREY[0]),  # 12 bits used
        (encoded(Image.fromarray(GREY.astype(np.uint16) * 256)), 1, GREY[0]),
        (encoded(Image.fromarray(GREY > 127)), 1, (GREY[0] > 127) * 255),
        (encoded(Image.fromarray(COLOUR)), 3, COLOUR[0, :, 0]),
        (encoded(Image.fromarray(COLOUR).convert("RGBA")), 3, COLOUR[0, :, 0]),
        (encoded(Image.fromarray(GREY), "JPEG", quality=100, subsampling=0), 1, GREY[0]),
    ],
)
def test_every_kind_of_image_becomes_eight_bits(body: bytes, channels: int, first: np.ndarray) -> None:
    found, size = decode(body, 64, "a.png")
    assert size == (64, 64)
    assert found.dtype == np.uint8
    assert found.shape == (64, 64, channels)
    assert np.abs(found[0, :, 0].astype(int) - first.astype(int)).max() <= 3


def test_a_palette_and_transparency_are_resolved_and_exif_is_ignored() -> None:
    palette = Image.fromarray(COLOUR).quantize(32)
    assert decode(encoded(palette), 64, "p.png")[0].shape == (64, 64, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    wide = Image.fromarray(GREY[:32])
    assert decode(encoded(wide, "JPEG", exif=exif), 300, "e.jpg")[1] == (64, 32)


@pytest.mark.parametrize("size", [(1200, 900), (40, 300)])
def test_any_size_becomes_a_square(size: tuple[int, int]) -> None:
    found, own = decode(encoded(Image.new("L", size, 77)), 300, "a.png")
    assert found.shape == (300, 300, 1)
    assert own == size
    assert (found == 77).all()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "a.png is no image in JPEG or PNG"),
        (b"%PDF-1.4 ......", "a.png is no image in JPEG or PNG: it begins with b'%PDF-1.4 ...'"),
        (encoded(Image.new("L", (8, 8)), "BMP"), "a.png is no image in JPEG or PNG"),
        (encoded(Image.fromarray(GREY))[:-30], "a.png is a broken image"),
        (encoded(Image.fromarray(COLOUR), "JPEG")[:-200], "a.png is a broken image"),
    ],
)
def test_what_is_no_image_is_told_by_its_name(body: bytes, told: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(body, 64, "a.png")
    assert told in str(caught.value)


def test_an_album_gives_back_what_it_was_given() -> None:
    album = Album(8)
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    colour = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    album.add([grey, colour])
    album.add([grey[::-1]])
    album.close()
    assert (len(album), album.channels) == (3, 3)
    found = album.take([2, 1, 0], 3)
    assert (found[0] == grey[::-1]).all()
    assert (found[1] == colour).all()
    assert (album.take([1], 1)[0] == as_channels(colour, 1)).all()


def test_an_album_for_which_there_is_no_room_says_so() -> None:
    """A limit of nothing on files stands for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    album = Album(300)
    try:
        with pytest.raises(UserError, match="the images do not fit into"):
            album.add([np.zeros((300, 300, 1), np.uint8)] * 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        album.close()


def test_an_empty_album_is_nothing() -> None:
    album = Album(8)
    album.close()
    assert (len(album), album.channels) == (0, 1)


def test_boxes_move_with_what_they_are_around() -> None:
    """A bright rectangle on black: after any augmentation the bright pixels fill the box."""
    images = torch.zeros(64, 1, 100, 100, dtype=torch.uint8)
    images[:, :, 30:70, 20:50] = 255
    truth = Truth(torch.tensor([[0.2, 0.3, 0.5, 0.7]]), torch.tensor([1]))
    seen, found = augment(images, [truth] * 64, random.Random(3))
    mirrored = 0
    for image, each in zip(seen, found, strict=True):
        assert len(each.corners) == 1
        assert each.classes.tolist() == [1]
        left, top, right, bottom = (round(side * 100) for side in each.corners[0].tolist())
        bright = image[0] > 150
        rows, columns = torch.nonzero(bright.any(dim=1)).flatten(), torch.nonzero(bright.any(dim=0)).flatten()
        edges = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
        assert edges == pytest.approx([left, top, right, bottom], abs=2)
        mirrored += left > 40
    assert 5 < mirrored < 60


def test_the_same_chance_gives_the_same_batch_and_negatives_stay() -> None:
    images = torch.randint(0, 255, (4, 3, 50, 50), dtype=torch.uint8)
    empty = Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    one, found = augment(images, [empty] * 4, random.Random("a"))
    other, _ = augment(images, [empty] * 4, random.Random("a"))
    assert torch.equal(one, other)
    assert [len(each.corners) for each in found] == [0] * 4


def test_broken_files_end_without_a_warning(tmp_path: Path) -> None:
    """A picture of more pixels than anybody means is refused before it is decoded."""
    body = encoded(Image.new("1", (20000, 20000)))
    with pytest.raises(UserError, match=r"huge.png: Image size .* exceeds limit"):
        decode(body, 64, "huge.png")
