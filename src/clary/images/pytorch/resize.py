"""Makes images smaller, one after the other: RecordIO of images on stdin, of answers on stdout, as ``clary records pack`` wants.

An answer is 1 and the new image, or 0 and what is wrong. The shorter side gets ``SIDE`` pixels, unless it has fewer (0: none is
resized). A JPEG that says by EXIF how it is turned is turned; 16 bits a channel become 8, palettes become colours.
Usage: python -m clary.images.pytorch.resize SIDE png|jpeg|same QUALITY
"""

from __future__ import annotations

import io
import sys

from PIL import Image, ImageOps

from clary.formats import recordio

_WIDE = ("I", "I;16", "I;16B", "I;16L", "F")  # modes of more than 8 bits


def shrink(data: bytes, side: int, kind: str, quality: int) -> bytes:
    """``OSError`` or ``ValueError`` if the image cannot be decoded. ``quality``: of a JPEG, 1 to 100."""
    with Image.open(io.BytesIO(data), formats=["PNG", "JPEG"]) as opened:
        kind = (opened.format or "").lower() if kind == "same" else kind
        if kind == "jpeg" and side:
            opened.draft(None, (2 * side, 2 * side))  # decodes a large JPEG at a half, a quarter or an eighth
        image = ImageOps.exif_transpose(opened)
    if image.mode in _WIDE:
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode in {"P", "1", "CMYK", "PA"}:
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if kind == "jpeg" and image.mode in {"RGBA", "LA"}:
        image = image.convert(image.mode.removesuffix("A"))
    shorter = min(image.size)
    if side and shorter > side:
        size = (image.width * side // shorter, image.height * side // shorter)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    saved = io.BytesIO()
    image.save(saved, kind.upper(), **({"quality": quality} if kind == "jpeg" else {}))
    return saved.getvalue()


def main(side: int, kind: str, quality: int) -> None:
    for view in recordio.Reader(sys.stdin.buffer):
        try:
            answer = b"\1" + shrink(bytes(view), side, kind, quality)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's for broken files
            answer = b"\0" + str(error).encode()
        sys.stdout.buffer.write(recordio.encode(answer))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
