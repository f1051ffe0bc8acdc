"""Transform jobs."""

from __future__ import annotations

from clary.console import job_pages
from clary.console.job_kinds import TRANSFORM
from clary.console.page import Nav, action, page
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer


@page("/_/transform-jobs", nav=Nav("Build", "Transform jobs", order=14))
def list_jobs(visit: Visit) -> HttpAnswer:
    return job_pages.show_list(visit, TRANSFORM)


@page("/_/copies/transform-jobs")
def copy(visit: Visit) -> HttpAnswer:
    return job_pages.show_form(visit, TRANSFORM)


@action("/_/copies/transform-jobs")
def create(visit: Visit) -> HttpAnswer:
    return job_pages.create(visit, TRANSFORM)


@page("/_/transform-jobs/{name}")
def job(visit: Visit) -> HttpAnswer:
    return job_pages.show_job(visit, TRANSFORM)


@page("/_/transform-jobs/{name}/log")
def log(visit: Visit) -> HttpAnswer:
    return job_pages.download_log(visit, TRANSFORM)


@action("/_/transform-jobs/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    return job_pages.stop(visit, TRANSFORM)
