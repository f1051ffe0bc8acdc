"""What IAM's resources share: they have no region, are listed by name under a path, and fail in IAM's words."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from clary.context import Context
from clary.errors import ServiceError
from clary.store.base import GLOBAL

T = TypeVar("T")

_PAGE = 100  # entries of a list where MaxItems does not say


def everywhere(context: Context) -> Context:
    """The context in which IAM's records lie."""
    return context.at(GLOBAL)


def arn(context: Context, kind: str, path: str, name: str) -> str:
    """``arn:aws:iam::<account>:role/service-role/Name``: unlike SageMaker's, in the case it was given in."""
    return f"arn:aws:iam::{context.account}:{kind}{path}{name}"


def page(entries: Iterable[T], name: Callable[[T], str], request: dict[str, Any]) -> tuple[list[T], dict[str, Any]]:
    """One page by Marker and MaxItems, in the order of ``name``, and the members that say whether more remain."""
    wanted = sorted(entries, key=name)
    if marker := request.get("Marker"):
        last = _read_marker(marker)
        wanted = [entry for entry in wanted if name(entry) > last]
    shown = wanted[: request.get("MaxItems", _PAGE)]
    if len(shown) == len(wanted):
        return shown, {"IsTruncated": False}
    return shown, {"IsTruncated": True, "Marker": base64.urlsafe_b64encode(name(shown[-1]).encode()).decode()}


def no_such_entity(message: str) -> ServiceError:
    return ServiceError(message, code="NoSuchEntity", status=404)


def already_exists(message: str) -> ServiceError:
    return ServiceError(message, code="EntityAlreadyExists", status=409)


def delete_conflict(message: str) -> ServiceError:
    return ServiceError(message, code="DeleteConflict", status=409)


def limit_exceeded(message: str) -> ServiceError:
    return ServiceError(message, code="LimitExceeded", status=409)


def invalid(message: str) -> ServiceError:
    return ServiceError(message, code="ValidationError")


def merge_tags(present: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    """Tags with the new ones set; IAM's keys differ by case in their writing only. ``LimitExceeded`` beyond 50."""
    keys = [tag["Key"].lower() for tag in new]
    if len(set(keys)) != len(keys):
        raise ServiceError(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.", code="InvalidInput"
        )
    merged = {tag["Key"].lower(): tag for tag in present} | {tag["Key"].lower(): tag for tag in new}
    if len(merged) > 50:
        raise limit_exceeded("Cannot exceed quota for TagsPerRole: 50")
    return list(merged.values())


def _read_marker(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except ValueError:
        raise invalid(f"Invalid Marker {marker!r}: use the Marker of the page before.") from None
