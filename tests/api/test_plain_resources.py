"""What all plain resources of SageMaker do alike: create, describe, list, update, tag, delete; once, page by page, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
CONTAINER = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/model.tar.gz"}
VARIANT = {"VariantName": "V", "ModelName": "base", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
TRAINING = {
    "TrainingImage": jobs.IMAGE,
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "TrainingChannels": [{"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}],
}


@dataclass(frozen=True)
class Case:
    """One kind: how it is made, what changes it, how it is listed and refused. ``{name}`` and ``{arn}`` in the words."""

    noun: str  # of its operations: create_<noun>
    name: str  # the member that holds its name
    arn: str  # after the prefix
    list: str  # the operation
    members: dict[str, Any]
    missing: tuple[str, str]
    taken: tuple[str, str]
    own: dict[str, Any] = field(default_factory=dict)  # members that Describe tells otherwise, and does not check
    update: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # what Describe says after the update
    status: tuple[str, str] = ("", "")
    contains: str = "NameContains"
    in_domain: bool = False
    stop: bool = False  # before it may be deleted

    def __str__(self) -> str:
        return self.noun


VALIDATION, MISSING, IN_USE = "ValidationException", "ResourceNotFound", "ResourceInUse"
CONFIG = "Notebook Instance Lifecycle Config"
CASES = [
    Case(
        "code_repository",
        "CodeRepositoryName",
        "code-repository/{name}",
        "list_code_repositories",
        {"GitConfig": {"RepositoryUrl": "https://example.org/a.git", "Branch": "main"}},
        (VALIDATION, 'Cannot find CodeRepository: "{arn}"'),
        (VALIDATION, 'Cannot create a duplicate CodeRepository: "{arn}"'),
        update={"GitConfig": {"SecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:a"}},
        told={
            "GitConfig": {
                "RepositoryUrl": "https://example.org/a.git",
                "Branch": "main",
                "SecretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:a",
            }
        },
    ),
    Case(
        "app_image_config",
        "AppImageConfigName",
        "app-image-config/{name}",
        "list_app_image_configs",
        {"KernelGatewayImageConfig": {"KernelSpecs": [{"Name": "python3"}]}},
        (MISSING, "The AppImageConfig {name} does not exist. Please provide a valid AppImageConfigName."),
        (IN_USE, "The ID or Name specified is already in use."),
        update={"JupyterLabAppImageConfig": {"ContainerConfig": {"ContainerArguments": ["a"]}}},
        told={"JupyterLabAppImageConfig": {"ContainerConfig": {"ContainerArguments": ["a"]}}},
    ),
    Case(
        "notebook_instance_lifecycle_config",
        "NotebookInstanceLifecycleConfigName",
        "notebook-instance-lifecycle-config/{name}",
        "list_notebook_instance_lifecycle_configs",
        {"OnCreate": [{"Content": "ZWNobyBhCg=="}]},
        (VALIDATION, f"Unable to describe {CONFIG} '{{arn}}'. (Details: {CONFIG} does not exist.)"),
        (VALIDATION, f"Unable to create {CONFIG} {{arn}}. (Details: {CONFIG} already exists.)"),
        update={"OnStart": [{"Content": "ZWNobyBiCg=="}]},
        told={"OnStart": [{"Content": "ZWNobyBiCg=="}], "OnCreate": [{"Content": "ZWNobyBhCg=="}]},
    ),
    Case(
        "studio_lifecycle_config",
        "StudioLifecycleConfigName",
        "studio-lifecycle-config/{name}",
        "list_studio_lifecycle_configs",
        {"StudioLifecycleConfigContent": "ZWNobyBhCg==", "StudioLifecycleConfigAppType": "JupyterLab"},
        (MISSING, "The StudioLifecycleConfig {arn} does not exist."),
        (IN_USE, "The StudioLifecycleConfig {arn} already exists."),
    ),
    Case(
        "algorithm",
        "AlgorithmName",
        "algorithm/{name}",
        "list_algorithms",
        {"TrainingSpecification": TRAINING, "AlgorithmDescription": "adds"},
        (VALIDATION, "Algorithm {arn} does not exist."),
        (VALIDATION, "Algorithm already exists: {arn}"),
        status=("AlgorithmStatus", "Completed"),
    ),
    Case(
        "image",
        "ImageName",
        "image/{name}",
        "list_images",
        {"RoleArn": jobs.ROLE, "DisplayName": "mine", "Description": "of my own"},
        (MISSING, "The Image with ImageName {name} does not exist. Please provide a valid ImageName."),
        (IN_USE, "The Image with ImageName {name} already exists. Please use a different ImageName."),
        update={"DisplayName": "ours"},
        told={"DisplayName": "ours", "Description": "of my own"},
        status=("ImageStatus", "CREATED"),
    ),
    Case(
        "notebook_instance",
        "NotebookInstanceName",
        "notebook-instance/{name}",
        "list_notebook_instances",
        {"InstanceType": "ml.t3.medium", "RoleArn": jobs.ROLE},
        (VALIDATION, "RecordNotFound"),
        (VALIDATION, "Cannot create a duplicate Notebook Instance ({arn})"),
        update={"InstanceType": "ml.m5.xlarge"},
        told={"InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5},
        status=("NotebookInstanceStatus", "InService"),
        stop=True,
    ),
    Case(
        "model_card",
        "ModelCardName",
        "model-card/{name}",
        "list_model_cards",
        {"Content": '{"model_overview": {"model_name": "m"}}', "ModelCardStatus": "Draft"},
        (MISSING, "Modelcard {name} does not exist."),
        ("ConflictException", "Modelcard {name} already exists"),
        update={"ModelCardStatus": "Approved"},
        told={"ModelCardStatus": "Approved", "ModelCardVersion": 1},
    ),
    Case(
        "hub",
        "HubName",
        "hub/{name}",
        "list_hubs",
        {"HubDescription": "models of the house", "HubSearchKeywords": ["a"]},
        (MISSING, "Hub {name} does not exist."),
        (IN_USE, "Hub {name} already exists. Choose a different name."),
        update={"HubDisplayName": "House"},
        told={"HubDisplayName": "House", "HubDescription": "models of the house"},
        status=("HubStatus", "InService"),
    ),
    Case(
        "user_profile",
        "UserProfileName",
        "user-profile/{domain}/{name}",
        "list_user_profiles",
        {"UserSettings": {"ExecutionRole": jobs.ROLE}},
        (MISSING, "The UserProfile [{arn}] does not exist."),
        (IN_USE, "The UserProfile [{arn}] exists already."),
        update={"UserSettings": {"DefaultLandingUri": "studio::"}},
        told={"UserSettings": {"ExecutionRole": jobs.ROLE, "DefaultLandingUri": "studio::"}},
        status=("Status", "InService"),
        contains="UserProfileNameContains",
        in_domain=True,
    ),
    Case(
        "space",
        "SpaceName",
        "space/{domain}/{name}",
        "list_spaces",
        {"SpaceSettings": {"AppType": "JupyterLab"}},
        (MISSING, "RecordNotFound: the Space [{arn}] does not exist."),
        (IN_USE, "The Space [{arn}] exists already."),
        update={"SpaceDisplayName": "ours"},
        told={"SpaceDisplayName": "ours", "SpaceSettings": {"AppType": "JupyterLab"}},
        status=("Status", "InService"),
        contains="SpaceNameContains",
        in_domain=True,
    ),
    Case(
        "app",
        "AppName",
        "app/{domain}/owner/jupyterlab/{name}",
        "list_apps",
        {"UserProfileName": "owner", "AppType": "JupyterLab"},
        (MISSING, "RecordNotFound: the App [{arn}] does not exist."),
        (IN_USE, "The App [{arn}] exists already."),
        status=("Status", "InService"),
        contains="",
        in_domain=True,
    ),
    Case(
        "model",
        "ModelName",
        "model/{name}",
        "list_models",
        {"ExecutionRoleArn": jobs.ROLE, "PrimaryContainer": CONTAINER},
        (VALIDATION, 'Could not find model "{arn}".'),
        (VALIDATION, 'Cannot create already existing model "{arn}".'),
        own={"PrimaryContainer": CONTAINER},
    ),
    Case(
        "endpoint_config",
        "EndpointConfigName",
        "endpoint-config/{name}",
        "list_endpoint_configs",
        {"ProductionVariants": [VARIANT]},
        (VALIDATION, 'Could not find endpoint configuration "{arn}".'),
        (VALIDATION, 'Cannot create already existing endpoint configuration "{arn}".'),
        own={"ProductionVariants": [VARIANT]},
    ),
]
ALL = pytest.mark.parametrize("case", CASES, ids=str)


class Made:
    """A case's operations on one client, in one domain."""

    def __init__(self, client: Any, case: Case, domain: str) -> None:
        self.client, self.case, self.domain = client, case, domain

    def key(self, name: str) -> dict[str, Any]:
        known = {member: self.case.members[member] for member in ("UserProfileName", "AppType")} if self.is_app else {}
        return {self.case.name: name, **known, **({"DomainId": self.domain} if self.case.in_domain else {})}

    @property
    def is_app(self) -> bool:
        return self.case.noun == "app"

    def arn(self, name: str) -> str:
        lower = name if self.case.noun == "hub" else name.lower()
        return f"{PREFIX}:{self.case.arn.format(name=lower, domain=self.domain)}"

    def words(self, text: str, name: str) -> str:
        of_domain = f"{self.domain}/" if self.case.in_domain else ""
        return text.format(name=of_domain + name, arn=self.arn(name))

    def create(self, name: str, **more: Any) -> dict[str, Any]:
        call = getattr(self.client, f"create_{self.case.noun}")
        answer: dict[str, Any] = call(**{**self.key(name), **self.case.members, **more})
        return answer

    def call(self, verb: str, name: str, **more: Any) -> Any:
        return getattr(self.client, f"{verb}_{self.case.noun}")(**self.key(name), **more)

    def delete(self, name: str) -> None:
        if self.case.stop and self.call("describe", name)["NotebookInstanceStatus"] != "Stopped":
            self.call("stop", name)
        self.call("delete", name)

    def names(self, **request: Any) -> list[str]:
        """On all pages of two."""
        found, shape = [], self.client.meta.service_model.operation_model(self.operation).input_shape
        scope = {"DomainIdEquals": self.domain} if self.case.in_domain else {}
        while True:
            answer = getattr(self.client, self.case.list)(MaxResults=2, **scope, **request)
            (page,) = [value for value in answer.values() if isinstance(value, list)]
            found += [each[self.case.name] for each in page]
            if "NextToken" not in answer:
                assert shape is not None
                return found
            assert len(page) == 2
            request["NextToken"] = answer["NextToken"]

    @property
    def operation(self) -> str:
        return str(self.client.meta.method_to_api_mapping[self.case.list])


