"""Model cards by boto3: versions, and exports that are really in S3."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Studio
from tests.refusals import refused

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
CONTENT = {
    "model_overview": {"model_id": "m-1", "model_name": "Costs", "model_description": "Kosten je Fall (2026): größer"},
    "intended_uses": {"risk_rating": "Low", "purpose_of_model": "to plan " * 40},
    "evaluation_details": [{"name": "test", "metric_groups": [{"name": "regression", "metric_data": []}]}],
    "additional_information": {"ethical_considerations": None, "custom_details": {"ward": "A\\B"}},
}


@pytest.fixture
def card(sagemaker: Any) -> Iterator[str]:
    """A card with three versions, each Approved before the next was made."""
    sagemaker.create_model_card(ModelCardName="Costs", Content=json.dumps(CONTENT), ModelCardStatus="Draft")
    for number in (2, 3):
        sagemaker.update_model_card(ModelCardName="Costs", ModelCardStatus="Approved")
        sagemaker.update_model_card(ModelCardName="Costs", Content=json.dumps({**CONTENT, "number": number}))
        sagemaker.update_model_card(ModelCardName="Costs", ModelCardStatus="PendingReview")
    yield "Costs"
    sagemaker.delete_model_card(ModelCardName="Costs")


def test_a_change_of_the_content_makes_a_version_and_one_of_the_status_does_not(sagemaker: Any, card: str) -> None:
    newest = sagemaker.describe_model_card(ModelCardName=card)
    assert (newest["ModelCardVersion"], newest["ModelCardStatus"]) == (3, "PendingReview")
    assert json.loads(newest["Content"])["number"] == 3
    assert newest["CreatedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:")
    first = sagemaker.describe_model_card(ModelCardName=card, ModelCardVersion=1)
    assert (json.loads(first["Content"]), first["ModelCardStatus"]) == (CONTENT, "Approved")
    assert first["ModelCardArn"] == newest["ModelCardArn"] == f"{PREFIX}:model-card/costs"
    assert sagemaker.describe_model_card(ModelCardName=newest["ModelCardArn"])["ModelCardVersion"] == 3
    for wrong in (0, 4):
        assert (
            refused(sagemaker.describe_model_card, ModelCardName=card, ModelCardVersion=wrong)[0] == "ResourceNotFound"
        )


def test_versions_are_listed_by_number_and_status(sagemaker: Any, card: str) -> None:
    def versions(**request: Any) -> list[int]:
        pages = sagemaker.get_paginator("list_model_card_versions").paginate(
            ModelCardName=card, PaginationConfig={"PageSize": 2}, **request
        )
        return [each["ModelCardVersion"] for page in pages for each in page["ModelCardVersionSummaryList"]]

    assert versions() == [3, 2, 1]
    assert versions(SortBy="Version", SortOrder="Ascending") == [1, 2, 3]
    assert versions(ModelCardStatus="Approved", SortOrder="Ascending") == [1, 2]
    made = sagemaker.list_model_card_versions(ModelCardName=card)["ModelCardVersionSummaryList"]
    assert versions(CreationTimeAfter=made[1]["CreationTime"]) == [3, 2]
    assert refused(sagemaker.list_model_card_versions, ModelCardName="none")[0] == "ResourceNotFound"


def test_metadata_alone_leaves_the_rest_of_the_content_out(sagemaker: Any, card: str) -> None:
    told = sagemaker.describe_model_card(ModelCardName=card, IncludedData="MetadataOnly")
    assert json.loads(told["Content"]) == {
        "model_overview": {"model_id": "m-1", "model_name": "Costs"},
        "intended_uses": {"risk_rating": "Low"},
    }


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Content": "no json"}, "ValidationException"),
        ({"Content": "[1]"}, "ValidationException"),
        ({"Content": "[" * 99_000}, "ValidationException"),
        ({"SecurityConfig": {"KmsKeyId": "alias/mine"}}, "NotImplemented"),
        ({"ModelCardStatus": "Lost"}, "ValidationException"),
    ],
    ids=["text", "list", "deep", "key", "status"],
)
def test_what_is_no_card_is_refused(sagemaker: Any, given: dict[str, Any], code: str) -> None:
    request = {"ModelCardName": "no", "Content": "{}", "ModelCardStatus": "Draft", **given}
    assert refused(sagemaker.create_model_card, **request)[0] == code


def test_content_and_status_are_not_updated_in_one_call(sagemaker: Any, card: str) -> None:
    request = {"ModelCardName": card, "Content": "{}", "ModelCardStatus": "Draft"}
    assert refused(sagemaker.update_model_card, **request)[0] == "ValidationException"


def test_an_export_is_a_pdf_in_s3_that_holds_the_card(sagemaker: Any, studio: Studio, card: str) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="cards")
    request = {"ModelCardName": card, "OutputConfig": {"S3OutputPath": "s3://cards/out/"}}
    arn = sagemaker.create_model_card_export_job(**request, ModelCardVersion=1, ModelCardExportJobName="One")[
        "ModelCardExportJobArn"
    ]
    assert arn == f"{PREFIX}:model-card/costs/export-job/one"
    job = sagemaker.describe_model_card_export_job(ModelCardExportJobArn=arn)
    assert (job["Status"], job["ModelCardVersion"], job["ModelCardName"]) == ("Completed", 1, "Costs")
    uri = job["ExportArtifacts"]["S3ExportArtifacts"]
    assert uri == "s3://cards/out/Costs-1-One.pdf"
    stored = s3.get_object(Bucket="cards", Key="out/Costs-1-One.pdf")
    assert stored["ContentType"] == "application/pdf"
    texts, attached = read_pdf(stored["Body"].read())
    assert json.loads(attached) == CONTENT
    assert "Model card Costs" in texts
    assert "Status: Approved" in texts
    assert "Model description: Kosten je Fall (2026): größer" in texts
    assert "Ward: A\\B" in texts
    assert " ".join(texts).count("to plan") == 40
    sagemaker.create_model_card_export_job(**request, ModelCardExportJobName="Two")
    jobs = sagemaker.list_model_card_export_jobs(ModelCardName=card, SortBy="Name")["ModelCardExportJobSummaries"]
    assert [(each["ModelCardExportJobName"], each["ModelCardVersion"]) for each in jobs] == [("Two", 3), ("One", 1)]
    for wanted in ({"ModelCardVersion": 3}, {"ModelCardExportJobNameContains": "tw"}):
        found = sagemaker.list_model_card_export_jobs(ModelCardName=card, **wanted)["ModelCardExportJobSummaries"]
        assert [each["ModelCardExportJobName"] for each in found] == ["Two"]
    assert not sagemaker.list_model_card_export_jobs(ModelCardName=card, StatusEquals="Failed")[
        "ModelCardExportJobSummaries"
    ]
    assert (
        refused(sagemaker.create_model_card_export_job, **request, ModelCardExportJobName="One")[0]
        == "ConflictException"
    )


def test_an_export_that_cannot_be_is_refused(sagemaker: Any, card: str) -> None:
    request = {"ModelCardName": card, "ModelCardExportJobName": "a", "OutputConfig": {"S3OutputPath": "s3://nowhere/a"}}
    code, text = refused(sagemaker.create_model_card_export_job, **request)
    assert (code, "'nowhere'" in text) == ("ValidationException", True)
    request["ModelCardName"] = "none"
    assert refused(sagemaker.create_model_card_export_job, **request)[0] == "ResourceNotFound"
    arn = f"{PREFIX}:model-card/costs/export-job/a"
    assert refused(sagemaker.describe_model_card_export_job, ModelCardExportJobArn=arn)[0] == "ResourceNotFound"


def read_pdf(data: bytes) -> tuple[list[str], bytes]:
    """The lines that the file shows, and the file that is attached: by its cross-reference table, as readers do."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF", data)[1])  # type: ignore[index]
    offsets = [int(offset) for offset in re.findall(rb"^(\d{10}) 00000 n $", data[start:], re.MULTILINE)]
    texts: list[str] = []
    attached = b""
    for number, offset in enumerate(offsets, 1):
        head = re.match(rb"(\d+) 0 obj\n(.*?)(?:endobj|stream\n)", data[offset:], re.DOTALL)
        assert head is not None
        assert int(head[1]) == number
        if length := re.search(rb"/Length (\d+)", head[2]):
            body = data[offset + head.end() :][: int(length[1])]
            if b"EmbeddedFile" in head[2]:
                attached = zlib.decompress(body)
            else:
                shown = re.findall(rb"\((.*)\) Tj", zlib.decompress(body))
                texts += [re.sub(rb"\\(.)", rb"\1", text).decode("cp1252") for text in shown]
    return texts, attached
