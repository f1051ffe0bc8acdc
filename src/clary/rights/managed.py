"""The policies that AWS manages, as far as Clary has them: one file each in ``managed/``, as AWS publishes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("managed")
PREFIX = "arn:aws:iam::aws:policy/"


@dataclass(frozen=True)
class Managed:
    """``version`` of AWS's that the document is, ``created`` when AWS made that version (ISO 8601)."""

    arn: str
    version: str
    created: str
    document: str

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def path(self) -> str:
        return "/" + self.arn.removeprefix(PREFIX).removesuffix(self.name)


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


def find(arn: str) -> Managed | None:
    """The policy of this ARN; None if it is not AWS's or Clary does not have it."""
    if not arn.startswith(PREFIX):
        return None
    found = by_name(arn.rpartition("/")[2])
    return found if found is not None and found.arn == arn else None


@cache
def by_name(name: str) -> Managed | None:
    if name not in names():
        return None
    found = json.loads((_FOLDER / f"{name}.json").read_text())
    return Managed(found["Arn"], found["VersionId"], found["CreateDate"], json.dumps(found["Document"], indent=4))
