"""Checksums of objects and parts: computed while bytes come, compared with what was sent, combined over parts.

Source: S3's user guide, "Checking object integrity". CRC32C and CRC64NVME come from ``awscrt``, loaded at first use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from clary.errors import NotServed
from clary.services.s3.errors import BadDigest, InvalidDigest, InvalidRequest
from clary.store.keys import Checksum

DEFAULT = "CRC64NVME"
"""What S3 computes if the client sends none."""

_CRC = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8}  # bytes of the value
_HASHES = {"SHA1": "sha1", "SHA256": "sha256", "SHA512": "sha512", "MD5": "md5"}
_UNSERVED = ("XXHASH64", "XXHASH3", "XXHASH128")
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


class Digest(Protocol):
    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, algorithm: str) -> None:
        self._next = zlib.crc32 if algorithm == "CRC32" else _awscrt(algorithm.lower())
        self._width = _CRC[algorithm]
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._next(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


def digest(algorithm: str) -> Digest:
    return _Crc(algorithm) if algorithm in _CRC else hashlib.new(_HASHES[algorithm], usedforsecurity=False)


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def compute(algorithm: str, pieces: Iterable[bytes]) -> Checksum:
    running = digest(algorithm)
    for piece in pieces:
        running.update(piece)
    return Checksum(algorithm, encode(running.digest()))


def member(algorithm: str) -> str:
    """The member that carries it: ChecksumCRC32."""
    return f"Checksum{algorithm}"


def shown(checksum: Checksum | None) -> dict[str, str]:
    """Members of an answer; a composite value's count of parts is part of the value."""
    return {member(checksum.algorithm): checksum.value, "ChecksumType": checksum.type} if checksum else {}


@dataclass(frozen=True)
class Sent:
    """What a client sent: a value, or a promise to send one behind the body; both None if nothing."""

    algorithm: str | None
    value: str | None

    def with_trailers(self, trailers: Mapping[str, str]) -> Sent:
        """``self``, or what came behind the body."""
        found = {n.removeprefix("x-amz-checksum-").upper(): v for n, v in trailers.items() if "x-amz-checksum-" in n}
        if not found:
            if self.algorithm and self.value is None:
                raise InvalidRequest(
                    "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                    "headers were found."
                )
            return self
        return sent({member(algorithm): value for algorithm, value in found.items()})


def sent(request: Mapping[str, Any]) -> Sent:
    """The checksum that came with a request's headers. ``InvalidRequest`` if there are several or it cannot be one."""
    given = {a: request[member(a)] for a in (*_CRC, *_HASHES, *_UNSERVED) if request.get(member(a)) is not None}
    if len(given) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    promised = request.get("ChecksumAlgorithm")
    algorithm, value = next(iter(given.items()), (promised, None))
    if algorithm is None:
        return Sent(None, None)
    check_served(algorithm)
    if value is not None:
        if promised is not None and promised != algorithm:
            raise InvalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        if not _is_valid(algorithm, value):
            raise InvalidRequest(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    return Sent(algorithm, value)


def check_served(algorithm: str) -> None:
    if algorithm not in _CRC and algorithm not in _HASHES:
        raise NotServed(f"Clary does not compute {algorithm} checksums; it does {', '.join((*_CRC, *_HASHES))}.")


def compare(expected: Sent, computed: Checksum) -> None:
    """``BadDigest`` if they differ."""
    if expected.value is not None and not hmac.compare_digest(expected.value, computed.value):
        raise BadDigest(f"The {computed.algorithm} you specified did not match the calculated checksum.")


def default_type(algorithm: str) -> str:
    """Of an upload that did not say."""
    return FULL if algorithm == "CRC64NVME" else COMPOSITE


def check_type(algorithm: str, kind: str) -> None:
    if (kind == FULL and algorithm not in _CRC) or (kind == COMPOSITE and algorithm == "CRC64NVME"):
        raise InvalidRequest(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )


def over_parts(algorithm: str, kind: str, parts: Sequence[tuple[str, int]]) -> Checksum:
    """Of an object by those of its parts, (base64, size) each: their checksum, or the whole's without reading it."""
    values = [base64.b64decode(value) for value, _ in parts]
    if kind == COMPOSITE:
        outer = digest(algorithm)
        outer.update(b"".join(values))
        return Checksum(algorithm, f"{encode(outer.digest())}-{len(parts)}", COMPOSITE)
    combine = _awscrt(f"combine_{algorithm.lower()}")
    total = 0
    for value, (_, size) in zip(values, parts, strict=True):
        total = combine(total, int.from_bytes(value, "big"), size)
    return Checksum(algorithm, encode(total.to_bytes(_CRC[algorithm], "big")), FULL)


def check_md5(given: str | None, computed: str) -> None:
    """Content-MD5 against hex digits: ``InvalidDigest``, ``BadDigest``."""
    if given is None:
        return
    raw = decode_md5(given)
    if raw.hex() != computed:
        raise BadDigest(
            "The Content-MD5 you specified did not match what we received.",
            ExpectedDigest=given,
            CalculatedDigest=encode(bytes.fromhex(computed)),
        )


def decode_md5(given: str) -> bytes:
    try:
        raw = base64.b64decode(given, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 16:
        raise InvalidDigest(given)
    return raw


def _is_valid(algorithm: str, value: str) -> bool:
    width = _CRC.get(algorithm) or hashlib.new(_HASHES[algorithm], usedforsecurity=False).digest_size
    try:
        return len(base64.b64decode(value, validate=True)) == width
    except (binascii.Error, ValueError):
        return False


def _awscrt(name: str) -> Callable[..., int]:
    from awscrt import checksums  # noqa: PLC0415 - 15 ms, and only for those who use S3

    found: Callable[..., int] = getattr(checksums, name)
    return found
