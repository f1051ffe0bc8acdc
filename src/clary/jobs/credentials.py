"""A task's credentials: those of its role, fetched from the server while it runs, void when it ends.

A task gets an address and a token of its own (``AWS_CONTAINER_CREDENTIALS_FULL_URI``), as a container on AWS does;
every SDK asks there by itself, and again before the keys expire.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import Mount
from clary.keys import Keys
from clary.rights.rights import Rights
from clary.store.base import Conflict, Record, Store

KIND = "TaskCredentials"
SESSION = "SageMaker"
"""The name of the sessions that jobs are."""
_LIFETIME = 3600  # seconds that a set of keys lasts; SDKs refresh ten minutes before


class TaskCredentials:
    """``tunnel``: the port that answers AWS's own names; ``bundle``: the file with the authority behind it.

    ``doors``: the server's Unix sockets by the ports that they stand for, where jobs are to reach nothing else.
    """

    def __init__(
        self, store: Store, keys: Keys, rights: Rights, tunnel: int, bundle: Path, doors: Mapping[int, Path]
    ) -> None:
        self._store, self._keys, self._rights, self._doors = store, keys, rights, doors
        # A task sees the file at the path that it has here.
        self.mounts = [Mount(bundle, str(bundle))]
        proxy, here = f"http://127.0.0.1:{tunnel}", "localhost,127.0.0.1"
        self._proxy = {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": here, "no_proxy": here}
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            self._proxy[name] = str(bundle)

    def network(self, *, isolated: bool) -> dict[str, Any]:
        """The members of a ``Task`` that say what it reaches. ``isolated``: nothing, as EnableNetworkIsolation asks."""
        if isolated:
            return {"network": False}
        return {"network": False, "doors": self._doors} if self._doors else {"network": True}

    def environment(self, context: Context, role: str, task: Path) -> dict[str, str]:
        """The variables by which a task's SDKs reach this server with the rights of ``role``."""
        identifier, token = _identifier(task), secrets.token_urlsafe(32)
        self.void(task)
        body = {"RoleArn": role, "TokenHash": _hash(token), "Issued": []}
        self._store.create(Record(kind=KIND, name=identifier, body=body))
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{context.url}/_/credentials/{identifier}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
            "AWS_ENDPOINT_URL": context.url,
            "AWS_DEFAULT_REGION": context.region,
            "AWS_REGION": context.region,
            **self._proxy,
        }

    def answer(self, identifier: str, token: str) -> dict[str, str] | None:
        """What a task reads there; None if the token is not its own or the task has ended."""
        record = self._store.get("", KIND, identifier)
        if record is None or not hmac.compare_digest(record.body["TokenHash"], _hash(token)):
            return None
        role = record.body["RoleArn"]
        who = self._rights.of_role(role, SESSION)
        if who is None:  # the role was deleted while the task runs
            return None
        key = self._keys.issue(who, _LIFETIME, SESSION)
        try:
            issued = [*record.body["Issued"][-5:], key.access_key]
            self._store.put(Record(**{**vars(record), "body": {**record.body, "Issued": issued}}))
        except Conflict:  # the task asked twice at once, or ended
            if self._store.get("", KIND, identifier) is None:
                self._keys.void(key.access_key)
                return None
        assert key.expires is not None  # issued keys end
        return {
            "AccessKeyId": key.access_key,
            "SecretAccessKey": key.secret,
            "Token": key.token or "",
            "Expiration": key.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": role,
        }

    def void(self, task: Path) -> None:
        """End the task's credentials, those that it holds included."""
        record = self._store.get("", KIND, _identifier(task))
        if record is None:
            return
        for access_key in record.body["Issued"]:
            self._keys.void(access_key)
        self._store.delete(record)


def _identifier(task: Path) -> str:
    """A task's folder may be named as another job's is, ``algo-1``; the two last names are one task's only."""
    return f"{task.parent.name}.{task.name}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
