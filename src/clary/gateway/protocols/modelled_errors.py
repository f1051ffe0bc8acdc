"""An error as the service model knows it: its shape, its status, its name in the query protocol."""

from __future__ import annotations

from botocore.model import OperationModel, StructureShape

from clary.errors import ServiceError
from clary.gateway.http import HttpRequest


def shape(operation: OperationModel | None, error: ServiceError) -> StructureShape | None:
    """The modelled shape of an error, found by its name or by the code that its service gives it."""
    if operation is None:
        return None
    for found in operation.service_model.error_shapes:
        if error.code in {found.name, found.metadata.get("error", {}).get("code")}:
            return found
    return None


def status(found: StructureShape | None, error: ServiceError) -> int:
    """The model's status where it states one, else the error's own."""
    if found is not None and "httpStatusCode" in found.metadata.get("error", {}):
        return int(found.metadata["error"]["httpStatusCode"])
    return error.status


def message_member(found: StructureShape | None) -> str:
    """The member that the message lies in; it is spelt either way."""
    return next((m for m in ("Message", "message") if found is not None and m in found.members), "message")


def query_code(found: StructureShape | None, error: ServiceError) -> str:
    return str(found.metadata.get("error", {}).get("code", error.code)) if found is not None else error.code


def query_headers(found: StructureShape | None, error: ServiceError, http: HttpRequest) -> dict[str, str]:
    """What a client of a service that once spoke the query protocol is told by: it knows errors by their old codes."""
    if "x-amzn-query-mode" not in http.headers:
        return {}
    fault = "Sender" if error.status < 500 else "Receiver"
    return {"x-amzn-query-error": f"{query_code(found, error)};{fault}"}
