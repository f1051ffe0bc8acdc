"""Bodies on their way in: read whole or in pieces, unpacked, taken out of aws-chunked framing, checked against their hash.

A piece is handed on before the whole is checked, as it must be for five gigabytes at flat memory; what is off raises
at the end of the stream, and whoever reads commits only after that.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import AsyncIterator

from clary.errors import PayloadTooLarge, ServiceError
from clary.gateway.signature import EMPTY, UNSIGNED, Claim

STREAMING = "STREAMING-"
INVOCATION = 25 << 20
"""Bytes that InvokeEndpoint takes, as AWS's does."""
DOCUMENT = 8 << 20
"""Bytes of any other JSON or XML. PutLogEvents' megabyte of text may be six times as long in JSON."""
OBJECT = 5 << 30
"""Bytes of an object that is put at once, or of a part: S3's limit."""
FORM = 2 << 20
"""Bytes of a form: IAM's longest documents are 128 KiB."""
_LINE = 16 * 1024  # bytes of a chunk's head, and of all trailers together, at most
_SIZE = re.compile("[0-9A-Fa-f]{1,16}")


def incomplete() -> ServiceError:
    return ServiceError(
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
        code="IncompleteBody",
    )


def too_slow(seconds: float) -> ServiceError:
    return ServiceError(
        "Your socket connection to the server was not read from or written to within the timeout period. Idle "
        f"connections will be closed: {seconds:g} seconds (CLARY_BODY_SECONDS) went by without a byte of the body.",
        code="RequestTimeout",
    )


def limit(service: str) -> int:
    """The most bytes of a body that is read whole."""
    return INVOCATION if service == "sagemaker-runtime" else DOCUMENT


async def read_whole(stream: AsyncIterator[bytes], most: int, declared: str | None, service: str = "") -> bytes:
    """The whole body; beyond ``most`` bytes the error that the service's clients know.

    ``declared``: the Content-Length, by which a body that is too large is refused before it is read.
    """
    if declared is not None and int(declared) > most:
        raise _too_large(service, most)
    pieces, size = [], 0
    async for piece in stream:
        size += len(piece)
        if size > most:
            raise _too_large(service, most)
        pieces.append(piece)
    return b"".join(pieces)


def unpack(packed: bytes, encoding: str, limit: int) -> bytes:
    """A body out of its Content-Encoding, which is gzip; ``PayloadTooLarge`` if more than ``limit`` bytes come out."""
    if encoding != "gzip":
        raise ServiceError(
            f"The body's Content-Encoding is {encoding!r}; Clary takes gzip, or none.",
            code="UnsupportedMediaTypeException",
            status=415,
        )
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        body = unpacker.decompress(packed, limit + 1)
    except zlib.error as error:
        raise ServiceError(f"The body is not gzip: {error}", code="SerializationException") from None
    if len(body) > limit:
        raise PayloadTooLarge(f"The request's body unpacks to more than {limit} bytes, the most that is taken.")
    if not unpacker.eof:
        raise ServiceError("The body is not gzip: its end is missing", code="SerializationException")
    return body


def check_object(declared: str | None) -> None:
    """``EntityTooLarge`` for an object that says of itself that it is larger than S3's are."""
    if declared is not None and re.fullmatch("[0-9]{1,19}", declared) and int(declared) > OBJECT:
        raise ServiceError(
            "Your proposed upload exceeds the maximum allowed size",
            code="EntityTooLarge",
            ProposedSize=declared,
            MaxSizeAllowed=OBJECT,
        )


def _too_large(service: str, most: int) -> ServiceError:
    if service == "s3":
        return ServiceError("Your request was too big.", code="MaxMessageLengthExceeded", MaxMessageLengthBytes=most)
    if service == "sagemaker-runtime":
        return PayloadTooLarge(
            f"HTTP content length exceeded {most} bytes. Put the payload into S3 and use InvokeEndpointAsync or a "
            "transform job, or send less at a time."
        )
    return PayloadTooLarge(
        f"The request's body is larger than {most} bytes, the most that this operation takes. "
        "Put the data into S3 and name it by its S3 URI."
    )


class PayloadHash:
    """The SHA-256 that a signature promised of the body; whoever takes the body in computes it beside its other work."""

    def __init__(self, declared: str) -> None:
        """``declared``: hex digits."""
        self._declared = declared
        self._digest = hashlib.sha256()

    def update(self, data: bytes) -> None:
        self._digest.update(data)

    def check(self) -> None:
        """At the end of the body; ``XAmzContentSHA256Mismatch``."""
        computed = self._digest.hexdigest()
        if not hmac.compare_digest(computed.encode(), self._declared.lower().encode()):
            raise ServiceError(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                code="XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=self._declared,
                S3ComputedContentSHA256=computed,
            )


