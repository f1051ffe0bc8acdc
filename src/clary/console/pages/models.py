"""Models: what each is made of, and putting one behind an endpoint."""

from __future__ import annotations

from clary.console import boto3_code, requests
from clary.console.deploying import deploy, is_deployed
from clary.console.lists import listing
from clary.console.page import Nav, action, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer


@page("/_/models", nav=Nav("Run", "Models", order=10))
def models(visit: Visit) -> HttpAnswer:
    found = listing(visit, "sagemaker", "ListModels", "Models")
    return visit.show("models.html", listing=found, code=boto3_code.call("sagemaker", "ListModels", {}))


@page("/_/models/{name}")
def model(visit: Visit) -> HttpAnswer:
    name = visit.path["name"]
    found = visit.call("sagemaker", "DescribeModel", ModelName=name)
    containers = found.get("Containers") or ([found["PrimaryContainer"]] if "PrimaryContainer" in found else [])
    request = requests.made_by(visit.context, "sagemaker", "CreateModel", found)
    return visit.show(
        "model.html",
        model=found,
        name=name,
        containers=containers,
        deployed=is_deployed(visit, name),
        create=boto3_code.call("sagemaker", "CreateModel", request),
        code=boto3_code.call("sagemaker", "DescribeModel", {"ModelName": name}),
    )


@action("/_/models/{name}/deploy")
def deploy_model(visit: Visit) -> HttpAnswer:
    """Behind an endpoint of the model's name."""
    name = visit.path["name"]
    deploy(visit, name, model=name)
    return visit.go(url("/_/endpoints", name))


@action("/_/models/{name}/delete")
def delete(visit: Visit) -> HttpAnswer:
    visit.call("sagemaker", "DeleteModel", ModelName=visit.path["name"])
    return visit.go("/_/models")
