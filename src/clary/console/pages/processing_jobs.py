"""Processing jobs."""

from __future__ import annotations

from clary.console import job_pages
from clary.console.job_kinds import PROCESSING
from clary.console.page import Nav, action, page
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer


@page("/_/processing-jobs", nav=Nav("Build", "Processing jobs", order=12))
def list_jobs(visit: Visit) -> HttpAnswer:
    return job_pages.show_list(visit, PROCESSING)


@page("/_/copies/processing-jobs")
def copy(visit: Visit) -> HttpAnswer:
    return job_pages.show_form(visit, PROCESSING)


@action("/_/copies/processing-jobs")
def create(visit: Visit) -> HttpAnswer:
    return job_pages.create(visit, PROCESSING)


@page("/_/processing-jobs/{name}")
def job(visit: Visit) -> HttpAnswer:
    return job_pages.show_job(visit, PROCESSING)


@page("/_/processing-jobs/{name}/log")
def log(visit: Visit) -> HttpAnswer:
    return job_pages.download_log(visit, PROCESSING)


@action("/_/processing-jobs/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    return job_pages.stop(visit, PROCESSING)
