"""QueryLineage: a walk over the associations, from one entity up to what led to it and down to what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import associations
from clary.store.associations import Association, Way
from clary.store.base import Record
from clary.tracking.entities import type_of

_DEEPEST = 10
_LARGEST = 50  # vertices of a page
_KINDS = ("TrialComponent", "Artifact", "Context", "Action")  # an experiment is walked over and not told
_WAYS: dict[str, tuple[Way, ...]] = {"Ascendants": ("up",), "Descendants": ("down",), "Both": ("up", "down")}


@operation
def query_lineage(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Vertices by their distance from the start, the nearest first.

    With IncludeEdges, the start and what lies on the way to a vertex that the filters let through are told too, with
    the edges between all that is told.
    """
    if not request.get("StartArns"):
        raise ValidationException("QueryLineage needs a start: give one ARN in StartArns.")
    depth, size = request.get("MaxDepth", _DEEPEST), request.get("MaxResults", _LARGEST)
    if depth < 1 or size < 1:
        raise ValidationException("MaxDepth and MaxResults are 1 at least.")
    start = associations.entity(context, request["StartArns"][0])
    filters, edges_wanted = request.get("Filters", {}), request.get("IncludeEdges", False)
    walk = _Walk(context, start, told=edges_wanted)
    for way in _WAYS[request.get("Direction", "Both")]:
        walk.go(way, depth, filters, through=edges_wanted)
    skipped = _position(request["NextToken"]) if request.get("NextToken") else 0
    shown = walk.told[skipped : skipped + size]
    more = {"NextToken": resources.token([skipped + size])} if len(walk.told) > skipped + size else {}
    vertices = [_vertex(walk.records[arn]) for arn in shown]
    edges = [_edge(edge) for edge in walk.edges_to(shown)] if edges_wanted else []
    return {"Vertices": vertices, "Edges": edges, **more}


class _Walk:
    """``told``: the vertices of the answer, in order; ``records``: every entity that was met."""

    def __init__(self, context: Context, start: Record, *, told: bool) -> None:
        self._context, self._start = context, start.arn
        self.records = {start.arn: start}
        self.told = [start.arn] if told and start.kind in _KINDS else []
        self._edges: dict[str, list[Association]] = {}  # of each vertex those by which it was reached

    def go(self, way: Way, depth: int, filters: dict[str, Any], *, through: bool) -> None:
        """Walk one way, ``depth`` associations far; ``through`` tells what lies between too."""
        seen, front = {self._start: 0}, [self._start]
        came: dict[str, list[Association]] = {}
        for distance in range(1, depth + 1):
            edges = self._context.associations.step(front, way)
            front = []
            for edge in edges:
                arn = edge.source if way == "up" else edge.destination
                came.setdefault(arn, []).append(edge)
                if arn not in seen:
                    seen[arn] = distance
                    front.append(arn)
            if not front:
                break
        self._meet(seen)
        found = {
            arn for arn in seen if arn in self.records and arn != self._start and _passes(self.records[arn], filters)
        }
        if through:
            found |= self._between(found, came, way)
        for arn in sorted(found - set(self.told), key=lambda arn: (seen[arn], arn)):
            if self.records[arn].kind in _KINDS:
                self.told.append(arn)
        for arn in found:
            self._edges.setdefault(arn, []).extend(came[arn])

    def edges_to(self, arns: Iterable[str]) -> list[Association]:
        """The edges by which these were reached from the start or from others that are told."""
        ends = {self._start, *self.told}
        edges = {
            (edge.source, edge.destination): edge
            for arn in arns
            for edge in self._edges.get(arn, [])
            if edge.source in ends and edge.destination in ends
        }
        return list(edges.values())

    def _meet(self, arns: Iterable[str]) -> None:
        for arn in arns:
            if arn not in self.records and (record := self._context.store.find(arn)) is not None:
                self.records[arn] = record

    def _between(self, found: set[str], came: dict[str, list[Association]], way: Way) -> set[str]:
        """What one passes on the way from the start to what was found."""
        passed: set[str] = set()
        front = list(found)
        while front:
            back = {e.destination if way == "up" else e.source for arn in front for e in came.get(arn, [])}
            front = [arn for arn in back - passed - found if arn != self._start and arn in self.records]
            passed.update(front)
        return passed


def _passes(record: Record, filters: dict[str, Any]) -> bool:
    created, modified = _time(record.created), _time(record.modified)
    properties = record.body.get("Properties", {})
    return (
        record.kind in filters.get("LineageTypes", _KINDS)
        and _type(record) in filters.get("Types", [_type(record)])
        and filters.get("CreatedAfter", created) <= created <= filters.get("CreatedBefore", created)
        and filters.get("ModifiedAfter", modified) <= modified <= filters.get("ModifiedBefore", modified)
        and all(properties.get(key) == value for key, value in filters.get("Properties", {}).items())
    )


def _type(record: Record) -> str:
    """As clients ask for it here: TrainingJob where an association says SageMakerTrainingJob."""
    return type_of(record).removeprefix("SageMaker") if record.kind == "TrialComponent" else type_of(record)


def _time(time: datetime | None) -> datetime:
    assert time is not None, "a stored record has its times"
    return time


def _vertex(record: Record) -> dict[str, Any]:
    type_ = _type(record)
    return {"Arn": record.arn, "LineageType": record.kind, **({"Type": type_} if type_ else {})}


def _edge(association: Association) -> dict[str, Any]:
    edge = {"SourceArn": association.source, "DestinationArn": association.destination}
    return edge | ({"AssociationType": association.type} if association.type else {})


def _position(token: str) -> int:
    match resources.read_token(token):
        case [int() as position] if position >= 0:
            return position
    raise resources.bad_token(token)
