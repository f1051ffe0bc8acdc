"""An offline stand-in for the NIH radiographs: SYNTHETIC frontal chest pictures, drawn by a generator.

What X-rays meet on their way is added up, part by part: the body, lungs and windpipe of air, spine, ribs, collar bones,
heart, belly; then come exposure, noise, the collimator's edges and the markers. No person in them exists. Every picture
says SYNTHETIC in its corner, in its PNG text and in its name, so that no copy can be mistaken for a patient's.

The box: the air column of the neck, its wall included. It begins at the larynx, or where the picture or the field of
the X-rays begins, or below the chin; it ends at the inner ends of the collar bones. About 22 % of the pictures have no
box, because the neck lies outside or the chin hides it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, PngImagePlugin

SIZE = 512  # pixels of a side; 64 to 1,024
WITHOUT = 0.22  # the share of pictures without a box, as among the real ones
SMALLEST = 0.02  # of the picture's height: a lower box is none
LUMEN = -0.19  # how much less than the tissue around it the air of the windpipe absorbs
ATTRIBUTE = "trachea"
Box = tuple[int, int, int, int]  # left, top, width, height, in pixels
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Patient:
    """An anatomy. Lengths in units of the chest: 1 from the inner ends of the collar bones down to the diaphragm."""

    width: float  # half of the chest's
    neck: float  # half of the neck's width
    larynx: float  # how far above the collar bones the windpipe begins
    air: float  # half of the windpipe's width
    bend: float  # how far the windpipe leans to a side on its way down
    heart: float
    slope: float  # of the shoulders
    stout: float  # soft tissue
    rib: float  # distance of two ribs
    device: bool  # a pacemaker


def patient(number: int, seed: int = 7) -> Patient:
    """The patient of that number; the same on every machine."""
    chance = np.random.default_rng([seed, number, 1])
    draw = chance.uniform
    return Patient(
        draw(0.54, 0.7), draw(0.17, 0.27), draw(0.28, 0.5), draw(0.042, 0.068), draw(-0.01, 0.05), draw(0.85, 1.25),
        draw(0.1, 0.42), draw(0.75, 1.3), draw(0.1, 0.125), bool(chance.random() < 0.06),
    )  # fmt: skip


class Film:
    """Layers of absorption in one field of view: body units in, pixels out."""

    def __init__(self, size: int, *, scale: float, turn: float, middle: tuple[float, float]) -> None:
        self.size, self.scale = size, scale * size
        self._cos, self._sin = np.cos(turn), np.sin(turn)
        self._middle = middle[0] * size, middle[1] * size
        self.sum = np.zeros((size, size), np.float32)

    def points(self, outline: Points) -> Points:
        """Pixels of body points. The patient's right is on the picture's left, at negative x."""
        x, y = np.array(outline).T * self.scale
        across, down = x * self._cos - y * self._sin, x * self._sin + y * self._cos
        return list(zip(self._middle[0] + across, self._middle[1] + down, strict=True))

    def layer(self) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        image = Image.new("L", (self.size, self.size))
        return image, ImageDraw.Draw(image)

    def add(self, image: Image.Image, absorption: float, blur: float) -> np.ndarray:
        """Add a layer of 0 to 255, softened by ``blur`` body units; the layer as it was added."""
        soft = image.filter(ImageFilter.BoxBlur(max(blur * self.scale, 0.4)))
        part = np.asarray(soft, np.float32) * np.float32(absorption / 255)
        self.sum += part
        return part

    def line(self, draw: ImageDraw.ImageDraw, path: Points, width: float, fill: int) -> None:
        draw.line(self.points(path), fill=fill, width=max(1, round(width * self.scale)))


def radiograph(number: int, view: int = 0, size: int = SIZE, seed: int = 7) -> tuple[Image.Image, Box | None]:
    """The picture ``view`` of the patient ``number``, 8-bit grey, and its box: None if the windpipe is not to be seen."""
    who, chance = patient(number, seed), np.random.default_rng([seed, number, 2, view])
    draw = chance.uniform
    hidden = chance.random() < WITHOUT
    chin = hidden and chance.random() < 0.25
    top = draw(-0.06, 0.015) if hidden and not chin else draw(0.07, 0.26)
    view_ = {"scale": draw(0.54, 0.7), "turn": draw(-0.06, 0.06), "middle": (draw(0.44, 0.56), top)}
    film, soft = Film(size, **view_), Film(size // 2, **view_)  # what has no edges is drawn at half the size
    jaw = _jaw(who, draw) if chin else (_jaw(who, draw, above=who.larynx * draw(0.7, 1.3)) if draw() < 0.2 else None)
    _body(soft, who, draw)
    _chest(soft, who, draw)
    _spine(soft, draw)
    _bones(film, who, draw)
    film.sum += np.asarray(Image.fromarray(soft.sum).resize((size, size), Image.Resampling.BILINEAR))
    airway = _airway(who)
    image, pen = film.layer()
    pen.polygon(film.points(_grown(airway, -0.012)), fill=255)
    for side in (-1, 1):
        film.line(pen, [(who.bend, 0.42), (who.bend + side * 0.13, 0.56)], 0.05, 200)
    if jaw:
        pen.polygon(film.points(jaw), fill=0)
    film.add(image, LUMEN, 0.01)
    if jaw:
        image, pen = film.layer()
        pen.polygon(film.points(jaw), fill=255)
        film.add(image, 0.5, 0.015)
    field = _field(size, draw)
    box = _box(film, airway, jaw, field)
    if hidden and box:  # what is left of the neck at the edge is cut away with it
        field, box = _below(field, box, size), None
    return _developed(film, field, chance), box


def _airway(who: Patient) -> Points:
    """The outline of the windpipe with its wall, from the larynx down to where it divides."""
    down = np.linspace(-who.larynx, 0.42, 12)
    middle = who.bend * np.clip(down / 0.42, 0, 1)
    half = who.air * (1 + 0.35 * np.exp(-(((down + who.larynx) / 0.08) ** 2)))  # the larynx is wider
    left, right = zip(middle - half, down, strict=True), zip(middle + half, down, strict=True)
    return [*left, *reversed(list(right))]


def _grown(outline: Points, by: float) -> Points:
    """The outline moved outwards by ``by`` body units on each side, inwards if it is negative."""
    half = len(outline) // 2
    return [(x - by, y) for x, y in outline[:half]] + [(x + by, y) for x, y in outline[half:]]


def _jaw(who: Patient, draw, above: float = -0.02) -> Points:
    """The lower edge of the chin at ``above`` the collar bones, and all of the head above it."""
    wide = who.neck * draw(1.0, 1.3)
    round_ = np.linspace(0, np.pi, 14)
    chin = [(wide * np.cos(a), -above - 0.3 + 0.3 * np.sin(a)) for a in round_]
    return [*chin, (-wide, -2), (wide, -2)]


def _body(film: Film, who: Patient, draw) -> None:
    """Neck, shoulders, arms and trunk: soft tissue."""
    wide, slope = who.width * draw(1.16, 1.34), who.slope
    arms = draw(1.5, 1.9)
    right = [(who.neck, -2), (who.neck, -0.32), (who.neck * 1.35, -0.14), (wide * 1.1, -0.05 + slope * 0.2)]
    right += [(wide * arms * 0.95, 0.05 + slope), (wide * arms, 0.5), (wide * arms, 2)]
    right += [(wide * arms * 0.8, 2), (wide * 1.1, 0.62), (wide, 0.75), (wide * draw(0.95, 1.1), 2)]
    image, pen = film.layer()
    pen.polygon(film.points([*right, *[(-x, y) for x, y in reversed(right)]]), fill=255)
    film.add(image, 0.34 * who.stout, 0.07)
    film.add(image, 0.1 * who.stout, 0.01)
    image, pen = film.layer()  # the trunk is thicker than its sides
    pen.ellipse(_around(film, (0, 0.75), wide * 0.9, 1.0), fill=255)
    film.add(image, 0.16, 0.16)


def _chest(film: Film, who: Patient, draw) -> None:
    """Lungs with their vessels, the heart and the great vessels, and the belly below the diaphragm."""
    lungs, pen = film.layer()
    domes = draw(0.86, 0.98), draw(0.92, 1.06)  # the right dome stands higher
    for side, dome in zip((-1, 1), domes, strict=True):
        pen.polygon(film.points([(side * x, y) for x, y in _lung(who.width, dome)]), fill=255)
    film.add(lungs, -0.3, 0.022)
    _vessels(film, lungs, who, draw)
    heart, pen = film.layer()
    big = who.heart
    pen.polygon(film.points(_smooth(
        [(-0.1, -0.16), (-0.11, 0.2), (-0.14, 0.4), (-0.17 * big, 0.6), (-0.2 * big, 0.8), (-0.1, 1.0),
         (0.25 * big, 1.0), (0.42 * big, 0.88), (0.34 * big, 0.66), (0.18, 0.48), (0.13, 0.38), (0.19, 0.28),
         (0.17, 0.18), (0.1, 0.1), (0.1, -0.16)]
    )), fill=255)  # fmt: skip
    film.add(heart, 0.2, 0.022)
    image, pen = film.layer()
    for side, dome in zip((-1, 1), domes, strict=True):
        arc = [(side * who.width * u, dome - 0.12 * np.sin(np.pi * min(u * 1.05, 1)) + 0.16 * u**3)
               for u in np.linspace(0, 1.12, 9)]  # fmt: skip
        pen.polygon(film.points([*arc, (side * who.width * 1.12, 2.4), (0, 2.4)]), fill=255)
    film.add(Image.composite(Image.new("L", image.size), image, heart.point(lambda grey: grey // 2)), 0.26, 0.014)
    if draw() < 0.45:  # air in the stomach
        image, pen = film.layer()
        pen.ellipse(_around(film, (draw(0.2, 0.34), domes[1] + 0.08), draw(0.06, 0.13), 0.05), fill=255)
        film.add(image, -0.16, 0.012)


def _lung(wide: float, dome: float) -> Points:
    """The outline of the lung on the positive side."""
    curve = [(0.1, -0.02), (0.2, -0.12), (0.34, -0.11), (0.62 * wide / 0.62 - 0.1, 0.06), (wide * 0.93, 0.35)]
    curve += [(wide, 0.7), (wide, dome + 0.1), (wide * 0.55, dome - 0.1), (0.12, dome), (0.09, 0.5)]
    return _smooth(curve)


def _smooth(curve: Points) -> Points:
    """The closed polygon with its corners cut twice (Chaikin)."""
    at = np.array(curve)
    for _ in range(2):
        after = np.roll(at, -1, axis=0)
        at = np.stack([0.75 * at + 0.25 * after, 0.25 * at + 0.75 * after], axis=1).reshape(-1, 2)
    return [tuple(point) for point in at]


def _vessels(film: Film, lungs: Image.Image, who: Patient, draw) -> None:
    """Branches that leave the hilum and grow thin."""
    image, pen = film.layer()
    for side in (-1, 1):
        for _ in range(26):
            angle, length = draw(-1.3, 1.4), draw(0.2, 0.46) * who.width / 0.6
            near = side * 0.15 + draw(-0.03, 0.03), 0.45 + draw(-0.08, 0.1)
            bend = angle + draw(-0.35, 0.35)
            middle = near[0] + side * length * 0.5 * np.cos(angle), near[1] + length * 0.5 * np.sin(angle)
            far = middle[0] + side * length * 0.6 * np.cos(bend), middle[1] + length * 0.6 * np.sin(bend)
            film.line(pen, [near, middle], draw(0.008, 0.02), 150)
            film.line(pen, [middle, far], draw(0.004, 0.009), 110)
    film.add(Image.composite(image, Image.new("L", image.size), lungs), draw(0.12, 0.24), 0.008)


def _spine(film: Film, draw) -> None:
    """A column of vertebrae, darker between them, and the tips of their arches."""
    spine, pen = film.layer()
    step = 0.1
    for place in np.arange(-1.0, 1.9, step):
        half = 0.068 + 0.02 * np.clip(place + 0.5, 0, 1.6)
        pen.polygon(film.points([(-half, place), (half, place), (half, place + step * 0.82),
                                 (-half, place + step * 0.82)]), fill=190)  # fmt: skip
        pen.ellipse(_around(film, (0, place + step * 0.45), 0.016, 0.03), fill=255)
    film.add(spine, draw(0.08, 0.15), 0.014)


def _bones(film: Film, who: Patient, draw) -> None:
    """Ribs, collar bones, shoulder blades and the upper arms. Their rims are denser than their middles."""
    ribs, pen = film.layer()
    fall, first = draw(0.1, 0.22), draw(-0.14, -0.1)
    for number in range(10):
        at = first + number * who.rib
        reach = who.width * (0.55 + 0.45 * min(1, (number + 0.6) / 4))
        for side in (-1, 1):
            turns = np.linspace(0, 1, 9)
            out = side * (0.07 + (reach - 0.07) * np.sin(turns * np.pi / 2))
            down = at - 0.045 * np.sin(turns * np.pi) + fall * (0.5 + number * 0.08) * turns**2
            path = list(zip(out, down, strict=True))
            film.line(pen, path, 0.042, 190)
            film.line(pen, path, 0.026, 120)
            front = [(x * (1 - 0.3 * u), y + 0.1 + 0.22 * u) for (x, y), u in zip(path[::-1][:5], turns, strict=False)]
            film.line(pen, front, 0.034, 75)
    film.add(ribs, draw(0.09, 0.16), 0.006)
    _shoulders(film, who, draw)


def _shoulders(film: Film, who: Patient, draw) -> None:
    image, pen = film.layer()
    lift = draw(-0.1, 0.05)
    for side in (-1, 1):
        ball = side * who.width * 1.42, 0.12 + who.slope * 0.75
        collar = [
            (side * 0.07, 0.0),
            (side * 0.2, -0.03),
            (side * who.width * 0.7, lift),
            (ball[0] * 0.97, ball[1] - 0.1),
        ]
        blade = [(side * who.width * 0.72, 0.1), (ball[0] * 0.95, ball[1] - 0.04), (side * who.width * 0.95, 0.62)]
        pen.polygon(film.points(blade), fill=55)
        pen.ellipse(_around(film, ball, 0.1, 0.11), fill=130)
        film.line(pen, [(ball[0] + side * 0.02, ball[1]), (ball[0] + side * 0.12, 1.3)], 0.11, 130)
        film.line(pen, collar, 0.052, 200)
        film.line(pen, collar, 0.032, 140)
    film.add(image, draw(0.15, 0.24), 0.006)
    if who.device:
        image, pen = film.layer()
        pen.ellipse(_around(film, (0.38, 0.22), 0.085, 0.075), fill=255)
        film.line(pen, [(0.34, 0.2), (0.12, 0.15), (0.06, 0.6), (0.16, 0.85)], 0.012, 255)
        film.add(image, 0.5, 0.003)


def _around(film: Film, middle: tuple[float, float], wide: float, high: float) -> list[float]:
    """The pixels' rectangle around an ellipse; small turns of the film do not matter for round things."""
    (x, y), *_ = film.points([middle])
    return [x - wide * film.scale, y - high * film.scale, x + wide * film.scale, y + high * film.scale]


