"""Search by boto3: every operator, nested filters, what belongs to what, order and pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
COMPONENT = "ExperimentTrialComponent"


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Iterator[Any]:
    """With two experiments and five components; e belongs to no trial."""
    client = studio.client("sagemaker")
    for experiment in ("heart", "lung"):
        client.create_experiment(ExperimentName=experiment, Tags=[{"Key": "ward", "Value": experiment}])
    for trial, experiment in (("heart-1", "heart"), ("heart-2", "heart"), ("lung-1", "lung")):
        client.create_trial(TrialName=trial, ExperimentName=experiment)
    for number, (name, trials) in enumerate(
        (("a", ["heart-1"]), ("b", ["heart-1", "lung-1"]), ("c", ["heart-2"]), ("d", ["lung-1"]), ("e", []))
    ):
        client.create_trial_component(
            TrialComponentName=name,
            DisplayName=f"Run-{name}",
            StartTime=datetime(2026, 1, number + 1, 12, tzinfo=UTC),
            Status={"PrimaryStatus": "Completed" if number % 2 else "InProgress"},
            Parameters={
                "rate": {"NumberValue": number / 10},
                "SageMaker.InstanceType": {"StringValue": f"ml.m{number}"},
                **({"only-a": {"StringValue": "x"}} if name == "a" else {}),
            },
            InputArtifacts={"train.csv": {"MediaType": "text/csv", "Value": f"s3://b/{name}/train.csv"}},
            Tags=[{"Key": "team", "Value": "red" if number < 2 else "blue"}] if number < 4 else [],
        )
        for trial in trials:
            client.associate_trial_component(TrialComponentName=name, TrialName=trial)
    yield client
    client.close()


def found(client: Any, *filters: tuple[str, ...], **request: Any) -> str:
    """Names of components, in alphabetical order unless the request sorts; a filter is (name, operator, value)."""
    given = [dict(zip(("Name", "Operator", "Value"), each, strict=False)) for each in filters]
    asked: dict[str, Any] = {"Resource": COMPONENT, **request}
    if given:
        asked["SearchExpression"] = {"Filters": given, **request.get("SearchExpression", {})}
    names = [each["TrialComponent"]["TrialComponentName"] for each in client.search(**asked)["Results"]]
    return "".join(names if "SortBy" in request else sorted(names))


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (("TrialComponentName", "Equals", "b"), "b"),
        (("TrialComponentName", "NotEquals", "b"), "acde"),
        (("DisplayName", "Contains", "n-c"), "c"),
        (("TrialComponentName", "In", "a, d,nobody"), "ad"),
        (("Parents.TrialName", "Equals", "heart-1"), "ab"),
        (("Parents.ExperimentName", "Equals", "lung"), "bd"),
        (("Parents.ExperimentName", "NotEquals", "lung"), "ace"),
        (("Parents", "NotExists"), ""),
        (("Parents.TrialName", "NotExists"), "e"),
        (("Parameters.rate.NumberValue", "GreaterThan", "0.15"), "cde"),
        (("Parameters.rate", "LessThanOrEqualTo", "0.1"), "ab"),
        (("Parameters.rate", "Equals", "0.30"), "d"),
        (("Parameters.SageMaker.InstanceType", "Equals", "ml.m2"), "c"),
        (("Parameters.SageMaker.InstanceType.StringValue", "Contains", "ml.m"), "abcde"),
        (("Parameters.only-a", "Exists"), "a"),
        (("Parameters.only-a", "NotExists"), "bcde"),
        (("InputArtifacts.train.csv.Value", "Contains", "/d/"), "d"),
        (("InputArtifacts.train.csv.MediaType", "Equals", "text/csv"), "abcde"),
        (("Tags.team", "Equals", "red"), "ab"),
        (("Tags.team", "NotExists"), "e"),
        (("Tags.Team", "Exists"), ""),
        (("Status.PrimaryStatus", "Equals", "Completed"), "bd"),
        (("StartTime", "GreaterThanOrEqualTo", "2026-01-03T12:00:00"), "cde"),
        (("StartTime", "LessThan", "2026-01-03T12:00:00Z"), "ab"),
        (("StartTime", "Equals", "2026-01-03T13:00:00+01:00"), "c"),
        (("CreationTime", "GreaterThan", "2026-01-01T00:00:00"), "abcde"),
        (("CreatedBy.IamIdentity.Arn", "Contains", "arn:aws"), "abcde"),
        (("Source.SourceArn", "Exists"), ""),
        (("Metrics.accuracy.Max", "Exists"), ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_filter_chooses(sagemaker: Any, condition: tuple[str, ...], wanted: str) -> None:
    assert found(sagemaker, condition) == wanted


def test_without_an_operator_a_value_is_equal_and_no_value_exists(sagemaker: Any) -> None:
    def search(**given: str) -> set[str]:
        answer = sagemaker.search(Resource=COMPONENT, SearchExpression={"Filters": [given]})
        return {each["TrialComponent"]["TrialComponentName"] for each in answer["Results"]}

    assert search(Name="TrialComponentName", Value="a") == {"a"}
    assert search(Name="Parameters.only-a") == {"a"}


def test_expressions_are_joined_by_and_or_or_within_each_other(sagemaker: Any) -> None:
    low = {"Filters": [{"Name": "Parameters.rate", "Operator": "LessThan", "Value": "0.15"}]}
    lung = {"Filters": [{"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": "lung"}]}
    done = {"Name": "Status.PrimaryStatus", "Value": "Completed"}

    def search(expression: dict[str, Any]) -> str:
        answer = sagemaker.search(Resource=COMPONENT, SearchExpression=expression)
        return "".join(sorted(each["TrialComponent"]["TrialComponentName"] for each in answer["Results"]))

    assert search({"SubExpressions": [low, lung]}) == "b"
    assert search({"SubExpressions": [low, lung], "Operator": "Or"}) == "abd"
    assert search({"SubExpressions": [{"SubExpressions": [low, lung], "Operator": "Or"}], "Filters": [done]}) == "bd"
    assert search({"Filters": [done, {"Name": "TrialComponentName", "Value": "a"}], "Operator": "Or"}) == "abd"


def test_a_nested_filter_holds_for_one_element(sagemaker: Any) -> None:
    def nested(trial: str, experiment: str) -> str:
        filters = [
            {"Name": "Parents.TrialName", "Value": trial},
            {"Name": "Parents.ExperimentName", "Value": experiment},
        ]
        expression = {"NestedFilters": [{"NestedPropertyName": "Parents", "Filters": filters}]}
        return found(sagemaker, SearchExpression=expression)

    assert nested("lung-1", "lung") == "bd"
    assert nested("heart-1", "lung") == ""  # b has both, in two parents
    both = [("Parents.TrialName", "Equals", "heart-1"), ("Parents.ExperimentName", "Equals", "lung")]
    assert found(sagemaker, *both) == "b"


def test_visibility_hides_what_has_the_key_with_another_value(sagemaker: Any) -> None:
    assert found(sagemaker, VisibilityConditions=[{"Key": "Tags.team", "Value": "red"}]) == "abe"
    assert found(sagemaker, VisibilityConditions=[{"Key": "Tags.nobody", "Value": "red"}]) == "abcde"


@pytest.mark.parametrize(
    ("by", "order", "wanted"),
    [
        ("Parameters.rate.NumberValue", "Descending", "edcba"),
        ("TrialComponentName", "Ascending", "abcde"),
        ("StartTime", "Descending", "edcba"),
        ("CreationTime", "Ascending", "abcde"),
        ("Parameters.only-a", "Ascending", "abcde"),  # what has none comes last
        ("Parameters.only-a", "Descending", "aedcb"),
        ("Tags.team", "Ascending", "cdabe"),
    ],
)
def test_results_are_sorted_and_pages_joined_are_the_whole(sagemaker: Any, by: str, order: str, wanted: str) -> None:
    request = {"SortBy": by, "SortOrder": order}
    assert found(sagemaker, **request) == wanted
    pages = list(
        sagemaker.get_paginator("search").paginate(Resource=COMPONENT, **request, PaginationConfig={"PageSize": 2})
    )
    names = [each["TrialComponent"]["TrialComponentName"] for page in pages for each in page["Results"]]
    assert "".join(names) == wanted
    assert [page["TotalHits"] for page in pages] == [{"Value": 5, "Relation": "EqualTo"}] * 3


def test_the_last_changed_comes_first_where_nothing_is_said(sagemaker: Any) -> None:
    sagemaker.update_trial_component(TrialComponentName="b", Status={"PrimaryStatus": "Completed"})
    first = sagemaker.search(Resource=COMPONENT, MaxResults=1)["Results"][0]["TrialComponent"]
    assert first["TrialComponentName"] == "b"


def test_a_component_is_told_with_its_tags_parents_and_maps(sagemaker: Any) -> None:
    [only] = sagemaker.search(
        Resource=COMPONENT, SearchExpression={"Filters": [{"Name": "TrialComponentName", "Value": "b"}]}
    )["Results"]
    told = only["TrialComponent"]
    assert told["Tags"] == [{"Key": "team", "Value": "red"}]
    assert told["Parents"] == [
        {"TrialName": "heart-1", "ExperimentName": "heart"},
        {"TrialName": "lung-1", "ExperimentName": "lung"},
    ]
    assert (told["OutputArtifacts"], told["Parameters"]["rate"]) == ({}, {"NumberValue": 0.1})
    assert told["TrialComponentArn"] == f"{PREFIX}:experiment-trial-component/b"
    assert not [member for member in told if member.startswith("_")]


def test_trials_and_experiments_are_found_and_a_trial_tells_its_components(sagemaker: Any) -> None:
    filters = [{"Name": "ExperimentName", "Value": "heart"}]
    trials = sagemaker.search(
        Resource="ExperimentTrial", SearchExpression={"Filters": filters}, SortBy="TrialName", SortOrder="Ascending"
    )["Results"]
    assert [each["Trial"]["TrialName"] for each in trials] == ["heart-1", "heart-2"]
    assert [each["TrialComponentName"] for each in trials[0]["Trial"]["TrialComponentSummaries"]] == ["a", "b"]
    [only] = sagemaker.search(
        Resource="Experiment", SearchExpression={"Filters": [{"Name": "Tags.ward", "Value": "lung"}]}
    )["Results"]
    assert only["Experiment"]["ExperimentName"] == "lung"


def test_a_model_is_found_by_its_name_and_image(sagemaker: Any, studio: Studio) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    sagemaker.create_model(ModelName="searched", PrimaryContainer={"Image": image, "ModelDataUrl": "s3://b/m.tar.gz"})
    sagemaker.create_endpoint_config(
        EndpointConfigName="searched",
        ProductionVariants=[
            {"VariantName": "v", "ModelName": "searched", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        ],
    )
    for name in ("ModelName", "Model.ModelName"):
        [only] = sagemaker.search(
            Resource="Model",
            SearchExpression={
                "Filters": [
                    {"Name": name, "Value": "searched"},
                    {"Name": "PrimaryContainer.Image", "Operator": "Contains", "Value": "scikit"},
                ]
            },
        )["Results"]
        assert only["Model"]["Model"]["PrimaryContainer"]["Image"] == image
        assert only["Model"]["Endpoints"] == []


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"Name": "TrialName", "Value": "x"}, "Unknown property name: TrialName"),
        ({"Name": "Metrics.x.Max.Min.", "Operator": "Exists"}, ""),
        ({"Name": 'Parameters.a"b', "Value": "x"}, "Unknown property name"),
        (
            {"Name": "TrialComponentName", "Operator": "GreaterThan", "Value": "x"},
            "GreaterThan with the value 'x' does not",
        ),
        ({"Name": "Parameters.rate.NumberValue", "Operator": "Contains", "Value": "1"}, "does not fit Parameters.rate"),
        ({"Name": "Parameters.rate.NumberValue", "Value": "much"}, "does not fit Parameters.rate"),
        ({"Name": "StartTime", "Operator": "GreaterThan", "Value": "soon"}, "is not a time: write it as"),
        ({"Name": "Parents", "Value": "x"}, "Parents is not a single value"),
        ({"Name": "TrialComponentName", "Operator": "Contains"}, "needs a Value"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(sagemaker: Any, filters: dict[str, str], said: str) -> None:
    if not said:
        assert sagemaker.search(Resource=COMPONENT, SearchExpression={"Filters": [filters]})["Results"] == []
        return
    code, message = refused(sagemaker.search, Resource=COMPONENT, SearchExpression={"Filters": [filters]})
    assert code == "ValidationException"
    assert said in message


def test_expressions_that_are_empty_too_large_or_not_nested_are_refused(sagemaker: Any) -> None:
    def says(**expression: Any) -> str:
        code, message = refused(sagemaker.search, Resource=COMPONENT, SearchExpression=expression)
        assert code == "ValidationException"
        return message

    assert "at least one of Filters" in says(Operator="Or")
    many = [{"Name": "TrialComponentName", "Value": "x"}] * 20
    assert "50 filters" in says(SubExpressions=[{"Filters": many}, {"Filters": many}, {"Filters": many}])
    name = {"Name": "Parents.TrialName", "Value": "x"}
    assert "is not a list of objects" in says(NestedFilters=[{"NestedPropertyName": "Source", "Filters": [name]}])
    other = [{"Name": "TrialComponentName", "Value": "x"}]
    assert "must begin with Parents." in says(NestedFilters=[{"NestedPropertyName": "Parents", "Filters": other}])
    code, message = refused(sagemaker.search, Resource=COMPONENT, NextToken="eA==")
    assert (code, "Invalid pagination token" in message) == ("ValidationException", True)


def test_what_clary_has_not_is_not_searched(sagemaker: Any) -> None:
    code, message = refused(sagemaker.search, Resource="Pipeline")
    assert (code, "Search for the resource Pipeline is not served" in message) == ("NotImplemented", True)
    code, message = refused(sagemaker.search, Resource="FeatureGroup", CrossAccountFilterOption="CrossAccount")
    assert (code, "one account" in message) == ("NotImplemented", True)
    assert sagemaker.search(Resource="Endpoint", CrossAccountFilterOption="SameAccount")["Results"] == []


def test_property_names_are_suggested_from_the_model_and_the_records(sagemaker: Any) -> None:
    def suggested(hint: str, resource: str = COMPONENT) -> list[str]:
        query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
        answer = sagemaker.get_search_suggestions(Resource=resource, SuggestionQuery=query)
        return [each["PropertyName"] for each in answer["PropertyNameSuggestions"]]

    assert suggested("Parents.") == ["Parents.TrialName", "Parents.ExperimentName"]
    assert suggested("param") == ["Parameters.SageMaker.InstanceType", "Parameters.only-a", "Parameters.rate"]
    assert suggested("Tags") == ["Tags.team"]
    assert suggested("inputdata", "TrainingJob")[0] == "InputDataConfig.ChannelName"
    assert suggested("nothing") == []
    assert "TrialComponentName" in suggested("")


def test_model_cards_are_found_by_what_their_content_says(sagemaker: Any) -> None:
    for name, risk in (("mild", "Low"), ("grave", "High")):
        content = json.dumps({"intended_uses": {"risk_rating": risk}, "model_overview": {"model_id": f"m-{name}"}})
        sagemaker.create_model_card(ModelCardName=name, Content=content, ModelCardStatus="Draft")

    def cards(*condition: str) -> list[dict[str, Any]]:
        filters = [dict(zip(("Name", "Operator", "Value"), condition, strict=True))]
        results = sagemaker.search(Resource="ModelCard", SearchExpression={"Filters": filters})["Results"]
        return [each["ModelCard"] for each in results]

    assert [(c["ModelCardName"], c["ModelId"]) for c in cards("RiskRating", "Equals", "High")] == [("grave", "m-grave")]
    sagemaker.update_model_card(ModelCardName="grave", Content='{"intended_uses": {"risk_rating": "Low"}}')
    assert cards("RiskRating", "Equals", "High") == []
    assert {c["ModelCardName"]: c["ModelCardVersion"] for c in cards("RiskRating", "Equals", "Low")} == {
        "mild": 1,
        "grave": 2,
    }


def test_what_hubs_hold_is_found(sagemaker: Any) -> None:
    sagemaker.create_hub(HubName="ward", HubDescription="models of a ward")
    sagemaker.import_hub_content(
        HubName="ward",
        HubContentName="chest",
        HubContentType="Model",
        DocumentSchemaVersion="1.0.0",
        HubContentDocument="{}",
        HubContentSearchKeywords=["x-ray"],
    )
    filters = [{"Name": "HubContentName", "Operator": "Equals", "Value": "chest"}]
    (hit,) = sagemaker.search(Resource="HubContent", SearchExpression={"Filters": filters})["Results"]
    assert hit["HubContent"]["HubContentStatus"] == "Available"
    assert hit["HubContent"]["HubContentArn"].startswith(f"{PREFIX}:hub-content/ward/")


@pytest.mark.parametrize(("resource", "text"), [("Image", "use ListImages"), ("Pipeline", "not served yet")])
def test_what_cannot_be_searched_says_where_to_look(sagemaker: Any, resource: str, text: str) -> None:
    with pytest.raises(ClientError, match=text) as error:
        sagemaker.search(Resource=resource)
    assert error.value.response["Error"]["Code"] == "NotImplemented"
