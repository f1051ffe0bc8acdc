"""Images as bytes become squares of 8-bit numbers, decoded and shrunk once: grey ones with one channel, others with three.

JPEG and PNG. A 16-bit image is brought to 8 bits by the bits that it uses (12, else 16); transparency and EXIF are ignored.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from clary.images.errors import UserError

FORMATS = ("JPEG", "PNG")
_DEEP = {"I;16", "I;16B", "I;16L", "I"}


def decode(data: bytes, size: int, where: str) -> tuple[np.ndarray, tuple[int, int]]:
    """uint8, (size, size, 1 or 3), squeezed to the square; and the image's own width and height.

    ``UserError`` names ``where`` if the bytes are no image that can be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            own = image.size
            image.draft(None, (size, size))  # a JPEG is decoded at the next scale above
            return _channels(_resized(_plain(image), size)), own
    except UnidentifiedImageError:
        begin = data[:12]
        raise UserError(f"{where} is no image in JPEG or PNG: it begins with {begin!r}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(f"{where}: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's readers raise of broken files
        raise UserError(f"{where} is a broken image: {error}") from None


def _plain(image: Image.Image) -> Image.Image:
    """In one of the modes L and RGB."""
    if image.mode in _DEEP:
        deep = np.asarray(image).astype(np.int32)
        shift = 4 if deep.max(initial=0) < 1 << 12 else 8
        return Image.fromarray(np.clip(deep >> shift, 0, 255).astype(np.uint8))
    if image.mode in {"L", "1", "LA", "La"}:
        return image.convert("L")
    return image if image.mode == "RGB" else image.convert("RGBA").convert("RGB")


def _resized(image: Image.Image, size: int) -> np.ndarray:
    found = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))
    return found[:, :, None] if found.ndim == 2 else found


def _channels(image: np.ndarray) -> np.ndarray:
    """One channel where all three are the same."""
    if image.shape[2] == 3 and (image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all():
        return image[..., :1]
    return image


class Album:
    """Squares of one size, kept in a file without a name, which the system keeps in memory as far as there is room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed when all is added
        self._begins: list[int] = []
        self._depths: list[int] = []

    def add(self, images: Iterable[np.ndarray]) -> None:
        """``UserError`` if there is no room for them."""
        for image in images:
            self._begins.append(self._file.tell())
            self._depths.append(image.shape[2])
            left = memoryview(np.ascontiguousarray(image).tobytes())
            try:
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                raise UserError(
                    f"Shrunk to {self._size} x {self._size} pixels the images do not fit into {tempfile.gettempdir()}: "
                    f"{error.strerror}. {len(self) - 1} did, which take {self._begins[-1] >> 20} MiB"
                ) from None

    def __len__(self) -> int:
        return len(self._begins)

    @property
    def channels(self) -> int:
        """1 where every image is grey, else 3."""
        return max(self._depths, default=1)

    def close(self) -> None:
        """Nothing more is added; from now on images can be taken."""
        self._bytes = np.memmap(self._file, dtype=np.uint8, mode="r") if self._file.tell() else np.zeros(0, np.uint8)
        self._file.close()  # what is mapped stays

    def take(self, places: Sequence[int], channels: int) -> np.ndarray:
        """uint8, (images, size, size, channels); ``channels`` is 1 or 3."""
        batch = np.empty((len(places), self._size, self._size, channels), np.uint8)
        for row, place in enumerate(places):
            depth, begin = self._depths[place], self._begins[place]
            image = self._bytes[begin : begin + self._size**2 * depth].reshape(self._size, self._size, depth)
            batch[row] = as_channels(image, channels)
        return batch


def as_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """(height, width, 1 or 3) with as many channels as asked for: colour becomes grey by its luma, grey three times itself."""
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.broadcast_to(image, (*image.shape[:2], 3))
    luma: np.ndarray = (image.astype(np.float32) @ np.float32([0.299, 0.587, 0.114]))[..., None]
    return luma.round().astype(np.uint8)
