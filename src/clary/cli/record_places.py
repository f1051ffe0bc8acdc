"""Reading what ``clary records`` is given: a path, or an S3 URI of the running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from clary.cli.client import client
from clary.cli.record_sources import Labelled
from clary.formats import recordio
from clary.settings import Settings


class NoSuchPlace(Exception):
    """There is nothing to read; the message names it."""


class Places:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def read(self, place: Path | str) -> bytes:
        """All bytes of a file or an object; ``NoSuchPlace``, ``OSError``."""
        if isinstance(place, Path) or not place.startswith("s3://"):
            return Path(place).read_bytes()
        found: bytes = self._body(place).read()
        return found

    def contents(self, images: list[Labelled]) -> Iterator[tuple[Labelled, Callable[[], bytes]]]:
        """Each image with the call that reads it."""
        return ((image, partial(self.read, image.place)) for image in images)

    @contextmanager
    def open(self, place: str) -> Iterator[recordio.Source]:
        if place.startswith("s3://"):
            yield self._body(place)
            return
        with Path(place).open("rb", buffering=0) as file:
            yield file

    @cached_property
    def _s3(self) -> Any:
        return client(self._settings, "s3")

    def _body(self, uri: str) -> Any:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise NoSuchPlace(f"{uri} is no object: s3://bucket/key")
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        except self._s3.exceptions.ClientError as error:
            raise NoSuchPlace(f"{uri}: {error.response['Error']['Message']}") from None
