"""Export jobs of model cards: create, describe, list. The card becomes a PDF in S3, its content attached as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clary.context import Context
from clary.errors import ConflictException, ResourceNotFound, ValidationException
from clary.formats import pdf
from clary.formats.pdf import Paragraph
from clary.services import operation, resources
from clary.services.sagemaker import named_buckets
from clary.services.sagemaker.kinds import Kind
from clary.services.sagemaker.model_cards import MODEL_CARDS, find_version, read_content
from clary.store.base import Condition, Record

EXPORT_JOBS = Kind(
    name="ModelCardExportJob",
    type="model-card",
    status="Status",
    missing=(ResourceNotFound, "Modelcard export job {arn} does not exist."),
    taken=(ConflictException, "Modelcard export job {arn} already exists"),
)
_FILTERS: resources.Filters = {
    "ModelCardVersion": ("ModelCardVersion", "="),
    "ModelCardExportJobNameContains": ("ModelCardExportJobName", "contains"),
}
_INDENT = 14  # points a level


@operation
def create_model_card_export_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """The PDF is written before the job is told: a job that is there is Completed."""
    card = find_version(context, request["ModelCardName"], request.get("ModelCardVersion"))
    parent, job = card.body["ModelCardName"], request["ModelCardExportJobName"]
    name, arn = f"{parent}/{job}", EXPORT_JOBS.arn(context, f"{parent}/export-job/{job}")
    if context.store.find(arn) is not None:
        raise ConflictException(f"Modelcard export job {arn} already exists")
    target = request["OutputConfig"]["S3OutputPath"]
    named_buckets.require(context, target, f"The S3OutputPath {target}")
    version, now = card.body["ModelCardVersion"], context.now()
    uri = f"{target.rstrip('/')}/{parent}-{version}-{job}.pdf"
    context.own_buckets.put_bytes(uri, _document(card), content_type="application/pdf")
    body = {
        **request,
        "ModelCardName": parent,
        "ModelCardVersion": version,
        "ExportArtifacts": {"S3ExportArtifacts": uri},
        "CreatedAt": now,
        "LastModifiedAt": now,
    }
    EXPORT_JOBS.create(context, name, body, status="Completed", arn=arn, parent=(MODEL_CARDS, parent))
    return {"ModelCardExportJobArn": arn}


@operation
def describe_model_card_export_job(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return EXPORT_JOBS.find(context, request["ModelCardExportJobArn"]).body


@operation
def list_model_card_export_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    of_card = Condition("name", "starts", f"{request['ModelCardName']}/")
    shown, more = EXPORT_JOBS.page(context, request, where=[of_card], filters=_FILTERS)
    return {"ModelCardExportJobSummaries": [job.body for job in shown], **more}


def _document(card: Record) -> bytes:
    body, content = card.body, card.body["Content"]
    title = f"Model card {body['ModelCardName']}"
    facts = {"Version": body["ModelCardVersion"], "Status": body["ModelCardStatus"], "Created": body["_made"]}
    try:
        told = [*_told(facts, 0), *_told(read_content(content), 0)]
    except RecursionError:
        raise ValidationException("The model card's Content is nested too deeply to be exported.") from None
    paragraphs = [
        Paragraph(title, 20, bold=True),
        *told,
        Paragraph("The content as it was given is attached to this file: content.json", 8),
    ]
    return pdf.write(title, paragraphs, {"content.json": content.encode()})


def _told(value: Any, level: int) -> Iterator[Paragraph]:
    """A member of the content as paragraphs: sections have a heading, what lies in them is indented."""
    match value:
        case dict():
            for name, member in value.items():
                label = name.replace("_", " ").capitalize()
                if isinstance(member, dict | list) and member:
                    yield Paragraph(label, max(14 - 2 * level, 10), bold=True, indent=_INDENT * min(level, 8))
                    yield from _told(member, level + 1)
                else:
                    yield Paragraph(f"{label}: {_plain(member)}", indent=_INDENT * min(level, 8))
        case list():
            for member in value:
                yield from _told(member, level)
        case _:
            yield Paragraph(f"- {_plain(value)}", indent=_INDENT * min(level, 8))


def _plain(value: Any) -> str:
    return "-" if value in (None, "", [], {}) else str(value)
