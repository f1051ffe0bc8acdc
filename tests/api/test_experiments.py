"""Experiments, trials and trial components by boto3: records, their relations, and what may not be deleted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"


def test_an_experiment_is_described_as_it_was_made(sagemaker: Any) -> None:
    made = sagemaker.create_experiment(
        ExperimentName="Fever", Description="who has it", Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["ExperimentArn"] == f"{PREFIX}:experiment/fever"
    told = sagemaker.describe_experiment(ExperimentName="Fever")
    assert (told["ExperimentName"], told["DisplayName"], told["Description"]) == ("Fever", "Fever", "who has it")
    assert told["CreatedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:")
    assert told["CreationTime"] == told["LastModifiedTime"]
    assert sagemaker.list_tags(ResourceArn=made["ExperimentArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    sagemaker.update_experiment(ExperimentName="Fever", DisplayName="Heat")
    told = sagemaker.describe_experiment(ExperimentName="Fever")
    assert (told["DisplayName"], told["Description"]) == ("Heat", "who has it")
    assert told["LastModifiedTime"] > told["CreationTime"]


def test_tags_are_checked_as_those_of_other_resources(sagemaker: Any) -> None:
    twice = [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]
    for create, name in (
        (sagemaker.create_experiment, {"ExperimentName": "tagged"}),
        (sagemaker.create_action, {"ActionName": "tagged", "Source": {"SourceUri": "s3://b/a"}, "ActionType": "t"}),
    ):
        code, message = refused(create, **name, Tags=twice)
        assert (code, "Duplicate tag keys" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("kind", "members", "said"),
    [
        ("experiment", {"ExperimentName": "twice"}, "Experiment with name (twice) already exists."),
        ("trial", {"TrialName": "twice", "ExperimentName": "twice"}, "Trial with name (twice) already exists."),
        ("trial_component", {"TrialComponentName": "twice"}, "Trial component with name (twice) already exists."),
    ],
)
def test_a_name_is_given_once_and_the_words_are_those_that_sdks_look_for(
    sagemaker: Any, kind: str, members: dict[str, str], said: str
) -> None:
    create = getattr(sagemaker, f"create_{kind}")
    if kind == "trial":
        sagemaker.create_experiment(ExperimentName="of-twice")
        members = {**members, "ExperimentName": "of-twice"}
    create(**members)
    code, message = refused(create, **members)
    assert code == "ValidationException"
    assert message.endswith(said)
    assert "names must be unique within an AWS account and region" in message


def test_names_are_found_in_any_case_and_told_as_they_were_given(sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="Cased")
    sagemaker.create_trial(TrialName="Cased", ExperimentName="cased")
    sagemaker.create_trial_component(TrialComponentName="Cased")
    sagemaker.associate_trial_component(TrialComponentName="CASED", TrialName="cased")
    sagemaker.update_trial_component(TrialComponentName="cased", DisplayName="x")
    assert sagemaker.describe_trial(TrialName="cased")["ExperimentName"] == "Cased"
    assert components(sagemaker, ExperimentName="cased") == components(sagemaker, TrialName="CASED") == ["Cased"]
    assert sagemaker.list_trials(TrialComponentName="cased")["TrialSummaries"][0]["TrialName"] == "Cased"
    assert "already exists" in refused(sagemaker.create_experiment, ExperimentName="cased")[1]
    assert refused(sagemaker.delete_experiment, ExperimentName="cased")[0] == "ValidationException"


def test_what_is_not_there_is_not_found_by_its_modelled_class(sagemaker: Any) -> None:
    absent = sagemaker.exceptions.ResourceNotFound
    with pytest.raises(absent, match=r"Experiment 'arn:aws:sagemaker:us-east-1:000000000000:experiment/no' does not"):
        sagemaker.describe_experiment(ExperimentName="no")
    with pytest.raises(absent, match=r"Trial '.*:experiment-trial/no' does not exist\."):
        sagemaker.describe_trial(TrialName="no")
    with pytest.raises(absent, match=r"TrialComponent '.*:experiment-trial-component/no' does not exist\."):
        sagemaker.describe_trial_component(TrialComponentName="no")
    with pytest.raises(absent, match="Experiment"):
        sagemaker.create_trial(TrialName="orphan", ExperimentName="no")
    with pytest.raises(absent):
        sagemaker.describe_trial(TrialName="orphan")
    with pytest.raises(absent):
        sagemaker.list_trials(ExperimentName="no")
    with pytest.raises(absent):
        sagemaker.list_trial_components(TrialName="no")
    sagemaker.create_trial_component(TrialComponentName="alone")
    with pytest.raises(absent, match="Trial 'arn"):
        sagemaker.associate_trial_component(TrialComponentName="alone", TrialName="no")


def test_a_component_keeps_its_numbers_texts_times_and_artifacts(sagemaker: Any) -> None:
    start = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    sagemaker.create_trial_component(
        TrialComponentName="Run-1",
        Status={"PrimaryStatus": "InProgress", "Message": "Within a run context"},
        StartTime=start,
        Parameters={"rate": {"NumberValue": 0.1}, "kind": {"StringValue": "tree"}, "gone": {"NumberValue": 1.0}},
        InputArtifacts={"data": {"MediaType": "text/csv", "Value": "s3://b/data.csv"}},
        MetadataProperties={"CommitId": "abc"},
    )
    sagemaker.update_trial_component(
        TrialComponentName="Run-1",
        Status={"PrimaryStatus": "Completed"},
        EndTime=start.replace(minute=5),
        Parameters={"rate": {"NumberValue": 0.2}},
        ParametersToRemove=["gone"],
        OutputArtifacts={"model": {"Value": "s3://b/model"}},
        InputArtifactsToRemove=["data"],
    )
    by_name = sagemaker.describe_trial_component(TrialComponentName="Run-1")
    by_arn = sagemaker.describe_trial_component(TrialComponentName=by_name["TrialComponentArn"])
    del by_name["ResponseMetadata"], by_arn["ResponseMetadata"]
    assert by_name == by_arn
    assert by_name["Parameters"] == {"rate": {"NumberValue": 0.2}, "kind": {"StringValue": "tree"}}
    assert (by_name["InputArtifacts"], by_name["OutputArtifacts"]) == ({}, {"model": {"Value": "s3://b/model"}})
    assert (by_name["StartTime"], by_name["EndTime"]) == (start, start.replace(minute=5))
    assert by_name["Status"] == {"PrimaryStatus": "Completed"}
    assert by_name["Metrics"] == []
    code, message = refused(
        sagemaker.update_trial_component, TrialComponentName="Run-1", EndTime=start.replace(year=2025)
    )
    assert (code, "is before StartTime" in message) == ("ValidationException", True)
    many = {f"p{number}": {"NumberValue": 1.0} for number in range(299)}
    code, message = refused(sagemaker.update_trial_component, TrialComponentName="Run-1", Parameters=many)
    assert (code, "300 entries at most" in message) == ("ValidationException", True)


@pytest.fixture(scope="module")
def family(sagemaker: Any) -> Any:
    """Two experiments; the first has two trials with components one, both and two."""
    for experiment in ("first", "second"):
        sagemaker.create_experiment(ExperimentName=experiment)
    for trial, experiment in (("left", "first"), ("right", "first"), ("far", "second")):
        sagemaker.create_trial(TrialName=trial, ExperimentName=experiment)
    for component, trials in (("one", ["left"]), ("both", ["left", "right"]), ("two", ["right"]), ("none", [])):
        sagemaker.create_trial_component(TrialComponentName=component)
        for trial in trials:
            told = sagemaker.associate_trial_component(TrialComponentName=component, TrialName=trial)
            assert told["TrialArn"] == f"{PREFIX}:experiment-trial/{trial}"
    return sagemaker


def components(client: Any, **request: Any) -> list[str]:
    pages = client.get_paginator("list_trial_components").paginate(**request, PaginationConfig={"PageSize": 2})
    return [each["TrialComponentName"] for page in pages for each in page["TrialComponentSummaries"]]


def test_components_are_listed_by_trial_and_by_experiment(family: Any) -> None:
    assert components(family, TrialName="left", SortBy="Name", SortOrder="Ascending") == ["both", "one"]
    assert components(family, ExperimentName="first", SortBy="Name", SortOrder="Descending") == ["two", "one", "both"]
    assert components(family, ExperimentName="second") == []
    assert components(family, SourceArn=f"{PREFIX}:training-job/x") == []
    assert {"one", "none"} <= set(components(family))
    code, message = refused(family.list_trial_components, TrialName="left", ExperimentName="first")
    assert (code, message) == (
        "ValidationException",
        "Give one of ExperimentName, TrialName and SourceArn, not ExperimentName and TrialName.",
    )


def test_trials_are_listed_by_experiment_and_by_component(family: Any) -> None:
    def names(**request: Any) -> list[str]:
        return [each["TrialName"] for each in family.list_trials(**request)["TrialSummaries"]]

    assert names(ExperimentName="first", SortBy="CreationTime", SortOrder="Ascending") == ["left", "right"]
    assert sorted(names(TrialComponentName="both")) == ["left", "right"]
    assert names(TrialComponentName="both", ExperimentName="second") == []
    assert names(TrialComponentName="none") == []


def test_lists_take_times(family: Any) -> None:
    made = family.describe_experiment(ExperimentName="second")["CreationTime"]
    later = [
        e["ExperimentName"] for e in family.list_experiments(CreatedAfter=made, MaxResults=100)["ExperimentSummaries"]
    ]
    assert "second" in later
    assert "first" not in later
    early = [
        e["ExperimentName"] for e in family.list_experiments(CreatedBefore=made, MaxResults=100)["ExperimentSummaries"]
    ]
    assert {"first", "second"} <= set(early)


def test_nothing_is_deleted_that_something_belongs_to(family: Any) -> None:
    code, message = refused(family.delete_experiment, ExperimentName="first")
    assert (code, "while it has trials" in message) == ("ValidationException", True)
    code, message = refused(family.delete_trial, TrialName="left")
    assert (code, "while it has trial components" in message) == ("ValidationException", True)
    code, message = refused(family.delete_trial_component, TrialComponentName="both")
    assert (code, "(left, right)" in message) == ("ValidationException", True)


def test_a_component_leaves_its_trial(sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="leaving")
    sagemaker.create_trial(TrialName="leaving", ExperimentName="leaving")
    sagemaker.create_trial_component(TrialComponentName="leaving")
    for _ in range(2):  # a second time changes nothing
        sagemaker.associate_trial_component(TrialComponentName="leaving", TrialName="leaving")
    sagemaker.disassociate_trial_component(TrialComponentName="leaving", TrialName="leaving")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="is not associated with the trial"):
        sagemaker.disassociate_trial_component(TrialComponentName="leaving", TrialName="leaving")
    sagemaker.delete_trial_component(TrialComponentName="leaving")
    sagemaker.delete_trial(TrialName="leaving")
    assert sagemaker.delete_experiment(ExperimentName="leaving")["ExperimentArn"] == f"{PREFIX}:experiment/leaving"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_experiment(ExperimentName="leaving")


def test_a_trial_that_is_deleted_while_components_come_keeps_none_or_stays(studio: Studio, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="race")
    for number in range(8):
        trial = f"race-{number}"
        sagemaker.create_trial(TrialName=trial, ExperimentName="race")
        sagemaker.create_trial_component(TrialComponentName=trial)

        def outcome(call: Callable[..., Any], **request: Any) -> bool:
            try:
                call(**request)
            except ClientError:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            joined = pool.submit(
                outcome, sagemaker.associate_trial_component, TrialComponentName=trial, TrialName=trial
            )
            deleted = pool.submit(outcome, sagemaker.delete_trial, TrialName=trial)
        assert joined.result() != deleted.result()
        listed = [t["TrialName"] for t in sagemaker.list_trials(TrialComponentName=trial)["TrialSummaries"]]
        assert listed == ([trial] if joined.result() else [])
