"""Draws the picture of the guide, boxes.jpg: where a box begins and ends, and how it goes wrong. From synthetic pictures.

``python guide_pictures.py`` writes it beside this file.
"""

from __future__ import annotations

from pathlib import Path

import sample
from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, TEXT = 400, 14, 46
GOOD, BAD, TRUE = (127, 212, 160), (255, 123, 107), (150, 160, 154)
# Patient, view, what to draw (None: the exact box; else left, top, right, bottom moved by parts of the box), words.
PANELS = [
    (4, 1, None, "Good: from the picture's edge to the\ncollar bones, as wide as the windpipe"),
    (1, 0, None, "Good: the X-rays' field begins lower,\nand so does the box"),
    (3, 0, None, "Good: only a little neck is to be seen,\nso the box is low"),
    (0, 0, None, "Good: no box. The chin hides the neck"),
    (4, 1, (0, 0, 0, 1.1), "Bad: too deep. Below the collar bones\nthe windpipe is in the chest"),
    (1, 0, (-1.1, 0, 1.1, 0), "Bad: too wide. This is the neck, not\nthe air in it"),
    (2, 0, (0.8, 0, 0.8, 0), "Bad: beside it. The windpipe is the dark\nband in the middle"),
    (1, 1, (0, 0.5, 0, 0), "Bad: begins too low. Begin where the\nair begins to be seen"),
]


def draw() -> Image.Image:
    """Two rows of four panels, the upper one good."""
    sheet = Image.new("RGB", (4 * SIDE + 5 * GAP, 2 * (SIDE + TEXT) + 3 * GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for place, (number, view, moved, words) in enumerate(PANELS):
        x, y = GAP + place % 4 * (SIDE + GAP), GAP + place // 4 * (SIDE + TEXT + GAP)
        picture, box = sample.radiograph(number, view, SIDE)
        sheet.paste(picture.convert("RGB"), (x, y))
        if box:
            left, top, wide, high = box
            exact = (left, top, left + wide, top + high)
            wanted = exact if moved is None else _moved(exact, moved)
            if moved is not None:
                pen.rectangle([exact[0] + x, exact[1] + y, exact[2] + x, exact[3] + y], outline=TRUE, width=1)
            pen.rectangle(
                [wanted[0] + x, wanted[1] + y, wanted[2] + x, wanted[3] + y],
                outline=GOOD if moved is None else BAD,
                width=3,
            )
        pen.multiline_text((x, y + SIDE + 4), words, fill=(27, 33, 29), font=font)
    return sheet


def _moved(box: tuple[int, ...], by: tuple[float, ...]) -> tuple[float, ...]:
    wide, high = box[2] - box[0], box[3] - box[1]
    return tuple(side + part * unit for side, part, unit in zip(box, by, (wide, high, wide, high), strict=True))


if __name__ == "__main__":
    draw().save(Path(__file__).with_name("boxes.jpg"), quality=82, optimize=True)
