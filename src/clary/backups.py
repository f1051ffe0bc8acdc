"""Backups: one archive of the records and all objects that they name, as they were at one moment; and the way back.

An archive is a tar file: ``clary.db``, ``objects/...``, what else the folder keeps for good (keys, certificates), and at its
end ``manifest.json`` with the SHA-256 of each. What a run makes is not in it: tasks, logs, ports, copies of older schemas.
It may be taken while a server works: the database is copied in one transaction, and the blobs that the copy names are
kept by hard links until they are written. A blob never changes, so a link holds what the copy means.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clary import __version__, root_key
from clary.formats.archives import UnsafeArchive, unpack
from clary.store import damage, queries
from clary.store.blobs import in_use
from clary.store.database import ReadOnly
from clary.store.schema import copy

Progress = Callable[[int, int], None]
"""Told the bytes done, and the bytes in all."""

_MANIFEST = "manifest.json"
_DATABASE = "clary.db"
_OF_A_RUN = frozenset({"lock", "doors", "server.json", "ports.json", "server.log", "tasks", "backups", "objects"})
_PIECE = 1 << 20  # bytes read at a time
_TRIES = 10  # for a moment at which no blob that the copy names has just been removed


class BackupProblem(Exception):
    """It cannot be done; the message says why and the way out. Nothing is left behind."""


@dataclass(frozen=True)
class Summary:
    """``root_key_elsewhere``: it has encryption keys, and the root key without which they are lost is not in it."""

    files: int
    bytes: int
    root_key_elsewhere: bool


def take(data: Path, file: Path, progress: Progress) -> Summary:
    """Write the backup of a data folder to a new file that its owner alone reads. ``BackupProblem``, ``OSError``."""
    if not (data / _DATABASE).exists():
        raise BackupProblem(f"There is no Clary in {data}: name its data folder with --data")
    if file.exists():
        raise BackupProblem(f"{file} is there already; it is not written over. Name another file")
    aside = file.with_name(f"{file.name}.part")
    with _pins(data) as pins:
        members = _collect(data, pins)
        total = sum(path.stat().st_size for path in members.values())
        try:
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123 - for its mode
                _write(out, members, lambda done: progress(done, total))
                out.flush()
                os.fsync(out.fileno())
            os.link(aside, file)  # unlike a rename it writes over nothing that came meanwhile
        finally:
            aside.unlink(missing_ok=True)
        return Summary(len(members), total, _is_root_key_elsewhere(pins / _DATABASE, members.keys()))


def restore(file: Path, data: Path, progress: Progress) -> Summary:
    """Make a data folder of a backup, once all of it is checked; ``BackupProblem`` if the folder holds anything."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BackupProblem(f"{data} is not empty; a backup is restored into a new folder only: --data DIR")
    data.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{data.name}-restoring-", dir=data.parent))
    try:
        unpack(file, aside)
        summary = _verify(file, aside, progress)
        os.sync()
        if data.exists():
            data.rmdir()
        aside.rename(data)
    except UnsafeArchive as problem:
        raise BackupProblem(str(problem)) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return summary


