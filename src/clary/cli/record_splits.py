"""Dividing images into train, val and test, as im2rec does: one shuffle by a seed, then cuts by ratios."""

from __future__ import annotations

import random
import re

import click

from clary.cli.record_sources import Labelled


def divide(
    images: list[Labelled], train: float, test: float, seed: int | None, together: re.Pattern[str] | None
) -> dict[str, list[Labelled]]:
    """Lists by their suffix: ``""`` for one of all, else ``_train``, ``_val``, ``_test``; ``seed`` None keeps the order.

    ``together``: images whose names match it alike are never parted. ``ClickException`` if a part stays empty.
    """
    groups = _groups(images, together)
    if seed is not None:
        random.Random(seed).shuffle(groups)  # noqa: S311, no secret: im2rec's own shuffle
    if train == 1:
        return {"": [image for group in groups for image in group]}
    if train + test > 1:
        raise click.ClickException(f"--train-ratio {train:g} and --test-ratio {test:g} are more than 1 together.")
    ends = int(len(images) * test), int(len(images) * test) + int(len(images) * train)
    parts: dict[str, list[Labelled]] = {"_train": [], "_val": [], "_test": []}
    seen = 0
    for group in groups:
        part = "_test" if seen < ends[0] else "_train" if seen < ends[1] or train + test == 1 else "_val"
        parts[part] += group
        seen += len(group)
    wanted = {"_train": True, "_val": train + test < 1, "_test": test > 0}
    for part, images_of_it in parts.items():
        if wanted[part] and not images_of_it:
            raise click.ClickException(f"No image is left for {part[1:]}: {len(images)} are too few for these ratios.")
    return {part: images_of_it for part, images_of_it in parts.items() if wanted[part]}


def _groups(images: list[Labelled], together: re.Pattern[str] | None) -> list[list[Labelled]]:
    if together is None:
        return [[image] for image in images]
    groups: dict[str, list[Labelled]] = {}
    for image in images:
        found = together.search(image.name)
        if found is None:
            raise click.ClickException(f"{image.where}: its name {image.name!r} does not match {together.pattern!r}.")
        groups.setdefault(found[1] if together.groups else found[0], []).append(image)
    return list(groups.values())
