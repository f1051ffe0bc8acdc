"""Errors of S3 beyond those of the key index.

* ServiceError
  + InvalidArgument, InvalidRequest, MalformedXML, InvalidTag
  + InvalidRange (416)
  + PreconditionFailed (412)
  + BadDigest, InvalidDigest
  + EntityTooLarge, KeyTooLong, MetadataTooLarge
"""

from __future__ import annotations

from clary.errors import ServiceError


class InvalidArgument(ServiceError):
    """A header or a part of the query has a value that it cannot have."""

    code = "InvalidArgument"

    def __init__(self, message: str, name: str, value: object) -> None:
        super().__init__(message, ArgumentName=name, ArgumentValue=str(value))


class InvalidRequest(ServiceError):
    """The request contradicts itself, or the state of the bucket."""

    code = "InvalidRequest"


class MalformedXML(ServiceError):
    """The document is not what the operation takes."""

    code = "MalformedXML"

    def __init__(self) -> None:
        super().__init__("The XML you provided was not well-formed or did not validate against our published schema")


class InvalidTag(ServiceError):
    """A tag is too long, double, or has a character that it may not have."""

    code = "InvalidTag"


class InvalidRange(ServiceError):
    """The range lies beyond the object."""

    code = "InvalidRange"
    status = 416

    def __init__(self, asked: str, size: int) -> None:
        super().__init__("The requested range is not satisfiable", RangeRequested=asked, ActualObjectSize=str(size))


class PreconditionFailed(ServiceError):
    """A condition of the request does not hold."""

    code = "PreconditionFailed"
    status = 412

    def __init__(self, condition: str) -> None:
        super().__init__("At least one of the pre-conditions you specified did not hold", Condition=condition)


class BadDigest(ServiceError):
    """The bytes that came are not those that were sent."""

    code = "BadDigest"


class InvalidDigest(ServiceError):
    """A checksum is no checksum of its kind."""

    code = "InvalidDigest"

    def __init__(self, given: str) -> None:
        super().__init__("The Content-MD5 you specified was invalid.")
        self.members = {"Content-MD5": given}


class EntityTooLarge(ServiceError):
    """The object or part is larger than one call may bring."""

    code = "EntityTooLarge"

    def __init__(self, size: int, most: int) -> None:
        super().__init__(
            "Your proposed upload exceeds the maximum allowed size",
            ProposedSize=str(size),
            MaxSizeAllowed=str(most),
        )


class KeyTooLong(ServiceError):
    """The key has more than 1,024 bytes."""

    code = "KeyTooLongError"

    def __init__(self, size: int) -> None:
        super().__init__("Your key is too long", Size=str(size), MaxSizeAllowed="1024")


class MetadataTooLarge(ServiceError):
    """The metadata has more than 2 KB."""

    code = "MetadataTooLarge"

    def __init__(self, size: int) -> None:
        super().__init__(
            "Your metadata headers exceed the maximum allowed metadata size", Size=str(size), MaxSizeAllowed="2048"
        )