@contextlib.contextmanager
def _pins(data: Path) -> Iterator[Path]:
    """A folder for what is being backed up, on the same disk; what a backup that was killed left in it is removed."""
    pins = data / ".backup"
    pins.mkdir(mode=0o700, exist_ok=True)
    number = os.open(pins, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupProblem(f"Another backup of {data} is being taken; wait for its end") from None
        for left in pins.iterdir():
            left.unlink()
        try:
            yield pins
        finally:
            shutil.rmtree(pins)
    finally:
        os.close(number)


def _collect(data: Path, pins: Path) -> dict[str, Path]:
    """Name in the archive → file. All of one moment, and held until the end."""
    for _ in range(_TRIES):
        reader = ReadOnly(data / _DATABASE)
        try:
            with reader.read() as db:
                copy(db, pins / _DATABASE)
        finally:
            reader.close()
        try:
            return {_DATABASE: pins / _DATABASE, **_lasting(data), **_pin(data, pins)}
        except FileNotFoundError:  # removed between the copy and the link: the next copy no longer names it
            continue
    raise BackupProblem(f"{data} names objects whose files are gone. See: clary up --data {data}, and its log")


def _pin(data: Path, pins: Path) -> dict[str, Path]:
    reader = ReadOnly(pins / _DATABASE)
    try:
        with reader.read() as db:
            blobs = sorted(in_use(db))
    finally:
        reader.close()
    found = {}
    for blob in blobs:
        name = f"objects/{blob[-2:]}/{blob}"
        found[name] = pins / blob
        if not found[name].exists():
            try:
                os.link(data / name, found[name])
            except FileNotFoundError:
                raise
            except OSError:  # a file system without hard links
                shutil.copyfile(data / name, found[name])
    return found


def _lasting(data: Path) -> dict[str, Path]:
    """What else the folder keeps for good: whatever is not of a run, not the database, and not hidden."""
    found = {}
    for top in sorted(data.iterdir()):
        if top.name in _OF_A_RUN or top.name.startswith((".", _DATABASE)):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink():
                found[str(path.relative_to(data))] = path
    return found


def _write(out: Any, members: dict[str, Path], progress: Callable[[int], None]) -> None:
    done, listed = 0, {}
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in members.items():
            with path.open("rb", buffering=0) as file:
                info = tarfile.TarInfo(name)
                info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
                hashed = _Hashed(file)
                tar.addfile(info, hashed)
            listed[name] = {"sha256": hashed.digest.hexdigest(), "size": info.size, "mode": path.stat().st_mode & 0o777}
            progress(done := done + info.size)
        manifest = {"clary": __version__, "made": datetime.now(UTC).isoformat(), "files": listed}
        text = json.dumps(manifest).encode()
        info = tarfile.TarInfo(_MANIFEST)
        info.size, info.mode = len(text), 0o600
        tar.addfile(info, io.BytesIO(text))


class _Hashed(io.RawIOBase):
    """A file whose SHA-256 is taken while it is read."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _verify(file: Path, folder: Path, progress: Progress) -> Summary:
    """Check every file against the manifest, and the database for damage; then drop the manifest."""
    try:
        listed = json.loads((folder / _MANIFEST).read_text())["files"]
    except (OSError, ValueError, KeyError):
        raise BackupProblem(f"{file} is no backup of Clary, or its end is missing: it has no manifest") from None
    (folder / _MANIFEST).unlink()
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    if there != listed.keys():
        raise BackupProblem(f"{file} is damaged: {min(there ^ listed.keys())} is missing, or not in its manifest")
    done, total = 0, sum(item["size"] for item in listed.values())
    for name, item in listed.items():
        with (folder / name).open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != item["sha256"]:
                raise BackupProblem(f"{file} is damaged: {name} is not what was backed up")
        (folder / name).chmod(item["mode"])
        progress(done := done + item["size"], total)
    _check_database(file, folder)
    return Summary(len(listed), total, _is_root_key_elsewhere(folder / _DATABASE, listed.keys()))


def _is_root_key_elsewhere(database: Path, names: Collection[str]) -> bool:
    reader = ReadOnly(database)
    try:
        with reader.read() as db:
            return root_key.FILE not in names and queries.is_any(db, root_key.KIND)
    finally:
        reader.close()


def _check_database(file: Path, folder: Path) -> None:
    reader = ReadOnly(folder / _DATABASE)
    try:
        with reader.read() as db:
            damage.check(db)
            missing = [blob for blob in in_use(db) if not (folder / "objects" / blob[-2:] / blob).exists()]
    except sqlite3.Error as error:
        raise BackupProblem(f"{file} is damaged: {damage.reason(folder / _DATABASE, error)}") from None
    finally:
        reader.close()
    if missing:
        raise BackupProblem(f"{file} is damaged: it lacks the object {missing[0]}")
