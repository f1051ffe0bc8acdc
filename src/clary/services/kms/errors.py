"""Errors that several resources of KMS answer; those of keys and ciphertexts are in ``clary.encryption_keys``."""

from __future__ import annotations

from clary.errors import AccessDenied, ServiceError


def not_authorized(message: str) -> ServiceError:
    return ServiceError(message, code="NotAuthorizedException")


def managed(arn: str) -> ServiceError:
    """For what only the service that an AWS managed key belongs to may do."""
    return AccessDenied(
        f"{arn} is an AWS managed key: S3 uses it for its objects, and nobody changes or uses it directly. "
        "Make a key of your own: kms.create_key()."
    )
