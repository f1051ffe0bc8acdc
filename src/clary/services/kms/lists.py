"""A page of a list by KMS's Marker and Limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from clary.errors import ServiceError, ValidationException
from clary.services import resources

T = TypeVar("T")


def page(
    items: Iterable[T], key: Callable[[T], str], request: dict[str, Any], *, size: int
) -> tuple[list[T], dict[str, Any]]:
    """The items shown, in the order of their keys, and the members that say whether more remain."""
    asked = {"NextToken": request.get("Marker"), "MaxResults": request.get("Limit", size)}
    try:
        shown, more = resources.page_of(items, key, asked)
    except ValidationException as error:
        raise ServiceError(error.message.replace("NextToken", "NextMarker"), code="InvalidMarkerException") from None
    return shown, {"Truncated": True, "NextMarker": more["NextToken"]} if more else {"Truncated": False}
