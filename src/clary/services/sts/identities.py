"""Who the caller is: GetCallerIdentity, GetAccessKeyInfo."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.services import operation


@operation
def get_caller_identity(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    return {"UserId": context.identity.user_id, "Account": context.account, "Arn": context.identity.arn}


@operation
def get_access_key_info(context: Context, _: dict[str, Any]) -> dict[str, Any]:
    return {"Account": context.account}