def _field(size: int, draw) -> Points:
    """The four corners of what the collimator leaves open, in pixels."""
    margin = [draw(0, 0.035) if draw() < 0.5 else 0.0 for _ in range(4)]
    turn = draw(-0.05, 0.05) if draw() < 0.3 else 0.0
    left, top, right, bottom = margin[0], margin[1], 1 - margin[2], 1 - margin[3]
    if turn:
        left, right = left + 0.01, right - 0.01
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return [((x - turn * (y - 0.5)) * size, (y + turn * (x - 0.5)) * size) for x, y in corners]


def _below(field: Points, box: Box, size: int) -> Points:
    """The field with its upper edge moved below a box."""
    edge = min(box[1] + box[3] + 2, size // 3)
    return [(x, max(y, edge)) if place < 2 else (x, y) for place, (x, y) in enumerate(field)]


def _box(film: Film, airway: Points, jaw: Points | None, field: Points) -> Box | None:
    """Around the pixels of the neck's windpipe that can be seen."""
    neck = [(x, min(y, 0.0)) for x, y in airway]
    mask, pen = film.layer()
    pen.polygon(film.points(_grown(neck, 0.012)), fill=255)
    if jaw:
        pen.polygon(film.points(jaw), fill=0)
    open_, pen = film.layer()
    pen.polygon(field, fill=255)
    found = Image.composite(mask, Image.new("L", mask.size), open_).getbbox()
    if found is None or found[3] - found[1] < SMALLEST * film.size:
        return None
    return found[0], found[1], found[2] - found[0], found[3] - found[1]


def _developed(film: Film, field: Points, chance: np.random.Generator) -> Image.Image:
    """The film's absorption as a picture: exposure, contrast, noise, collimation, markers."""
    draw, size = chance.uniform, film.size
    tone = 1 / (1 + np.exp((np.float32(draw(0.4, 0.52)) - film.sum) * np.float32(draw(4.2, 6.5))))
    noise = np.roll(_grain(size), chance.integers(0, size, 2), (0, 1)) * np.float32(draw(0.006, 0.02))
    light = (tone * draw(0.82, 1.0) - 0.04 + noise * (1.15 - tone)) * 255
    picture = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    mask, pen = film.layer()
    pen.polygon(field, fill=255)
    picture = Image.composite(picture, Image.new("L", picture.size, int(draw(0, 14))), mask)
    pen = ImageDraw.Draw(picture)
    side = draw() < 0.75
    where = (draw(0.9, 0.94) if side else draw(0.03, 0.07)) * size, draw(0.03, 0.14) * size
    pen.text(where, "L" if side else "R", fill=int(draw(215, 255)), font=_font(max(8, round(size * draw(0.045, 0.07)))))
    pen.text((0.02 * size, 0.965 * size), "SYNTHETIC", fill=200, font=_font(max(7, round(size * 0.024))))
    return picture


@cache
def _grain(size: int) -> np.ndarray:
    """Noise with a little correlation between neighbours, as films have; unit deviation."""
    raw = np.random.default_rng(11).standard_normal((size, size)).astype(np.float32)
    raw = raw + 0.5 * (np.roll(raw, 1, 0) + np.roll(raw, 1, 1))
    return raw / raw.std()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def write(folder: Path, count: int = 600, size: int = SIZE, seed: int = 7) -> Path:
    """Write ``count`` pictures and their manifest to ``folder``; the manifest's path. The same seed, the same files.

    The manifest has the form of a Ground Truth job's output; its ``source-ref`` is the picture's name. The name begins
    with its patient's number, of whom there are one to three pictures, as in the NIH's set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    number, view = 0, 0
    views = np.random.default_rng([seed, 3])
    left = int(views.integers(1, 4))
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "SYNTHETIC radiograph, drawn by a generator. No person in it exists.")
    for _ in range(count):
        picture, box = radiograph(number, view, size, seed)
        name = f"SYNTHETIC{number:05}_{view:03}.png"
        picture.save(folder / name, pnginfo=note, compress_level=1)
        lines.append(json.dumps(record(name, size, box)))
        view += 1
        if view == left:
            number, view, left = number + 1, 0, int(views.integers(1, 4))
    path = folder / "labels.manifest"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def record(name: str, size: int, box: Box | None) -> dict[str, object]:
    """A manifest's line: the picture, its box under ``trachea``, and that it is synthetic."""
    keys = ("left", "top", "width", "height")
    boxes = [{"class_id": 0, **dict(zip(keys, box, strict=True))}] if box else []
    return {
        "source-ref": name,
        ATTRIBUTE: {"image_size": [{"width": size, "height": size, "depth": 1}], "annotations": boxes},
        f"{ATTRIBUTE}-metadata": {
            "class-map": {"0": "Trachea"} if boxes else {},
            "objects": [{"confidence": 1} for _ in boxes],
            "type": "groundtruth/object-detection",
            "human-annotated": "no",
            "job-name": "SYNTHETIC, drawn by sample.py",
            "creation-date": "2026-01-01T00:00:00",
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw synthetic radiographs with their boxes.")
    parser.add_argument("--folder", type=Path, default=Path("data/synthetic"))
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    print(write(given.folder, given.count, given.size, given.seed))
