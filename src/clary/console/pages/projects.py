"""Projects: the guide beside its checkpoints, the notebook, the solution; for the owner, as they run programs as the owner."""

from __future__ import annotations

from typing import Any

from clary.console import prose
from clary.console.page import Nav, action, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.errors import AccessDenied, ResourceInUse, ResourceNotFound, ServiceError
from clary.gateway.http import HttpAnswer
from clary.images.environments import CannotBuild, Environments
from clary.learning import hints, notebooks
from clary.learning.projects import Project, UnknownProject, find, projects, reset, working_copy
from clary.learning.runs import Checkpoint, Run, Runs, checkpoints

_FRESH = 12.0  # seconds for which what check.py said is taken as it is, while the page is looked at


@page("/_/projects", nav=Nav("Studio", "Projects", order=10))
def list_projects(visit: Visit) -> HttpAnswer:
    return visit.show("projects.html", rows=progress(visit))


@page("/_/projects/{name}")
def project(visit: Visit) -> HttpAnswer:
    found = _find(visit)
    data = visit.context.settings.data
    runs = Runs(data)
    checked, ran = runs.of(found, "check"), runs.of(found, "run")
    environment = Environments(visit.context.settings.cache).python(found.lock)
    if environment is not None and _is_stale(checked):
        runs.start(found, "check")
        checked = runs.of(found, "check") if checked is None else checked
    held = _told(checked)
    running = ran is not None and ran.running
    return visit.show(
        "project.html",
        project=found,
        guide=prose.html(_guide(found), url("/_/projects", found.name, "pictures")),
        checkpoints=held,
        hold=sum(each.holds for each in held),
        ran=ran,
        running=running,
        ready=environment is not None,
        folder=data / "projects" / found.name,
        steps=list(_hints(found)),
        hint=visit.query.get("hint", ""),
        said=[prose.html(each) for each in _hint(visit, found)],
        changed=working_copy(found, data)[1],
    )


@page("/_/projects/{name}/pictures/{picture}")
def picture(visit: Visit) -> HttpAnswer:
    """A picture of the guide."""
    found, name = _find(visit), visit.path["picture"]
    path = next((each for each in found.folder.glob("*.jpg") if each.name == name), None)
    if path is None:
        raise ResourceNotFound(f"The guide of {found.title} has no picture {name!r}.")
    body = path.read_bytes()
    return HttpAnswer(200, {"Content-Type": "image/jpeg", "Content-Length": str(len(body))}, body)


@action("/_/projects/{name}/open")
def open_notebook(visit: Visit) -> HttpAnswer:
    """JupyterLab on the learner's copy, in the browser that asks."""
    found, settings = _find(visit), visit.context.settings
    try:
        lab = notebooks.start(settings.data, settings.cache, settings.notebook_idle_minutes * 60)
    except (CannotBuild, notebooks.NotStarted) as problem:
        raise ServiceError(str(problem), code="NotStarted", status=503) from None
    address = f"{lab.url}lab/tree/{found.name}/starter.ipynb?token={lab.token}"
    return visit.show(
        "leads_on.html", address=address, title=found.title
    )  # the policy lets no form lead to another port


@action("/_/projects/{name}/run")
def run(visit: Visit) -> HttpAnswer:
    found = _find(visit)
    if not Runs(visit.context.settings.data).start(found, "run"):
        raise ResourceInUse(f"The solution of {found.title} runs already.", status=409)
    return visit.go(url("/_/projects", found.name))


@action("/_/projects/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    found = _find(visit)
    Runs(visit.context.settings.data).stop(found, "run")
    return visit.go(url("/_/projects", found.name))


@action("/_/projects/{name}/reset")
def reset_copy(visit: Visit) -> HttpAnswer:
    """The learner's own files go aside; nothing is lost."""
    found = _find(visit)
    reset(found, visit.context.settings.data, f"{visit.context.now():%Y-%m-%d-%H%M%S}")
    return visit.go(url("/_/projects", found.name))


def progress(visit: Visit) -> list[dict[str, Any]]:
    """Every project with how many of its checkpoints held when they were last looked at."""
    runs = Runs(visit.context.settings.data)
    rows = []
    for each in projects():
        held = _told(runs.of(each, "check"))
        rows.append({"project": each, "all": len(held), "hold": sum(c.holds for c in held)})
    return rows


def _find(visit: Visit) -> Project:
    if not visit.context.identity.owner:
        raise AccessDenied("Projects run programs as the owner of this Clary, so they are the owner's pages.")
    try:
        return find(visit.path["name"])
    except UnknownProject as problem:
        raise ResourceNotFound(str(problem)) from None


def _is_stale(checked: Run | None) -> bool:
    return checked is None or (not checked.running and checked.age > _FRESH)


def _told(checked: Run | None) -> list[Checkpoint]:
    return checkpoints(checked.lines) if checked else []


def _guide(found: Project) -> str:
    path = found.folder / "guide.md"
    return path.read_text(encoding="utf-8") if path.exists() else found.summary


def _hints(found: Project) -> dict[str, list[str]]:
    path = found.folder / "hints.md"
    return hints.read(path.read_text(encoding="utf-8")) if path.exists() else {}


def _hint(visit: Visit, found: Project) -> list[str]:
    """The hints of the step that the address asks for, up to its level."""
    given = _hints(found).get(visit.query.get("hint", ""), [])
    level = visit.query.get("level", "1")
    return given[: int(level) if level.isdigit() else 1]
