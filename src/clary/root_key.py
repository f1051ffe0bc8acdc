"""The root key: 256 random bits in a file of their own, under which the material of every encryption key is wrapped.

The file holds 64 hexadecimal digits. It is made when the first key is, durably, is never written over, and only its owner
reads it. Whoever has it and the database has all keys; without it what is encrypted is lost.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clary.errors import ServiceError

FILE = "kms.key"
"""Its name in the data folder."""
KIND = "KmsKey"
"""The kind of the records whose material is wrapped under it."""

_NONCE = 12


def file(setting: str, data: Path) -> Path:
    """Where it lies: at ``CLARY_KMS_KEY_FILE``, else in the data folder."""
    return Path(setting) if setting else data / FILE


class KeyUnavailable(ServiceError):
    """The root key is missing or another one; nothing is lost once the right file is back."""

    code = "KeyUnavailableException"


@dataclass(frozen=True)
class Wrapped:
    """Material as it lies in the store; ``name`` says whose it is, and is authenticated with it."""

    name: str
    sealed: bytes


class RootKey:
    """Read when it is first needed. ``KeyUnavailable`` if it is not there, cannot be read, or is another one.

    ``sample``: anything that was wrapped before, by which the right file is known; None if nothing was, so that a new
    root key may be made.
    """

    def __init__(self, file: Path, sample: Callable[[], Wrapped | None]) -> None:
        self._file, self._sample = file, sample
        self._cipher: AESGCM | None = None
        self._lock = threading.Lock()

    def wrap(self, name: str, material: bytes) -> Wrapped:
        nonce = secrets.token_bytes(_NONCE)
        return Wrapped(name, nonce + self._load().encrypt(nonce, material, name.encode()))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        try:
            return _open(self._load(), wrapped)
        except InvalidTag:
            raise KeyUnavailable(f"The record of {wrapped.name} is damaged: restore a backup.") from None

    def problem(self) -> str:
        """Why what is wrapped cannot be unwrapped; empty if it can, or if nothing is."""
        try:
            if self._cipher is None and self._sample() is not None:
                self._load()
        except KeyUnavailable as error:
            return error.message
        return ""

    def _load(self) -> AESGCM:
        with self._lock:
            if self._cipher is None:
                sample = self._sample()
                cipher = AESGCM(HKDF(hashes.SHA256(), 32, None, b"clary kms root").derive(self._read(sample)))
                try:
                    if sample is not None:
                        _open(cipher, sample)
                except InvalidTag:
                    raise KeyUnavailable(
                        f"The root key in {self._file} is not the one that this folder's keys were made under. Put the "
                        "right file there (a backup has it) and ask again; nothing is lost."
                    ) from None
                self._cipher = cipher
            return self._cipher

    def _read(self, sample: Wrapped | None) -> bytes:
        try:
            if sample is None and not self._file.exists():
                _make(self._file)
            text = self._file.read_text().strip()
        except FileNotFoundError:
            raise KeyUnavailable(
                f"The root key {self._file} is not there, and without it no key can be used. Put it back (a backup "
                f"has it), or start the server with CLARY_KMS_KEY_FILE naming where it lies; nothing is lost."
            ) from None
        except (OSError, ValueError) as error:
            raise KeyUnavailable(f"The root key {self._file} cannot be read or made: {error}") from None
        if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
            raise KeyUnavailable(f"{self._file} is no root key: that is a file of 64 hexadecimal digits.")
        return bytes.fromhex(text)


def _open(cipher: AESGCM, wrapped: Wrapped) -> bytes:
    return cipher.decrypt(wrapped.sealed[:_NONCE], wrapped.sealed[_NONCE:], wrapped.name.encode())


def _make(file: Path) -> None:
    """Write a new key so that it is there whole or not at all, also after a power loss; never over another one."""
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(f"{secrets.token_hex(32)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):  # somebody was quicker: theirs is taken
            os.link(aside, file)
    finally:
        aside.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
