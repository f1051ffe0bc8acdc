"""Notebook instances by boto3: records that are InService or Stopped as it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio
from tests.refusals import refused

ARN = "arn:aws:sagemaker:us-east-1:000000000000:notebook-instance/desk"


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Iterator[Any]:
    client = studio.client("sagemaker")
    client.create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName="start")
    client.create_code_repository(CodeRepositoryName="notes", GitConfig={"RepositoryUrl": "https://example.org/n.git"})
    yield client
    client.close()


@pytest.fixture
def desk(sagemaker: Any) -> Iterator[dict[str, str]]:
    name = {"NotebookInstanceName": "Desk"}
    sagemaker.create_notebook_instance(
        **name,
        InstanceType="ml.t3.medium",
        RoleArn=jobs.ROLE,
        LifecycleConfigName="start",
        DefaultCodeRepository="notes",
        AdditionalCodeRepositories=["https://example.org/more.git"],
        SecurityGroupIds=["sg-1"],
        SubnetId="subnet-1",
    )
    yield name
    if sagemaker.describe_notebook_instance(**name)["NotebookInstanceStatus"] == "InService":
        sagemaker.stop_notebook_instance(**name)
    sagemaker.delete_notebook_instance(**name)
    sagemaker.get_waiter("notebook_instance_deleted").wait(**name)


def test_it_starts_and_stops_as_asked_and_waiters_see_it(sagemaker: Any, desk: dict[str, str]) -> None:
    sagemaker.get_waiter("notebook_instance_in_service").wait(**desk)
    sagemaker.stop_notebook_instance(**desk)
    sagemaker.get_waiter("notebook_instance_stopped").wait(**desk)
    sagemaker.start_notebook_instance(**desk)
    assert sagemaker.describe_notebook_instance(**desk)["NotebookInstanceStatus"] == "InService"


def test_what_its_status_forbids_is_refused_in_the_words_of_aws(sagemaker: Any, desk: dict[str, str]) -> None:
    running = "Status (InService) not in ([Stopped, Failed]). Unable to transition to ({}) for Notebook Instance ({})"
    for call, aim in (("delete", "Deleting"), ("start", "Pending"), ("update", "Updating")):
        code, text = refused(getattr(sagemaker, f"{call}_notebook_instance"), **desk)
        assert (code, text) == ("ValidationException", running.format(aim, ARN))
    sagemaker.stop_notebook_instance(**desk)
    stopped = f"Status (Stopped) not in ([InService]). Unable to transition to (Stopping) for Notebook Instance ({ARN})"
    assert refused(sagemaker.stop_notebook_instance, **desk) == ("ValidationException", stopped)


def test_it_tells_what_it_was_given_and_what_was_taken_away(sagemaker: Any, desk: dict[str, str]) -> None:
    told = sagemaker.describe_notebook_instance(**desk)
    assert told["NotebookInstanceLifecycleConfigName"] == "start"
    assert told["SecurityGroups"] == ["sg-1"]
    assert (told["DirectInternetAccess"], told["RootAccess"], told["VolumeSizeInGB"]) == ("Enabled", "Enabled", 5)
    assert "Url" not in told  # there is none to open yet
    sagemaker.stop_notebook_instance(**desk)
    sagemaker.update_notebook_instance(
        **desk,
        DisassociateLifecycleConfig=True,
        DisassociateDefaultCodeRepository=True,
        DisassociateAdditionalCodeRepositories=True,
        VolumeSizeInGB=20,
    )
    told = sagemaker.describe_notebook_instance(**desk)
    assert told["VolumeSizeInGB"] == 20
    gone = {"NotebookInstanceLifecycleConfigName", "DefaultCodeRepository", "AdditionalCodeRepositories"}
    assert not gone & told.keys()


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "ValidationException", "Could not assume role"),
        ({"LifecycleConfigName": "none"}, "ValidationException", "Lifecycle Config does not exist"),
        ({"DefaultCodeRepository": "none"}, "ValidationException", "Cannot find CodeRepository"),
        ({"KmsKeyId": "alias/mine"}, "NotImplemented", "KmsKeyId is not served yet"),
        ({"AcceleratorTypes": ["ml.eia1.medium"]}, "NotImplemented", "AcceleratorTypes is not served yet"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_had_is_refused_by_name(sagemaker: Any, given: dict[str, Any], code: str, words: str) -> None:
    request = {"NotebookInstanceName": "no", "InstanceType": "ml.t3.medium", "RoleArn": jobs.ROLE, **given}
    told, text = refused(sagemaker.create_notebook_instance, **request)
    assert (told, words in text) == (code, True)


def test_lists_know_its_own_filters(sagemaker: Any, desk: dict[str, str]) -> None:
    for name in ("a-stopped", "b-stopped"):
        sagemaker.create_notebook_instance(NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=jobs.ROLE)
        sagemaker.stop_notebook_instance(NotebookInstanceName=name)

    def names(**request: Any) -> list[str]:
        listed = sagemaker.list_notebook_instances(**request)["NotebookInstances"]
        return [instance["NotebookInstanceName"] for instance in listed]

    assert names() == ["Desk", "a-stopped", "b-stopped"]
    assert names(StatusEquals="Stopped", SortOrder="Descending") == ["b-stopped", "a-stopped"]
    assert names(SortBy="Status") == ["Desk", "a-stopped", "b-stopped"]
    assert names(NotebookInstanceLifecycleConfigNameContains="sta") == ["Desk"]
    assert names(DefaultCodeRepositoryContains="note") == ["Desk"]
    assert names(AdditionalCodeRepositoryEquals="https://example.org/more.git") == ["Desk"]
    assert names(AdditionalCodeRepositoryEquals="notes") == []
    for name in ("a-stopped", "b-stopped"):
        sagemaker.delete_notebook_instance(NotebookInstanceName=name)


def test_its_address_is_not_served_yet(sagemaker: Any, desk: dict[str, str]) -> None:
    code, text = refused(sagemaker.create_presigned_notebook_instance_url, **desk)
    assert (code, "CreatePresignedNotebookInstanceUrl" in text) == ("NotImplemented", True)
