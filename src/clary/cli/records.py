"""``clary records``: image RecordIO files, the form in which SageMaker's image algorithms like their images best."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clary.cli import (
    options,
    record_contents,
    record_manifests,
    record_packing,
    record_resizing,
    record_sources,
    record_splits,
)
from clary.cli.record_places import NoSuchPlace, Places
from clary.cli.record_sources import Collection, Labelled, Problems
from clary.formats import detection_labels
from clary.formats.recordio import BrokenRecord

_DEFAULT_WIDTH = 350  # label_width of the object detection algorithm


@click.group()
def records() -> None:
    """Pack images into RecordIO files (.rec), and look into them.

    The files are those of MXNet's im2rec.

    \b
    A folder with one sub-folder of images per class, for image classification:
      clary records pack flowers/ data/flowers --train-ratio 0.8
    A manifest of a labelling job, for object detection:
      clary records pack output.manifest data/boxes --train-ratio 0.8
    What is in a file:
      clary records show data/boxes_train.rec
    """


@records.command()
@click.argument("source")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--images",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Where the images are: of a .lst, the folder its paths start from; of a manifest, a folder that holds "
    "them all by their file names, whatever bucket the manifest says.",
)
@click.option("--label", metavar="ATTRIBUTE", help="Of a manifest: the attribute with the labels, if it has several.")
@click.option("--skip-unlabelled", is_flag=True, help="Of a manifest: leave out lines without labels.")
@click.option("--skip-missing", is_flag=True, help="Leave out images whose files are not there.")
@click.option("--num-classes", type=click.IntRange(1), help="How many classes there are, if some of them do not occur.")
@click.option(
    "--label-width",
    type=click.IntRange(1),
    metavar="N",
    help="Fill each image's labels up to N numbers with -1, boxes by whole ones (default: as many as it has).",
)
@click.option(
    "--resize", type=click.IntRange(1), metavar="PIXELS", help="Make the shorter side so long, if it is longer."
)
@click.option(
    "--encoding", type=click.Choice(["png", "jpeg"]), help="Write all images anew as this (default: as they are)."
)
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Of JPEGs written anew.")
@click.option(
    "--train-ratio",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Below 1: OUT_train, and the rest in OUT_val.",
)
@click.option(
    "--test-ratio",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Above 0: OUT_test too.",
)
@click.option(
    "--keep-together",
    metavar="REGEX",
    help="Images whose names match alike come into the same part, as those of one patient: '([0-9]{8})_'.",
)
@click.option("--shuffle/--no-shuffle", default=None, help="Default: shuffled, but a .lst keeps its order.")
@click.option("--seed", default=100, show_default=True, help="Of the shuffle; im2rec's own is 100.")
@options.data
def pack(
    source: str, out: Path, images: Path | None, label: str | None, skip_unlabelled: bool,
    skip_missing: bool, num_classes: int | None,
    label_width: int | None, train_ratio: float, test_ratio: float, keep_together: str | None, shuffle: bool | None,
    seed: int, resize: int | None, encoding: str | None, quality: int, data: Path | None,
) -> None:  # fmt: skip
    """Pack images into OUT.rec, OUT.idx and OUT.lst.

    \b
    SOURCE is one of
      a folder     each sub-folder is a class; JPEG and PNG files
      a .lst file  number, labels and path by tabs, as im2rec writes it
      a manifest   a JSON object a line with "source-ref" (a path or an S3 URI) and labels: an output manifest of
                   Ground Truth or an augmented manifest; boxes in pixels become fractions; a file or an S3 URI

    Images go in as they are, their heads and ends checked; --resize and --encoding decode them and write them anew, in the
    environment of the image pytorch. What is wrong is told with its line or file, and then nothing is written. S3 URIs
    are read from Clary's running server.
    """
    settings, problems = options.settings(data=data), Problems()
    places = Places(settings)
    collection = _collect(source, images, label, skip_unlabelled, places, problems)
    if skip_missing:
        collection = record_sources.present(collection)
    record_sources.check(collection, num_classes, problems)
    seed_used = seed if shuffle or (shuffle is None and not source.endswith(".lst")) else None
    parts = record_splits.divide(collection.images, train_ratio, test_ratio, seed_used, _pattern(keep_together))
    if out.suffix == ".rec":
        out = out.with_suffix("")
    with ExitStack() as opened:
        contents = places.contents
        if resize or encoding:
            resizer = opened.enter_context(record_resizing.resizer(settings, resize or 0, encoding or "same", quality))
            contents = partial(resizer.resized, read=places.read)
        step = opened.enter_context(_bar("packing", out, len(collection.images)))
        sizes = record_packing.write(out, parts, label_width or 0, collection.boxes, contents, problems, step)
    for suffix, part in parts.items():
        click.echo(f"{out}{suffix}.rec: {_told(part, collection)}; {sizes[suffix] / 1e6:.1f} MB")
    click.echo(_advice(collection, num_classes, parts))


@records.command()
@click.argument("file")
@click.option("--first", default=5, show_default=True, type=click.IntRange(0), help="Records to list.")
@options.data
def show(file: str, first: int, data: Path | None) -> None:
    """Say what is in an image RecordIO file.

    FILE is a path or an S3 URI; its records, labels, classes and sizes of images are told.

    Every record is read, and the .idx beside it compared, if there is one.
    """
    with _told_errors(file), Places(options.settings(data=data)).open(file) as stream:
        found = record_contents.look(stream, first)
        index = record_contents.compare_index(Path(file), found)
    click.echo(record_contents.summary(file, found, index))
    if found.first:
        click.echo()
        Console().print(record_contents.table(found))


@records.command()
@click.argument("file")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@options.data
def unpack(file: str, folder: Path, data: Path | None) -> None:
    """Write the images of a RecordIO file into a folder.

    FOLDER gets a file for each image of FILE, and images.lst with their labels.
    """
    with _told_errors(file), Places(options.settings(data=data)).open(file) as stream:
        count = record_packing.unpack(stream, folder)
    click.echo(f"{folder}: {count} images, and images.lst with their labels")


def _collect(
    source: str, images: Path | None, label: str | None, skip: bool, places: Places, problems: Problems
) -> Collection:
    path = Path(source)
    if not source.startswith("s3://") and not path.exists():
        raise click.ClickException(f"There is no file or folder {source}.")
    if path.is_dir():
        if images or label or skip:
            raise click.ClickException(
                f"{source} is a folder; --images, --label and --skip-unlabelled are for a manifest or .lst."
            )
        return record_sources.of_folder(path)
    if path.suffix == ".lst":
        return record_sources.of_list(path, images or path.parent, problems)
    return record_manifests.of_manifest(source, places.read, images, label, skip, problems)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.ClickException(f"--keep-together {text!r} is no regular expression: {error}") from None


def _told(part: list[Labelled], collection: Collection) -> str:
    text = f"images: {len(part)}"
    if collection.boxes:
        counts = [len(detection_labels.unpack(image.labels).objects) for image in part]
        text += f", boxes: {sum(counts)}, images without any: {counts.count(0)}"
    return text


def _advice(collection: Collection, num_classes: int | None, parts: dict[str, list[Labelled]]) -> str:
    """What a training job has to be told about these files."""
    count = num_classes or max(record_sources.ids(collection), default=0) + 1
    train = parts.get("_train") or parts.get("") or []
    text = f"For the job: ContentType application/x-recordio, num_classes={count}, num_training_samples={len(train)}"
    widest = max(len(image.labels) for image in collection.images)
    if collection.boxes and widest > _DEFAULT_WIDTH:
        text += f", label_width={widest}"
    names = ", ".join(f"{number} {name}" for number, name in sorted(collection.classes.items()))
    return f"{text}\nClasses: {names}" if names else text


@contextmanager
def _bar(text: str, out: Path, total: int) -> Iterator[Callable[[], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with _told_errors(out), Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def _told_errors(what: str | Path) -> Iterator[None]:
    """``what``: the file in question, where the error names none."""
    try:
        yield
    except BrokenRecord as error:
        raise click.ClickException(f"{what}: {error}") from None
    except NoSuchPlace as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.strerror}: {error.filename or what}") from None
