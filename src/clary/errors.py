"""Errors that a client of the API may see.

* ServiceError
  + ValidationException
  + ResourceNotFound
  + ResourceInUse
  + ConflictException
  + ResourceLimitExceeded
  + AccessDenied
  + NotServed (501: the operation, or a form of it, is not built)
  + PayloadTooLarge (413)
  + DiskFull (507)

Raise them where the fact is known; ``clary.gateway`` serializes them, once, in the form of the protocol.
"""

from __future__ import annotations

from typing import Any


class ServiceError(Exception):
    """An error that travels to the client as an AWS error.

    ``code`` is the name that clients see, ``status`` the HTTP status, ``members`` what the error's shape holds
    beside its message (``OriginalStatusCode`` of a ModelError, ``BucketName`` of an S3 error).
    """

    code = "ValidationException"
    status = 400

    def __init__(self, message: str = "", *, code: str = "", status: int = 0, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.members = members

    @property
    def is_refusal(self) -> bool:
        """Whether whoever asks lacks the right: services say AccessDenied, AccessDeniedException."""
        return self.code.startswith("AccessDenied")


class ValidationException(ServiceError):
    """The request breaks a rule of the service model or of the service."""


class ResourceNotFound(ServiceError):
    """The request names a resource that is not there."""

    code = "ResourceNotFound"


class ResourceInUse(ServiceError):
    """A resource of that name already exists, or its state forbids the change."""

    code = "ResourceInUse"


class ConflictException(ServiceError):
    """The same as ResourceInUse, where AWS says it so: model cards, model packages, pipelines."""

    code = "ConflictException"


class ResourceLimitExceeded(ServiceError):
    """The machine has no room for what is asked."""

    code = "ResourceLimitExceeded"


class AccessDenied(ServiceError):
    """Whoever asks may not do this."""

    code = "AccessDeniedException"


class NotServed(ServiceError):
    """Clary does not do this; AWS's SDKs do not retry a 501."""

    code = "NotImplemented"
    status = 501


class PayloadTooLarge(ServiceError):
    """The body is larger than the operation takes."""

    code = "RequestEntityTooLarge"
    status = 413


class DiskFull(ServiceError):
    """There is no room for what is to be written; nothing of it was kept."""

    code = "InsufficientStorage"
    status = 507

    def __init__(self, where: object) -> None:
        super().__init__(
            f"The disk that holds {where} is full. Delete objects or jobs that are no longer needed, or move the data "
            "folder to a larger disk (clary up --data)."
        )