async def checked(stream: AsyncIterator[bytes], declared: str) -> AsyncIterator[bytes]:
    """The stream as it is; at its end an error if it has not the declared SHA-256 (hex digits)."""
    payload = PayloadHash(declared)
    async for piece in stream:
        payload.update(piece)
        yield piece
    payload.check()


def check_whole(body: bytes, declared: str) -> None:
    """An error if a body that was read whole has not the declared SHA-256, which the signature covers in its place."""
    if is_plain_hash(declared):
        payload = PayloadHash(declared)
        payload.update(body)
        payload.check()


class Chunked:
    """Takes a body out of aws-chunked framing; ``trailers`` are there once it is read to its end.

    Source: AWS's documentation of chunked uploads with and without signatures, with and without trailers.
    """

    def __init__(self, stream: AsyncIterator[bytes], mode: str, expected: int | None, claim: Claim, key: bytes) -> None:
        """``mode``: the value of X-Amz-Content-Sha256; ``expected``: the decoded length; ``key``: the signing key."""
        self.trailers: dict[str, str] = {}
        self._stream = aiter(stream)
        self._buffer, self._at = b"", 0  # the piece that came last, and how far it is read
        self._signed = mode.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        self._expected = expected
        self._claim, self._key = claim, key
        self._previous = claim.signature

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = 0
        while True:
            size, signature = _chunk_head(await self._line())
            if size == 0:
                self._check_chunk(EMPTY, signature)
                break
            digest = hashlib.sha256()
            left = size
            while left:
                piece = await self._some(left)
                left -= len(piece)
                if self._signed:
                    digest.update(piece)
                yield piece
            total += size
            self._check_chunk(digest.hexdigest(), signature)
            if await self._line():
                raise _malformed("a chunk is longer than its head says")
        await self._read_trailers()
        if self._expected is not None and total != self._expected:
            raise incomplete()

    async def _read_trailers(self) -> None:
        signed = ""
        while line := (await self._line(at_end=True)).decode("latin-1"):
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            if name == "x-amz-trailer-signature":
                self._compare("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(signed.encode()).hexdigest(), value)
            else:
                signed += f"{name}:{value}\n"
                if len(signed) > _LINE:
                    raise _malformed("its trailers are longer than 16 KiB")
                self.trailers[name] = value

    def _check_chunk(self, digest: str, signature: str) -> None:
        if self._signed:
            self._compare("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY}\n{digest}", signature)

    def _compare(self, algorithm: str, hashes: str, given: str) -> None:
        text = f"{algorithm}\n{self._claim.time}\n{self._claim.scope}\n{self._previous}\n{hashes}"
        expected = hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise ServiceError(
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                code="SignatureDoesNotMatch",
                status=403,
            )
        self._previous = expected

    async def _fill(self) -> bool:
        """Get the next piece behind what is left of this one; False at the end."""
        async for piece in self._stream:
            if piece:
                self._buffer = self._buffer[self._at :] + piece if self._at < len(self._buffer) else piece
                self._at = 0
                return True
        return False

    async def _some(self, most: int) -> bytes:
        if self._at == len(self._buffer) and not await self._fill():
            raise incomplete()
        piece = self._buffer[self._at : self._at + most]  # no copy if it is the whole
        self._at += len(piece)
        return piece

    async def _line(self, *, at_end: bool = False) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            if len(self._buffer) - self._at > _LINE:
                raise _malformed("a chunk's head is longer than 16 KiB")
            if not await self._fill():
                if at_end:  # some clients leave the last empty line away
                    line = self._buffer[self._at :]
                    self._at = len(self._buffer)
                    return line
                raise incomplete()
        line = self._buffer[self._at : end]
        self._at = end + 2
        return line


def _chunk_head(line: bytes) -> tuple[int, str]:
    size, _, extension = line.decode("latin-1").partition(";")
    if not _SIZE.fullmatch(size):
        raise _malformed(f"a chunk's size is {size[:20]!r}")
    return int(size, 16), extension.partition("chunk-signature=")[2]


def _malformed(what: str) -> ServiceError:
    return ServiceError(f"The aws-chunked body cannot be read: {what}.", code="InvalidRequest")


def is_plain_hash(declared: str) -> bool:
    """Whether X-Amz-Content-Sha256 holds the hash of the very bytes that are sent."""
    return declared != UNSIGNED and not declared.startswith(STREAMING)
