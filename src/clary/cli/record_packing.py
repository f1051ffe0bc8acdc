"""Writing .rec, .idx and .lst files of labelled images, and taking them apart again.

Files get their names when all of them are whole: what stood there before stays until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from clary.cli.record_places import NoSuchPlace
from clary.cli.record_sources import Labelled, Problems
from clary.formats import detection_labels, image_files, image_lists, image_records, recordio
from clary.formats.image_lists import ListedImage

_SKEW = 0.01  # how far an image's ratio of sides may be from that of the image on which its boxes were drawn
_ENDS = (".rec", ".idx", ".lst")

Contents = Callable[[list[Labelled]], Iterator[tuple[Labelled, Callable[[], bytes]]]]
"""Of images in their order, each with a call that gives its bytes; the call raises ``NoSuchPlace`` or ``ValueError``."""


def write(
    out: Path,
    parts: dict[str, list[Labelled]],
    width: int,
    boxes: bool,
    contents: Contents,
    problems: Problems,
    step: Callable[[], None],
) -> dict[str, int]:
    """Files ``out`` + part + .rec, .idx, .lst; how large each .rec is. ``width``: labels to fill up to, 0 for none.

    ``ClickException`` with what is wrong, and nothing written; ``step`` is called after each image.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    sizes = {}
    with ExitStack() as undone:
        for part, images in parts.items():
            stem = f"{out}{part}"
            for end in _ENDS:
                undone.callback(Path(f"{stem}{end}.part").unlink, missing_ok=True)
            listed = []
            with image_records.ImageRecordWriter(f"{stem}.rec.part", f"{stem}.idx.part") as writer:
                for image, read in contents(images):
                    try:
                        labels = _filled(image.labels, width, boxes)
                        content = read()
                        _check(content, image)
                        writer.write(image_records.labelled(image.id, labels, content))
                        listed.append(ListedImage(image.id, labels, image.name))
                    except (ValueError, NoSuchPlace) as error:
                        problems.add(f"{image.where}: {error}")
                    if problems.full():
                        problems.stop()
                    step()
            image_lists.write(f"{stem}.lst.part", listed)
            sizes[part] = Path(f"{stem}.rec.part").stat().st_size
        problems.stop()
        for part in parts:
            for end in _ENDS:
                Path(f"{out}{part}{end}.part").replace(f"{out}{part}{end}")
    return sizes


def _filled(labels: tuple[float, ...], width: int, boxes: bool) -> tuple[float, ...]:
    if width and len(labels) > width:
        raise ValueError(f"it has {len(labels)} numbers as labels, more than --label-width {width}")
    if width and boxes:
        return detection_labels.pack(detection_labels.unpack(labels), width)
    return labels + (detection_labels.PADDING,) * (width - len(labels))


def _check(content: bytes, image: Labelled) -> None:
    """``NoImage``; ``ValueError`` where boxes were drawn on an image of another shape."""
    try:
        found = image_files.look(content)
    except image_files.NoImage as error:
        raise ValueError(f"it {error}") from None
    if image.size is None:
        return
    wide, high = image.size
    if abs(found.width * high / (found.height * wide) - 1) > _SKEW:
        raise ValueError(
            f"its boxes were drawn on {wide:g} x {high:g} pixels, but it has {found.width} x {found.height}: "
            "they would lie elsewhere. Is it the right image?"
        )


def unpack(source: recordio.Source, folder: Path) -> int:
    """Images by their ids, and images.lst; how many. ``BrokenRecord``; ``ClickException`` if something is in the way."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty: name a new folder.")
    listed: list[ListedImage] = []
    taken: set[str] = set()
    for record in image_records.read(source):
        try:
            end = {"png": ".png", "jpeg": ".jpg"}[image_files.look(record.image).kind]
        except image_files.NoImage:
            end = ".bin"
        name = f"{record.id:08}{end}"
        if name in taken:
            name = f"{record.id:08}-{len(listed)}{end}"
        taken.add(name)
        (folder / name).write_bytes(record.image)
        listed.append(ListedImage(record.id, record.labels, name))
    image_lists.write(folder / "images.lst", listed)
    return len(listed)
