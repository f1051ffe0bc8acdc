"""What an endpoint leaves in the lineage graph: a context for itself, an action for its deployment, and where these came from.

Image and model data of each variant contributed to the deployment, which the endpoint is associated with: so a walk leads
from the data of a training job over its model to the endpoints that answer by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.context import Context
from clary.jobs import traces
from clary.store.base import Record
from clary.tracking import entities


def record(context: Context, endpoint: Record, containers: Sequence[Mapping[str, Any]]) -> None:
    """Make what is not there yet, when the endpoint is in service; it may be repeated."""
    context = context.at(endpoint.region)
    maker, source = endpoint.body.get("CreatedBy", {}), {"SourceUri": endpoint.body["EndpointArn"]}
    assert endpoint.created is not None, "a stored record has its times"
    deployment = f"{endpoint.name}-{round(endpoint.created.timestamp())}-aws-model-deployment"
    place = entities.ensure(
        context, "Context", f"{endpoint.name}-aws-endpoint", maker, {"Source": source, "ContextType": "Endpoint"}
    )
    action = entities.ensure(
        context,
        "Action",
        deployment,
        maker,
        {"Source": source, "ActionType": "ModelDeployment", "Status": "Completed"},
    )
    things = [thing for container in containers for thing in traces.container_things(container)]
    parts = [(entities.artifact(context, thing, maker), action) for thing in dict.fromkeys(things)]
    context.associations.add_all(
        [
            *entities.edges(parts, "ContributedTo", maker),
            *entities.edges([(action, place)], "AssociatedWith", maker),
        ]
    )
