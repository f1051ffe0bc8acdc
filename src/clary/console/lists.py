"""Lists whose filters, order and page are their address, by the API's own names: ``?NameContains=x&SortBy=Name``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.console.templates import url
from clary.console.visit import Visit

_OWN = ("NameContains", "StatusEquals", "SortBy", "SortOrder", "NextToken")
PAGE = 50
"""Rows of a page."""


@dataclass(frozen=True)
class Listing:
    """``rows`` as the operation told them; ``first`` and ``next``: addresses of pages, "" where there is none."""

    path: str
    rows: list[dict[str, Any]]
    query: Mapping[str, str]
    next_token: str
    default_sort: str

    @property
    def filtered(self) -> bool:
        """Whether an empty list only says that nothing matches."""
        return any(self.query.get(name) for name in ("NameContains", "StatusEquals", "NextToken"))

    @property
    def sorted_by(self) -> str:
        return self.query.get("SortBy") or self.default_sort

    @property
    def descending(self) -> bool:
        return self.query.get("SortOrder", "Descending") == "Descending"

    @property
    def first(self) -> str:
        return url(self.path, **{**self.query, "NextToken": ""}) if self.query.get("NextToken") else ""

    @property
    def next(self) -> str:
        return url(self.path, **{**self.query, "NextToken": self.next_token}) if self.next_token else ""

    def sorted(self, by: str) -> str:
        """The address of this list by that column; the other way round if it is so already."""
        turned = self.sorted_by == by and self.descending
        order = "Ascending" if turned else "Descending"
        return url(self.path, **{**self.query, "SortBy": by, "SortOrder": order, "NextToken": ""})


def listing(
    visit: Visit, service: str, operation: str, member: str, *, sort: str = "CreationTime", **fixed: Any
) -> Listing:
    """One page of a List operation, as the visit's address asks for it; ``member`` of the answer holds the rows.

    ``sort``: the order where none is asked for, the newest first. ``fixed``: members that the page sets itself.
    """
    query = own_query(visit)
    asked = {"SortBy": sort, "SortOrder": "Descending", **query, "MaxResults": PAGE, **fixed}
    answer = visit.call(service, operation, **asked)
    return Listing(visit.request.path, answer[member], query, answer.get("NextToken", ""), sort)


def own_query(visit: Visit) -> dict[str, str]:
    """What of the visit's address is a list's: its filters, its order, its page."""
    return {name: visit.query[name] for name in _OWN if visit.query.get(name)}
