"""Access keys: who holds which, until when.

A key is a record of kind ``AccessKey``: ``{SecretAccessKey, Arn, UserId}`` and for a temporary one ``{SessionToken,
Expires, SessionName}``. The owner's key also lies in ``keys.json``, which only the owner can read; that file is the
truth, so deleting it and starting again gives new keys and makes the old ones void.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import string
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clary.store.base import Conflict, Record, Store

KIND = "AccessKey"
FIRST_ROLE = "ClaryExecutionRole"
FIRST_ROLE_ARN = f"arn:aws:iam::000000000000:role/service-role/{FIRST_ROLE}"
"""The role that is always there; clary.services.iam.roles makes it."""
FIRST_ROLE_ID = "AROACLARYEXECUTIONROL"  # 21 characters, as all of IAM's ids
OWNER_ARN = f"arn:aws:sts::000000000000:assumed-role/{FIRST_ROLE}/owner"
"""Who the owner's key is. An assumed role, so that SDKs that ask for "the role I run as" find one."""

_REMEMBERED = 1024  # keys held in memory at most
_KEPT = timedelta(days=1)  # how long an expired key is told from an unknown one
_SWEEP = 64  # one in so many new keys looks for old ones to forget: no timer, and no scan at every key
_BASE32 = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Key:
    """``token`` and ``expires`` are those of a temporary key. An expired key still is one: whoever asks must look."""

    access_key: str
    secret: str
    arn: str
    user_id: str
    token: str | None = None
    expires: datetime | None = None


class Keys:
    """The keys in a store. Reads come from memory; a listener of the store keeps that true."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Key] = {}
        self._changes = 0  # counted so that a read that a change overtook is not remembered
        self._lock = threading.Lock()
        store.subscribe(self._forget)

    def find(self, access_key: str) -> Key | None:
        """The key of this id, expired or not; None if there is none."""
        if (known := self._known.get(access_key)) is not None:
            return known
        before = self._changes
        record = self._store.get("", KIND, access_key)
        if record is None:
            return None
        key = _key(record)
        with self._lock:
            if self._changes == before:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[access_key] = key
        return key

    def issue(self, arn: str, user_id: str, seconds: int, session_name: str) -> Key:
        """See the function ``issue``."""
        return issue(self._store, arn, user_id, seconds, session_name)

    def void(self, access_key: str) -> None:
        """End a key; nothing happens if it has ended already."""
        _void(self._store, access_key)

    def owner(self, data_folder: Path) -> Key:
        """The owner's key, made at the first start; ``keys.json`` says which it is."""
        file = data_folder / "keys.json"
        key = _read(file)
        if key is None:
            key = Key(new_id("AKIA"), _secret(), OWNER_ARN, f"{FIRST_ROLE_ID}:owner")
            _write(file, key)
        file.chmod(0o600)
        for record in list(self._store.scan("", KIND, status="Owner")):
            if record.name != key.access_key:
                self.void(record.name)
        _sweep(self._store)
        record = Record(kind=KIND, name=key.access_key, body=_body(key), status="Owner")
        while True:
            present = self._store.get(*record.key)
            if present is not None and present.body == record.body:
                return key
            with contextlib.suppress(Conflict):
                if present is None:
                    self._store.create(record)
                else:
                    self._store.put(replace(present, body=record.body, status="Owner"))

    def _forget(self, record: Record) -> None:
        if record.kind == KIND:
            with self._lock:
                self._changes += 1
                self._known.pop(record.name, None)


def issue(store: Store, arn: str, user_id: str, seconds: int, session_name: str) -> Key:
    """A temporary key of this principal that works for so many seconds."""
    if secrets.randbelow(_SWEEP) == 0:
        _sweep(store)
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    key = Key(new_id("ASIA"), _secret(), arn, user_id, secrets.token_urlsafe(192), expires)
    body = {**_body(key), "SessionToken": key.token, "Expires": expires.isoformat(), "SessionName": session_name}
    store.create(Record(kind=KIND, name=key.access_key, body=body))
    return key


def new_id(prefix: str) -> str:
    """An id as IAM's are: four letters that say of what, then 16 (of a key) or 17 of base 32."""
    length = 16 if prefix in {"AKIA", "ASIA"} else 17
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(length))


def _void(store: Store, access_key: str) -> None:
    while (record := store.get("", KIND, access_key)) is not None:
        with contextlib.suppress(Conflict):
            store.delete(record)


def _sweep(store: Store) -> None:
    long_ago = datetime.now(UTC) - _KEPT
    for record in list(store.scan("", KIND)):
        expires = _key(record).expires
        if expires is not None and expires < long_ago:
            _void(store, record.name)


def _secret() -> str:
    # 40 characters as AWS's, but letters and digits only: "/" and "+" need care in URLs and configuration files.
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def _body(key: Key) -> dict[str, Any]:
    return {"SecretAccessKey": key.secret, "Arn": key.arn, "UserId": key.user_id}


def _key(record: Record) -> Key:
    body = record.body
    expires = body.get("Expires")
    return Key(
        access_key=record.name,
        secret=body["SecretAccessKey"],
        arn=body["Arn"],
        user_id=body["UserId"],
        token=body.get("SessionToken"),
        expires=datetime.fromisoformat(expires) if expires else None,
    )


def _read(file: Path) -> Key | None:
    try:
        found = json.loads(file.read_text())
        return Key(str(found["AccessKeyId"]), str(found["SecretAccessKey"]), OWNER_ARN, f"{FIRST_ROLE_ID}:owner")
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, key: Key) -> None:
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump({"AccessKeyId": key.access_key, "SecretAccessKey": key.secret}, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)
