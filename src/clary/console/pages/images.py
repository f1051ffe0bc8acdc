"""Images: the environments that jobs and endpoints run in, and getting one beforehand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from clary.console.page import Nav, action, page
from clary.console.pulls import Pulls
from clary.console.visit import Visit
from clary.errors import ResourceNotFound
from clary.gateway.http import HttpAnswer
from clary.images import catalog
from clary.images.environments import Environments


@page("/_/images", nav=Nav("Keep", "Images", order=10))
def images(visit: Visit) -> HttpAnswer:
    cache_ = visit.context.settings.cache
    environments, pulls = Environments(cache_), _pulls(cache_)
    wanted = visit.query.get("contains", "").lower()
    rows, going = [], False
    for image in catalog.images():
        here, pull = environments.python(image.lock) is not None, pulls.of(image)
        if wanted in " ".join((image.name, *image.repositories)).lower():
            rows.append({"image": image, "here": here, "pull": None if here else pull})
            going |= not here and pull is not None and not pull.problem
    return visit.show("images.html", rows=rows, going=going, cache=cache_, wanted=visit.query.get("contains", ""))


@action("/_/images/{name}/pull")
def pull(visit: Visit) -> HttpAnswer:
    """Whoever may start a job may have its image built."""
    try:
        image = catalog.find(visit.path["name"])
    except catalog.UnknownImage as problem:
        raise ResourceNotFound(f"{problem}.") from None
    _pulls(visit.context.settings.cache).start(image)
    return visit.go("/_/images")


@cache
def _pulls(folder: Path) -> Pulls:
    return Pulls(Environments(folder))