@pytest.fixture(scope="module")
def prepared(studio: Studio) -> Iterator[tuple[Any, str]]:
    """A client, and a domain with a user profile that owns apps."""
    client = studio.client("sagemaker")
    domain = client.create_domain(
        DomainName="house", AuthMode="IAM", DefaultUserSettings={"ExecutionRole": jobs.ROLE}, SubnetIds=["subnet-1"]
    )["DomainId"]
    client.create_user_profile(DomainId=domain, UserProfileName="owner")
    client.create_model(ModelName="base", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=CONTAINER)
    yield client, domain
    client.close()


@pytest.fixture
def made(prepared: tuple[Any, str], case: Case) -> Made:
    return Made(prepared[0], case, prepared[1])


@ALL
def test_it_is_described_as_it_was_made(made: Made, case: Case) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert made.arn("Described-1") in made.create("Described-1").values()
    told = made.call("describe", "Described-1")
    assert made.arn("Described-1") in told.values()
    assert told[case.name] == "Described-1"
    expected = {**case.members, "Content": case.members.get("Content")}
    for member, value in expected.items():
        if member not in case.own and value is not None:
            assert told[member] == value, member
    assert before <= told["CreationTime"] <= datetime.now(UTC)
    assert told.get("LastModifiedTime", told["CreationTime"]) == told["CreationTime"]
    if case.status[0]:
        assert told[case.status[0]] == case.status[1]
    made.delete("Described-1")


