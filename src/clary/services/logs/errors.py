"""Errors that several resources of CloudWatch Logs answer."""

from __future__ import annotations

from clary.errors import ServiceError


class Invalid(ServiceError):
    """A parameter is off."""

    code = "InvalidParameterException"


def group_missing() -> ServiceError:
    return ServiceError("The specified log group does not exist.", code="ResourceNotFoundException")


def stream_missing() -> ServiceError:
    return ServiceError("The specified log stream does not exist.", code="ResourceNotFoundException")
