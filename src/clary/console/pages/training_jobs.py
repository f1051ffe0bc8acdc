"""Training jobs."""

from __future__ import annotations

from clary.console import debugger_pages, job_pages
from clary.console.job_kinds import TRAINING
from clary.console.page import Nav, action, page
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer


@page("/_/training-jobs", nav=Nav("Build", "Training jobs", order=10))
def list_jobs(visit: Visit) -> HttpAnswer:
    return job_pages.show_list(visit, TRAINING)


@page("/_/copies/training-jobs")
def copy(visit: Visit) -> HttpAnswer:
    return job_pages.show_form(visit, TRAINING)


@action("/_/copies/training-jobs")
def create(visit: Visit) -> HttpAnswer:
    return job_pages.create(visit, TRAINING)


@page("/_/training-jobs/{name}")
def job(visit: Visit) -> HttpAnswer:
    return job_pages.show_job(visit, TRAINING, debugger_pages.tabs)


@page("/_/training-jobs/{name}/rules")
def rules(visit: Visit) -> HttpAnswer:
    return debugger_pages.show(visit, "report")


@page("/_/training-jobs/{name}/tensors")
def tensors(visit: Visit) -> HttpAnswer:
    return debugger_pages.show(visit, "plot")


@page("/_/training-jobs/{name}/log")
def log(visit: Visit) -> HttpAnswer:
    return job_pages.download_log(visit, TRAINING)


@action("/_/training-jobs/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    return job_pages.stop(visit, TRAINING)