@ALL
def test_a_missing_one_is_told_in_its_own_words(made: Made, case: Case) -> None:
    code, words = case.missing
    assert refused(made.call, verb="describe", name="nobody") == (code, made.words(words, "nobody"))
    assert refused(made.call, verb="delete", name="nobody") == (code, made.words(words, "nobody"))
    if case.update:
        assert refused(made.call, verb="update", name="nobody", **case.update) == (code, made.words(words, "nobody"))


@ALL
def test_a_name_is_taken_once_in_any_case(made: Made, case: Case) -> None:
    made.create("Taken")
    code, words = case.taken
    assert refused(made.create, name="Taken") == (code, made.words(words, "Taken"))
    assert refused(made.create, name="tAKEN") == (code, made.words(words, "tAKEN"))
    made.delete("Taken")
    made.create("Taken")
    made.delete("Taken")


@ALL
def test_a_name_that_the_model_forbids_is_refused(made: Made, case: Case) -> None:
    code, text = refused(made.create, name="no_t/a name")
    assert code == "ValidationException"
    assert f"at '{case.name[0].lower()}{case.name[1:]}' failed to satisfy constraint" in text


@pytest.mark.parametrize("case", [case for case in CASES if case.update], ids=str)
def test_an_update_sets_what_it_names_and_nothing_else(made: Made, case: Case) -> None:
    made.create("Updated")
    if case.stop:
        made.call("stop", "Updated")
    first = made.call("describe", "Updated")
    made.call("update", "Updated", **case.update)
    told = made.call("describe", "Updated")
    for member, value in case.told.items():
        assert told[member] == value
    assert told["LastModifiedTime"] > first["CreationTime"] == told["CreationTime"]
    made.delete("Updated")


