"""The file format of encrypted blobs: AES-256-GCM over chunks of 64 KiB, so that any range is read by itself.

A file is its chunks, one after the other, each followed by its tag of 16 bytes; an empty blob is one empty chunk. The
key is made of the secret and the blob's id (HKDF-SHA-256, RFC 5869), so several blobs may share a secret; the nonce is
the chunk's number and whether it is the last one (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár,
2015). So a byte changed, chunks in another order, a file cut short or grown, or another blob's file are all found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clary.objects.base import Damaged

CHUNK = 64 << 10
"""Plain bytes of every chunk but the last, which may have fewer."""

_TAG = 16
_STORED = CHUNK + _TAG
_AT_ONCE = 16  # chunks read and answered together


class Sealer:
    """Encrypts a blob while it comes. ``secret``: 32 bytes, which no second blob of the same id may have."""

    def __init__(self, secret: bytes, blob: str) -> None:
        self._cipher = _cipher(secret, blob)
        self._number = 0
        self._held = b""  # up to a chunk, of which it is not known yet whether it is the last one

    def add(self, data: bytes) -> bytes:
        """What is to be written now."""
        given = memoryview(self._held + data)
        done, sealed = 0, []
        while len(given) - done > CHUNK:
            sealed.append(self._seal(given[done : done + CHUNK], last=False))
            done += CHUNK
        self._held = bytes(given[done:])
        return b"".join(sealed)

    def end(self) -> bytes:
        """What is to be written last."""
        return self._seal(self._held, last=True)

    def _seal(self, chunk: bytes | memoryview, *, last: bool) -> bytes:
        self._number += 1
        return self._cipher.encrypt(_nonce(self._number - 1, last=last), chunk, None)


def unseal(file: FileIO, secret: bytes, blob: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The plain bytes of a range, in pieces of up to 1 MiB, each checked before it is handed on; ``Damaged``."""
    if length is not None and length <= 0:
        return
    stored = os.fstat(file.fileno()).st_size
    final = max(0, stored - 1) // _STORED
    size = stored - _TAG * (final + 1)
    if size < final * CHUNK + (final > 0):  # no chunk is smaller than its tag, and only a first one is empty
        raise Damaged(blob)
    cipher = _cipher(secret, blob)
    end = size if length is None else min(size, start + length)
    # Where a range ends behind the file's end, the last chunk says whether that is where the blob ends.
    number, last = min(start // CHUNK, final), max(0, end - 1) // CHUNK if start < end else final
    file.seek(number * _STORED)
    while number <= last:
        group = memoryview(_read(file, min(_AT_ONCE, last - number + 1) * _STORED))
        if not group:  # cut short while it is read
            raise Damaged(blob)
        plain = []
        for at in range(0, len(group), _STORED):
            plain.append(_open(cipher, blob, number, group[at : at + _STORED], last=number == final))
            number += 1
        piece = b"".join(plain)
        begin = (number - len(plain)) * CHUNK
        if wanted := piece[max(0, start - begin) : max(0, end - begin)]:
            yield wanted


def _open(cipher: AESGCM, blob: str, number: int, chunk: memoryview, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(_nonce(number, last=last), chunk, None)
    except InvalidTag:
        raise Damaged(blob) from None


def _read(file: FileIO, size: int) -> bytes:
    """So many bytes, or all that are left: a file's read may give fewer than it could."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _cipher(secret: bytes, blob: str) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, None, b"clary blob " + blob.encode()).derive(secret))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
