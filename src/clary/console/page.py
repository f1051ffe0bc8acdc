"""What makes a function a page: its address, who may open it, where the navigation shows it.

@page("/_/training-jobs", nav=Nav("Build", "Training jobs"))
def training_jobs(visit: Visit) -> HttpAnswer:
    return visit.show("training_jobs.html", jobs=visit.call("sagemaker", "ListTrainingJobs")["TrainingJobSummaries"])

@action("/_/training-jobs/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    visit.call("sagemaker", "StopTrainingJob", TrainingJobName=visit.path["name"])
    return visit.go("/_/training-jobs/" + visit.path["name"])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer

Who = Literal["user", "worker", "anyone"]
"""``user``: who has access keys, the owner first of all; ``worker``: who labels; ``anyone``: nobody need be signed in."""

Show = Callable[[Visit], HttpAnswer]

GROUPS = ("Studio", "Build", "Run", "Keep")


@dataclass(frozen=True)
class Nav:
    """A page's place in the navigation. ``order`` within its group; ``badge``: a short text beside its title, or ""."""

    group: str
    title: str
    order: int = 50
    badge: Callable[[Visit], str] | None = None


@dataclass(frozen=True)
class Page:
    path: str
    method: str
    show: Show
    who: Who
    nav: Nav | None
    pattern: re.Pattern[str]

    def match(self, path: str) -> Mapping[str, str] | None:
        """The parts of a raw path that the page's own path names, decoded; None if it is another page's."""
        found = self.pattern.fullmatch(path)
        return None if found is None else {name: unquote(part) for name, part in found.groupdict().items()}


registered: list[Page] = []
"""Every page of the modules that were imported; ``pages.discover`` imports all."""


def page(path: str, *, who: Who = "user", nav: Nav | None = None) -> Callable[[Show], Show]:
    """A page at this path. ``{name}`` stands for one part of it, ``{name...}`` for all that follows."""
    return _registered("GET", path, who, nav)


def action(path: str, *, who: Who = "user") -> Callable[[Show], Show]:
    """What a form or a script of a page posts to; whoever comes from another site is refused before."""
    return _registered("POST", path, who, None)


def _registered(method: str, path: str, who: Who, nav: Nav | None) -> Callable[[Show], Show]:
    def register(function: Show) -> Show:
        registered.append(Page(path, method, function, who, nav, _pattern(path)))
        return function

    return register


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+(?:\.\.\.)?\})", path)
    return re.compile("".join(_part(part) if part.startswith("{") else re.escape(part) for part in parts))


def _part(placeholder: str) -> str:
    name = placeholder[1:-1]
    return f"(?P<{name[:-3]}>.*)" if name.endswith("...") else f"(?P<{name}>[^/]+)"
