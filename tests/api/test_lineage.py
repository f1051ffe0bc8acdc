"""Lineage by boto3: artifacts, actions and contexts, the associations between them, and the walk over these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"


def test_a_source_has_one_artifact(sagemaker: Any) -> None:
    source = {"SourceUri": "s3://ward/data", "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "1"}]}
    made = sagemaker.create_artifact(
        ArtifactName="Data", Source=source, ArtifactType="DataSet", Properties={"rows": "10", "old": "1"}
    )
    arn = made["ArtifactArn"]
    assert len(arn.removeprefix(f"{PREFIX}:artifact/")) == 32
    code, message = refused(sagemaker.create_artifact, Source=source, ArtifactType="DataSet")
    assert (code, "already exists" in message) == ("ValidationException", True)
    other = {**source, "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "2"}]}
    assert sagemaker.create_artifact(Source=other, ArtifactType="DataSet")["ArtifactArn"] != arn
    sagemaker.update_artifact(
        ArtifactArn=arn, ArtifactName="Wards", Properties={"rows": "11"}, PropertiesToRemove=["old", "never"]
    )
    told = sagemaker.describe_artifact(ArtifactArn=arn)
    assert (told["ArtifactName"], told["Source"], told["Properties"]) == ("Wards", source, {"rows": "11"})
    listed = sagemaker.list_artifacts(SourceUri="s3://ward/data", ArtifactType="DataSet")["ArtifactSummaries"]
    assert len(listed) == 2
    assert sagemaker.list_artifacts(ArtifactType="Model", SourceUri="s3://ward/data")["ArtifactSummaries"] == []
    assert sagemaker.delete_artifact(Source=other)["ArtifactArn"] != arn
    sagemaker.delete_artifact(ArtifactArn=arn)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match=f"Artifact '{arn}' does not exist"):
        sagemaker.describe_artifact(ArtifactArn=arn)
    assert refused(sagemaker.delete_artifact)[0] == "ValidationException"


@pytest.mark.parametrize("kind", ["Action", "Context"])
def test_actions_and_contexts_are_changed_found_and_deleted(sagemaker: Any, kind: str) -> None:
    def call(verb: str, **request: Any) -> Any:
        return getattr(sagemaker, f"{verb}_{kind.lower()}{'s' if verb == 'list' else ''}")(**request)

    name, source = f"My-{kind}", {"SourceUri": "arn:x", "SourceType": "ARN", "SourceId": "1"}
    arn = call("create", **{f"{kind}Name": name, f"{kind}Type": "Deed", "Source": source})[f"{kind}Arn"]
    assert arn == f"{PREFIX}:{kind.lower()}/{name.lower()}"
    code, message = refused(call, verb="create", **{f"{kind}Name": name, f"{kind}Type": "Deed", "Source": source})
    assert (code, "already exists" in message) == ("ValidationException", True)
    call("update", **{f"{kind}Name": name, "Description": "why", "Properties": {"a": "1"}})
    told = call("describe", **{f"{kind}Name": arn})
    assert (told[f"{kind}Name"], told["Description"], told["Properties"], told["Source"]) == (
        name,
        "why",
        {"a": "1"},
        source,
    )
    listed = call("list", **{"SourceUri": "arn:x", f"{kind}Type": "Deed"})[f"{kind}Summaries"]
    assert [each[f"{kind}Name"] for each in listed] == [name]
    assert call("list", **{f"{kind}Type": "Other"})[f"{kind}Summaries"] == []
    call("delete", **{f"{kind}Name": name})
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        call("describe", **{f"{kind}Name": name})
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        call("update", **{f"{kind}Name": name})


@pytest.fixture(scope="module")
def graph(sagemaker: Any) -> dict[str, str]:
    """raw → data → job → model → deployment → endpoint; image → job; job → report."""
    arns = {}
    for name, kind in (
        ("raw", "DataSet"),
        ("data", "DataSet"),
        ("image", "Image"),
        ("model", "Model"),
        ("report", "Report"),
    ):
        made = sagemaker.create_artifact(
            ArtifactName=name, Source={"SourceUri": f"s3://graph/{name}"}, ArtifactType=kind, Properties={"of": name}
        )
        arns[name] = made["ArtifactArn"]
    source = {"SourceUri": "s3://graph"}
    arns["job"] = sagemaker.create_trial_component(TrialComponentName="graph-job")["TrialComponentArn"]
    arns["deployment"] = sagemaker.create_action(ActionName="deploy", Source=source, ActionType="ModelDeployment")[
        "ActionArn"
    ]
    arns["endpoint"] = sagemaker.create_context(ContextName="graph_end", Source=source, ContextType="Endpoint")[
        "ContextArn"
    ]
    for start, end, kind in (
        ("raw", "data", "DerivedFrom"),
        ("data", "job", "ContributedTo"),
        ("image", "job", "ContributedTo"),
        ("job", "model", "Produced"),
        ("job", "report", None),
        ("model", "deployment", "ContributedTo"),
        ("deployment", "endpoint", "AssociatedWith"),
    ):
        sagemaker.add_association(
            SourceArn=arns[start], DestinationArn=arns[end], **({"AssociationType": kind} if kind else {})
        )
    return arns


def names(graph: dict[str, str], answer: dict[str, Any]) -> list[str]:
    back = {arn: name for name, arn in graph.items()}
    return sorted(back[vertex["Arn"]] for vertex in answer["Vertices"])


def edges(graph: dict[str, str], answer: dict[str, Any]) -> set[tuple[str, str]]:
    back = {arn: name for name, arn in graph.items()}
    return {(back[edge["SourceArn"]], back[edge["DestinationArn"]]) for edge in answer["Edges"]}


def test_a_walk_goes_up_down_or_both_ways(sagemaker: Any, graph: dict[str, str]) -> None:
    def walk(**request: Any) -> list[str]:
        return names(graph, sagemaker.query_lineage(StartArns=[graph["job"]], **request))

    assert walk(Direction="Ascendants") == ["data", "image", "raw"]
    assert walk(Direction="Descendants") == ["deployment", "endpoint", "model", "report"]
    assert walk() == ["data", "deployment", "endpoint", "image", "model", "raw", "report"]
    assert walk(Direction="Descendants", MaxDepth=1) == ["model", "report"]
    assert walk(Direction="Ascendants", MaxDepth=1) == ["data", "image"]


def test_vertices_say_what_they_are_and_edges_how_they_lead(sagemaker: Any, graph: dict[str, str]) -> None:
    answer = sagemaker.query_lineage(StartArns=[graph["model"]], Direction="Both", IncludeEdges=True, MaxDepth=1)
    assert answer["Vertices"] == [
        {"Arn": graph["model"], "Type": "Model", "LineageType": "Artifact"},
        {"Arn": graph["job"], "LineageType": "TrialComponent"},
        {"Arn": graph["deployment"], "Type": "ModelDeployment", "LineageType": "Action"},
    ]
    assert sorted(answer["Edges"], key=lambda edge: edge["AssociationType"]) == [
        {"SourceArn": graph["model"], "DestinationArn": graph["deployment"], "AssociationType": "ContributedTo"},
        {"SourceArn": graph["job"], "DestinationArn": graph["model"], "AssociationType": "Produced"},
    ]
    assert sagemaker.query_lineage(StartArns=[graph["model"]])["Edges"] == []


def test_filters_choose_and_edges_bring_what_lies_between(sagemaker: Any, graph: dict[str, str]) -> None:
    def walk(start: str, filters: dict[str, Any], **request: Any) -> list[str]:
        answer = sagemaker.query_lineage(StartArns=[graph[start]], Filters=filters, **request)
        return names(graph, answer)

    assert walk("endpoint", {"Types": ["DataSet"]}) == ["data", "raw"]
    assert walk("endpoint", {"Types": ["DataSet", "Model"], "LineageTypes": ["Artifact"]}) == ["data", "model", "raw"]
    assert walk("raw", {"LineageTypes": ["Context", "Action"]}) == ["deployment", "endpoint"]
    assert walk("raw", {"Properties": {"of": "model"}}) == ["model"]
    assert walk("raw", {"Properties": {"of": "another"}}) == []
    hour = timedelta(hours=1)
    assert walk("raw", {"CreatedAfter": datetime.now(UTC) + hour}) == []
    assert walk("raw", {"CreatedBefore": datetime.now(UTC) + hour, "Types": ["Model"]}) == ["model"]
    assert walk("raw", {"ModifiedBefore": datetime.now(UTC) - hour}) == []
    answer = sagemaker.query_lineage(StartArns=[graph["endpoint"]], Filters={"Types": ["Image"]}, IncludeEdges=True)
    assert names(graph, answer) == ["deployment", "endpoint", "image", "job", "model"]
    assert edges(graph, answer) == {
        ("image", "job"),
        ("job", "model"),
        ("model", "deployment"),
        ("deployment", "endpoint"),
    }


def test_pages_of_a_walk_joined_are_the_whole(sagemaker: Any, graph: dict[str, str]) -> None:
    request = {"StartArns": [graph["job"]], "IncludeEdges": True}
    whole = sagemaker.query_lineage(**request)
    vertices, found, token = [], [], {}
    while True:
        page = sagemaker.query_lineage(**request, MaxResults=3, **token)
        assert len(page["Vertices"]) <= 3
        vertices += page["Vertices"]
        found += page["Edges"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert vertices == whole["Vertices"]
    assert len(found) == len(whole["Edges"]) == 7
    assert edges(graph, {"Edges": found}) == edges(graph, whole)
    assert refused(sagemaker.query_lineage, **request, NextToken="x")[0] == "ValidationException"


def test_a_circle_ends(sagemaker: Any) -> None:
    source = {"SourceUri": "s3://circle"}
    arns = [
        sagemaker.create_action(ActionName=f"circle-{number}", Source=source, ActionType="Step")["ActionArn"]
        for number in range(3)
    ]
    for number in range(3):
        sagemaker.add_association(SourceArn=arns[number], DestinationArn=arns[(number + 1) % 3])
    answer = sagemaker.query_lineage(StartArns=[arns[0]], IncludeEdges=True)
    assert {vertex["Arn"] for vertex in answer["Vertices"]} == set(arns)
    assert len(answer["Edges"]) == 3


def test_associations_are_listed_by_their_ends_types_and_times(sagemaker: Any, graph: dict[str, str]) -> None:
    def listed(**request: Any) -> list[tuple[str, str]]:
        pages = sagemaker.get_paginator("list_associations").paginate(**request, PaginationConfig={"PageSize": 2})
        found = [each for page in pages for each in page["AssociationSummaries"]]
        return [(each["SourceName"], each["DestinationName"]) for each in found]

    assert listed(DestinationArn=graph["job"], SortBy="CreationTime", SortOrder="Ascending") == [
        ("data", "graph-job"),
        ("image", "graph-job"),
    ]
    assert listed(SourceArn=graph["job"], DestinationType="Model") == [("graph-job", "model")]
    assert listed(SourceType="Image") == [("image", "graph-job")]
    assert listed(AssociationType="DerivedFrom") == [("raw", "data")]
    assert listed(CreatedAfter=datetime.now(UTC) + timedelta(hours=1)) == []
    by_source = [
        source for source, _ in listed(SortBy="SourceType", SortOrder="Ascending", CreatedBefore=datetime.now(UTC))
    ]
    assert {"raw", "data", "image", "graph-job", "model", "deploy"} <= set(by_source)
    [only] = sagemaker.list_associations(SourceArn=graph["model"])["AssociationSummaries"]
    assert (only["SourceType"], only["DestinationType"], only["AssociationType"]) == (
        "Model",
        "ModelDeployment",
        "ContributedTo",
    )
    assert only["CreatedBy"]["IamIdentity"]["PrincipalId"]


def test_an_association_joins_two_that_are_there_once(sagemaker: Any, graph: dict[str, str]) -> None:
    code, message = refused(sagemaker.add_association, SourceArn=graph["raw"], DestinationArn=graph["data"])
    assert (code, "already exists" in message) == ("ValidationException", True)
    nobody = f"{PREFIX}:artifact/{'0' * 32}"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="does not exist"):
        sagemaker.add_association(SourceArn=nobody, DestinationArn=graph["data"])
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="no association between"):
        sagemaker.delete_association(SourceArn=graph["data"], DestinationArn=graph["raw"])
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.query_lineage(StartArns=[nobody])
    assert refused(sagemaker.query_lineage)[0] == "ValidationException"


def test_what_is_associated_is_not_deleted(sagemaker: Any, graph: dict[str, str]) -> None:
    for call, request in (
        (sagemaker.delete_artifact, {"ArtifactArn": graph["raw"]}),
        (sagemaker.delete_action, {"ActionName": "deploy"}),
        (sagemaker.delete_context, {"ContextName": "graph_end"}),
    ):
        code, message = refused(call, **request)
        assert (code, "cannot be deleted while it has associations" in message) == ("ValidationException", True)
    source = {"SourceUri": "s3://short"}
    arn = sagemaker.create_action(ActionName="short", Source=source, ActionType="Step")["ActionArn"]
    sagemaker.add_association(SourceArn=arn, DestinationArn=graph["endpoint"])
    sagemaker.delete_association(SourceArn=arn, DestinationArn=graph["endpoint"])
    sagemaker.delete_action(ActionName="short")


def test_a_trial_component_takes_its_associations_along(sagemaker: Any, graph: dict[str, str]) -> None:
    arn = sagemaker.create_trial_component(TrialComponentName="leaving")["TrialComponentArn"]
    for ends in (
        {"SourceArn": graph["raw"], "DestinationArn": arn},
        {"SourceArn": arn, "DestinationArn": graph["report"]},
    ):
        sagemaker.add_association(**ends)
    sagemaker.delete_trial_component(TrialComponentName="Leaving")
    sagemaker.create_trial_component(TrialComponentName="leaving")
    for end in ("SourceArn", "DestinationArn"):
        assert sagemaker.list_associations(**{end: arn})["AssociationSummaries"] == []


def test_another_region_has_its_own_lineage(studio: Studio, graph: dict[str, str]) -> None:
    elsewhere = studio.client("sagemaker", region_name="eu-west-1")
    assert elsewhere.list_associations()["AssociationSummaries"] == []
    with pytest.raises(elsewhere.exceptions.ResourceNotFound):
        elsewhere.describe_artifact(ArtifactArn=graph["raw"])
    elsewhere.close()