@ALL
def test_tags_are_given_at_creation_and_by_arn(made: Made, case: Case) -> None:
    tags, arn = [{"Key": "team", "Value": "a"}], made.arn("Tagged")
    made.create("Tagged", Tags=tags)
    client = made.client
    before = made.call("describe", "Tagged")
    assert client.list_tags(ResourceArn=arn)["Tags"] == tags
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "year", "Value": "26"}, {"Key": "team", "Value": "b"}])
    wanted = [{"Key": "team", "Value": "b"}, {"Key": "year", "Value": "26"}]
    assert client.list_tags(ResourceArn=arn)["Tags"] == wanted
    client.delete_tags(ResourceArn=arn, TagKeys=["team", "never"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == wanted[1:]
    after = made.call("describe", "Tagged")
    assert without_metadata(after) == without_metadata(before)
    made.delete("Tagged")
    assert refused(client.list_tags, ResourceArn=arn)[0] == "ValidationException"
    code, text = refused(made.create, name="Tagged", Tags=[{"Key": "aws:x", "Value": "1"}])
    assert (code, "reserved" in text) == ("ValidationException", True)


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


@ALL
def test_lists_are_filtered_sorted_and_paged(made: Made, case: Case) -> None:
    prefix = case.noun.replace("_", "-")[:20].strip("-")
    names = [f"{prefix}-{name}" for name in ("c", "A", "e", "b", "D")]
    times = {}
    for name in names:
        made.create(name)
        times[name] = made.call("describe", name)["CreationTime"]
    shape = made.client.meta.service_model.operation_model(made.operation).input_shape.members
    scope: dict[str, Any] = {case.contains: prefix.upper()} if case.contains else {}
    by_time = sort_of("CreationTime", shape)
    for descending in (False, True):
        order = order_of(descending, shape)
        expected = names[::-1] if descending else names
        assert made.names(**scope, **by_time, **order) == expected
        if by_name := sort_of("Name", shape, case.name):
            assert made.names(**scope, **by_name, **order) == sorted(names, reverse=descending)
        if by_change := sort_of("LastModifiedTime", shape):
            assert made.names(**scope, **by_change, **order) == expected
    if "CreationTimeAfter" in shape:
        since = {**scope, **by_time, **order_of(False, shape), "CreationTimeAfter": times[names[1]]}
        assert made.names(**since) == names[1:]
        assert made.names(**since, CreationTimeBefore=times[names[3]]) == names[1:4]
    for changed in ("LastModifiedTime", "ModifiedTime"):
        if f"{changed}Before" in shape:
            until = {f"{changed}Before": times[names[2]]}
            assert set(made.names(**scope, **until)) == set(names[:3])
    if case.contains:
        assert made.names(**{case.contains: f"{prefix}-a"}) == [names[1]]
    if "StatusEquals" in shape:
        assert len(made.names(**scope, StatusEquals="InService")) == 5
        assert made.names(**scope, StatusEquals="Failed") == []
    for name in names:
        made.delete(name)
    assert not set(made.names()) & set(names)


def sort_of(field: str, shape: Any, name: str = "") -> dict[str, str]:
    """SortBy for a field in the form that the operation has; empty where it has none for it."""
    forms = {field.upper(), field, name, "HubName"} if field == "Name" else {field}
    forms |= {"CREATION_TIME"} if field == "CreationTime" else set()
    forms |= {"LAST_MODIFIED_TIME"} if field == "LastModifiedTime" else set()
    forms |= {"IMAGE_NAME"} if field == "Name" else set()
    return next(({"SortBy": value} for value in shape["SortBy"].metadata["enum"] if value in forms), {})


def order_of(descending: bool, shape: Any) -> dict[str, str]:
    forms = shape["SortOrder"].metadata["enum"]
    return {"SortOrder": next(form for form in forms if form.lower().startswith("desc" if descending else "asc"))}


@ALL
def test_every_order_and_filter_that_the_model_has_is_served(made: Made, case: Case) -> None:
    shape = made.client.meta.service_model.operation_model(made.operation).input_shape
    call: Callable[..., Any] = getattr(made.client, case.list)
    for member, each in shape.members.items():
        if member in {"NextToken", "MaxResults"}:
            continue
        text = made.domain if member == "DomainIdEquals" else "a"
        sample = datetime.now(UTC) if each.type_name == "timestamp" else text
        for value in each.metadata.get("enum") or [sample]:
            call(**{member: value})
