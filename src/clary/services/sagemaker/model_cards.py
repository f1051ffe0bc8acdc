"""Model cards and their versions: create, describe, list, update, delete. Their export is in ``model_card_export_jobs``.

The record of a card is its newest version; those before lie beside it, as ``ModelCardVersion``. A change of the
content makes a new version, a change of the status does not.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ConflictException, ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import Kind, delete_all, refuse, refuse_used
from clary.store.base import Conflict, Record

MODEL_CARDS = Kind(
    name="ModelCard",
    type="model-card",
    missing=(ResourceNotFound, "Modelcard {name} does not exist."),
    taken=(ConflictException, "Modelcard {name} already exists"),
)
_EARLIER = "ModelCardVersion"

# What DescribeModelCard tells of the content where only its metadata is asked for.
_METADATA = {
    "model_overview": ("model_id", "model_name"),
    "intended_uses": ("risk_rating",),
    "model_package_details": ("model_package_group_name", "model_package_arn"),
}


@operation
def create_model_card(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request.get("SecurityConfig", {}), "CreateModelCard", {"KmsKeyId": "encrypt the data folder's disk"})
    body = {**request, "ModelCardVersion": 1, "_made": context.now(), **_searched(request["Content"])}
    return {"ModelCardArn": MODEL_CARDS.create(context, request["ModelCardName"], body).arn}


@operation
def describe_model_card(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    body = find_version(context, request["ModelCardName"], request.get("ModelCardVersion")).body
    if request.get("IncludedData") == "MetadataOnly":
        return {**body, "Content": _metadata(body["Content"])}
    return body


@operation
def list_model_cards(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = MODEL_CARDS.page(context, request, filters={"ModelCardStatus": ("ModelCardStatus", "=")})
    return {"ModelCardSummaries": [card.body for card in shown], **more}


@operation
def list_model_card_versions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    card = MODEL_CARDS.find(context, request["ModelCardName"])
    versions = [*_earlier(context, card), card]
    wanted = [{**each.body, "CreationTime": each.body["_made"]} for each in versions if _matches(each, request)]
    descending = request.get("SortOrder", "Descending") == "Descending"
    shown, more = resources.page_of(wanted, _order, request, descending=descending)
    return {"ModelCardVersionSummaryList": shown, **more}


@operation
def update_model_card(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if "Content" in request and "ModelCardStatus" in request:
        raise ValidationException("Content and ModelCardStatus cannot be updated in one call: make two.")
    searched = _searched(request["Content"]) if "Content" in request else {}

    def edit(card: Record) -> Record:
        if "Content" not in request:
            return MODEL_CARDS.edited(context, card, resources.given(request, "ModelCardStatus"))
        _keep(context, card)
        version = {"ModelCardVersion": card.body["ModelCardVersion"] + 1, "_made": context.now()}
        return MODEL_CARDS.edited(context, card, {"Content": request["Content"], **version, **searched})

    return {"ModelCardArn": MODEL_CARDS.change(context, request["ModelCardName"], edit).arn}


@operation
def delete_model_card(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """With its versions and its export jobs; what those exported stays in S3."""
    name = MODEL_CARDS.find(context, request["ModelCardName"]).name
    for kind in ("ModelCardExportJob", _EARLIER):
        delete_all(context, (kind, "name", "starts", f"{name}/"))
    MODEL_CARDS.delete(
        context, name, lambda card: refuse_used(context, card, ("ModelCardExportJob", "name", "starts", f"{name}/"))
    )
    return {}


def find_version(context: Context, name: str, version: int | None) -> Record:
    """The card as it is in that version, the newest without one; ``ResourceNotFound``."""
    card = MODEL_CARDS.find(context, name)
    if version is None or version == card.body["ModelCardVersion"]:
        return card
    record = context.store.get(context.region, _EARLIER, _name(card.name, version))
    if record is None or version > card.body["ModelCardVersion"]:
        raise ResourceNotFound(f"Modelcard {card.name} has no version {version}.")
    return record


def read_content(content: str) -> dict[str, Any]:
    """The sections of a card; ``ValidationException`` if they are no JSON object."""
    try:
        sections = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValidationException(f"The model card's Content is not JSON: {error}") from None
    if not isinstance(sections, dict):
        raise ValidationException("The model card's Content must be a JSON object of the model card schema.")
    return sections


def _searched(content: str) -> dict[str, str | None]:
    """What Search tells of a card beside its own members; ``ValidationException`` if the content is not JSON."""
    sections = read_content(content)

    def text(section: str, name: str) -> str | None:
        members = sections.get(section)
        value = members.get(name) if isinstance(members, dict) else None
        return value if isinstance(value, str) else None

    return {
        "ModelId": text("model_overview", "model_id"),
        "RiskRating": text("intended_uses", "risk_rating"),
        "ModelPackageGroupName": text("model_package_details", "model_package_group_name"),
    }


def _metadata(content: str) -> str:
    sections = read_content(content)
    kept = {
        section: {name: sections[section][name] for name in names if name in sections[section]}
        for section, names in _METADATA.items()
        if isinstance(sections.get(section), dict)
    }
    return json.dumps({section: members for section, members in kept.items() if members})


def _keep(context: Context, card: Record) -> None:
    """Lay the card aside as it is, before it becomes the next version.

    A crash between the two leaves a copy of the newest version, which nothing tells and the next try writes over.
    """
    name = _name(card.name, card.body["ModelCardVersion"])
    copy = replace(card, kind=_EARLIER, name=name, arn="")
    try:
        context.store.create(copy)
    except Conflict:
        present = context.store.get(context.region, _EARLIER, name)
        if present is not None:
            context.store.put(replace(copy, version=present.version))


def _earlier(context: Context, card: Record) -> list[Record]:
    newest = card.body["ModelCardVersion"]
    kept = resources.matching(context, _EARLIER, ("name", "starts", f"{card.name}/"))
    return [version for version in kept if version.body["ModelCardVersion"] < newest]


def _matches(version: Record, request: dict[str, Any]) -> bool:
    made, status = datetime.fromisoformat(version.body["_made"]), version.body["ModelCardStatus"]
    since, until = request.get("CreationTimeAfter", made), request.get("CreationTimeBefore", made)
    return bool(request.get("ModelCardStatus", status) == status and since <= made <= until)


def _order(body: dict[str, Any]) -> str:
    return f"{body['ModelCardVersion']:09d}"


def _name(card: str, version: int) -> str:
    return f"{card}/{version:09d}"
