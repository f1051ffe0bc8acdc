"""What is in an image RecordIO file, counted record by record, and what ``clary records show`` prints of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

from clary.formats import detection_labels, image_files, image_records, recordio
from clary.formats.image_records import ImageRecord

_SHOWN = 12  # classes and kinds of images to name


@dataclass
class Contents:
    """``classes``: how many images, or boxes, have an id. ``odd``: what is wrong with records, by what it is."""

    count: int = 0
    bytes: int = 0  # of the images
    boxes: int = 0
    with_boxes: int = 0
    without_boxes: int = 0
    with_several: int = 0  # labels that are no boxes
    classes: Counter[float] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)  # of what is odd
    offsets: dict[int, int] = field(default_factory=dict)
    first: list[tuple[str, ...]] = field(default_factory=list)

    def note(self, what: str, example: str) -> None:
        self.odd[what] += 1
        self.examples.setdefault(what, f"record {self.count} {example}")


def look(source: recordio.Source, first: int) -> Contents:
    """Reads to the end; ``first``: records to list. ``BrokenRecord``."""
    found = Contents()
    reader = image_records.ImageRecordReader(source)
    for record in reader:
        found.count += 1
        found.bytes += len(record.image)
        if record.id in found.offsets:
            found.note("an id that another record has", f"has the id {record.id}")
        found.offsets[record.id] = reader.offset
        image, labels = _image(record, found), _labels(record, found)
        if found.count <= first:
            found.first.append((str(found.count), str(record.id), image, f"{len(record.image):,}", labels))
    return found


def _image(record: ImageRecord, found: Contents) -> str:
    try:
        image = image_files.look(record.image)
    except image_files.NoImage as error:
        found.note("content that is no whole PNG or JPEG image", str(error))
        return "?"
    text = f"{image.kind} {image.width} x {image.height} x {image.channels}, {image.bits} bit"
    found.images[text] += 1
    return text


def _labels(record: ImageRecord, found: Contents) -> str:
    if len(record.labels) == 1:
        found.classes[record.labels[0]] += 1
        return f"{record.labels[0]:g}"
    try:
        label = detection_labels.unpack(record.labels)
    except detection_labels.BrokenLabels:
        found.with_several += 1
        return " ".join(f"{number:g}" for number in record.labels)
    found.boxes += len(label.objects)
    found.with_boxes += bool(label.objects)
    found.without_boxes += not label.objects
    found.classes.update(each[0] for each in label.objects)
    if (wrong := detection_labels.misplaced(label)) is not None:
        found.note("a box that is wrong", f"in {wrong}")
    return "; ".join(f"{each[0]:g}: " + " ".join(f"{n:.3f}" for n in each[1:]) for each in label.objects) or "no box"


def compare_index(path: Path, found: Contents) -> str:
    """What the .idx beside a .rec says; empty if there is none. ``BrokenIndex`` is told, too."""
    index = path.with_suffix(".idx")
    if not index.is_file():
        return ""
    try:
        offsets = image_records.read_index(index)
    except image_records.BrokenIndex as error:
        return str(error)
    if offsets == found.offsets:
        return f"{index} fits."
    wrong = [number for number in found.offsets | offsets if offsets.get(number) != found.offsets.get(number)]
    return f"{index} does not fit: {len(wrong)} records are not where it says, first that of the id {wrong[0]}."


def summary(name: str, found: Contents, index: str) -> str:
    lines = [f"{name}: {found.count:,} records, {found.bytes / 1e6:,.1f} MB of images"]
    if found.with_boxes or found.without_boxes:
        lines.append(
            f"Boxes: {found.boxes:,}, in {found.with_boxes:,} of the images; without any: {found.without_boxes:,}"
        )
    if found.with_several:
        lines.append(f"Images with several labels, which are no boxes: {found.with_several:,}")
    if found.classes:
        lines.append(f"Classes: {_counts({f'{key:g}': found.classes[key] for key in sorted(found.classes)})}")
    if found.images:
        lines.append(f"Images: {_counts(dict(found.images.most_common()))}")
    for what, count in found.odd.most_common():
        lines.append(f"Of these, {count:,} with {what}: {found.examples[what]}")
    lines += [index] if index else []
    return "\n".join(lines)


def table(found: Contents) -> Table:
    """The first records."""
    rows = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("record", "id", "image", "bytes", "labels"):
        rows.add_column(column, justify="right" if column in {"record", "id", "bytes"} else "left")
    for row in found.first:
        rows.add_row(*row)
    return rows


def _counts(counts: dict[str, int]) -> str:
    texts = [f"{what} ({count:,})" for what, count in counts.items()]
    return "; ".join(texts[:_SHOWN]) + (f"; {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
