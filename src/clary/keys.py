"""Access keys: who holds which, until when.

A key is a record of kind ``AccessKey``: ``{SecretAccessKey, Arn, UserId}``, for a user's ``{UserName}`` too, and for a
temporary one ``{SessionToken, Expires, Issued, SessionName, Parent}`` and what limits it ``{Policies, Tags}``. Its
status is ``Owner``, ``Active`` or ``Inactive``. The owner's key also lies in ``keys.json``, which only the owner can
read; that file is the truth, so deleting it and starting again gives new keys and makes the old ones void.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import string
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clary.clock import Clock, machine_now
from clary.rights.identity import Identity
from clary.store.base import Conflict, Record, Store

KIND = "AccessKey"
USE = "AccessKeyUse"
"""The kind of what is known of a key's last use: ``{LastUsedDate, ServiceName, Region}`` under its id."""
FIRST_ROLE = "ClaryExecutionRole"
FIRST_ROLE_ARN = f"arn:aws:iam::000000000000:role/service-role/{FIRST_ROLE}"
"""The role that is always there; clary.services.iam.roles makes it."""
FIRST_ROLE_ID = "AROACLARYEXECUTIONROL"  # 21 characters, as all of IAM's ids
OWNER_ARN = f"arn:aws:sts::000000000000:assumed-role/{FIRST_ROLE}/owner"
"""Who the owner's key is. An assumed role, so that SDKs that ask for "the role I run as" find one."""

_REMEMBERED = 1024  # keys held in memory at most
_KEPT = timedelta(days=1)  # how long an expired key is told from an unknown one
_SWEEP = 64  # one in so many new keys looks for old ones to forget: no timer, and no scan at every key
_SLEW = timedelta(minutes=5)  # that a machine's clock may be corrected by
_USE = 60.0  # seconds between two notes of a key's use
_BASE32 = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Key:
    """``token`` and ``expires`` are those of a temporary key. An expired key still is one: whoever asks must look.

    ``parent``: the key that asked for this one, without which it does not count; "" if none did.
    ``by_machine``: it lasts by the machine's time, as whoever renews it (a running task's SDK) looks at that.
    """

    access_key: str
    secret: str
    arn: str
    user_id: str
    token: str | None = None
    expires: datetime | None = None
    owner: bool = False
    active: bool = True
    parent: str = ""
    session: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    issued: str = ""
    by_machine: bool = False

    def is_over(self, clock: Clock, kept: timedelta = timedelta(0)) -> bool:
        """Whether its time is, and has been for so long; or has not come, since the clock was set back behind it."""
        now = machine_now() if self.by_machine else clock.now()
        if self.issued and datetime.fromisoformat(self.issued) > now + _SLEW:
            return True
        return self.expires is not None and self.expires + kept <= now

    @property
    def identity(self) -> Identity:
        return Identity(self.arn, self.user_id, self.access_key, self.owner, self.session, self.tags, self.issued)


class Keys:
    """The keys in a store. Reads come from memory; a listener of the store keeps that true."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store, self._clock = store, clock or Clock()
        self._known: dict[str, Key] = {}
        self._changes = 0  # counted so that a read that a change overtook is not remembered
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}  # key → when its use was noted, by the monotonic clock
        store.subscribe(self._forget)

    def find(self, access_key: str) -> Key | None:
        """The key of this id, expired or not; None if there is none that counts."""
        key = self._find(access_key)
        if key is None or not key.active:
            return None
        return key if not key.parent or self.find(key.parent) is not None else None

    def _find(self, access_key: str) -> Key | None:
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

    def is_over(self, key: Key) -> bool:
        """See ``Key.is_over``."""
        return key.is_over(self._clock)

    def issue(self, who: Identity, seconds: int, session_name: str) -> Key:
        """See the function ``issue``; the key lasts by the machine's time."""
        return issue(self._store, self._clock, who, seconds, session_name, by_machine=True)

    def void(self, access_key: str) -> None:
        """End a key; nothing happens if it has ended already."""
        void(self._store, access_key)

    def is_at_hand(self, access_key: str) -> bool:
        """Whether ``find`` and ``note_use`` have no need of the store for this key."""
        key = self._known.get(access_key)
        return key is not None and not self._is_use_due(key)

    def note_use(self, key: Key, service: str, region: str) -> None:
        """Write down that a user's key was used, once a minute at most."""
        if not self._is_use_due(key):
            return
        self._used[key.access_key] = time.monotonic()
        body = {"LastUsedDate": self._clock.now().replace(microsecond=0), "ServiceName": service, "Region": region}
        with contextlib.suppress(Conflict):  # somebody else notes it
            present = self._store.get("", USE, key.access_key)
            if present is None:
                self._store.create(Record(kind=USE, name=key.access_key, body=body))
            else:
                self._store.put(replace(present, body=body))

    def _is_use_due(self, key: Key) -> bool:
        if key.owner or key.token is not None:
            return False
        return time.monotonic() - self._used.get(key.access_key, -_USE) >= _USE

    def owner(self, data_folder: Path) -> Key:
        """The owner's key, made at the first start; ``keys.json`` says which it is."""
        file = data_folder / "keys.json"
        key = _read(file)
        if key is None:
            key = _owner(new_id("AKIA"), _secret())
            _write(file, key)
        file.chmod(0o600)
        for record in list(self._store.scan("", KIND, status="Owner")):
            if record.name != key.access_key:
                self.void(record.name)
        _sweep(self._store, self._clock)
        record = Record(kind=KIND, name=key.access_key, body=_body(key), status="Owner")
        while True:
            present = self._store.get(*record.key)
            if present is not None and present.body == record.body and present.status == "Owner":
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


def issue(
    store: Store,
    clock: Clock,
    who: Identity,
    seconds: int,
    session_name: str,
    parent: str = "",
    *,
    by_machine: bool = False,
) -> Key:
    """A temporary key of this principal, with its limits, that works for so many seconds.

    ``parent``: the key whose end ends this one too.
    """
    if secrets.randbelow(_SWEEP) == 0:
        _sweep(store, clock)
    now = (machine_now() if by_machine else clock.now()).replace(microsecond=0)
    key = Key(
        new_id("ASIA"),
        _secret(),
        who.arn,
        who.user_id,
        secrets.token_urlsafe(192),
        now + timedelta(seconds=seconds),
        who.owner,
        parent=parent,
        session=who.session,
        tags=who.tags,
        issued=now.isoformat(),
        by_machine=by_machine,
    )
    body = {
        **_body(key),
        "SessionToken": key.token,
        "Expires": (now + timedelta(seconds=seconds)).isoformat(),
        "Issued": key.issued,
        "SessionName": session_name,
        "Owner": who.owner,
        "Parent": parent,
        "ByMachine": by_machine,
        **({"Policies": list(who.session)} if who.session is not None else {}),
        **({"Tags": dict(who.tags)} if who.tags else {}),
    }
    store.create(Record(kind=KIND, name=key.access_key, body=body, status="Active"))
    return key


def create(store: Store, user: str, arn: str, user_id: str) -> Record:
    """A key of a user, that works until it is deleted or made inactive."""
    key = Key(new_id("AKIA"), _secret(), arn, user_id)
    record = Record(kind=KIND, name=key.access_key, body={**_body(key), "UserName": user}, status="Active")
    return store.create(record)


def of_user(store: Store, user: str) -> list[Record]:
    """A user's keys, the oldest first."""
    found = [r for r in store.scan("", KIND) if r.body.get("UserName") == user]
    return sorted(found, key=lambda record: (record.created or machine_now(), record.name))


def sessions_of(store: Store, user_id: str) -> Sequence[Record]:
    """The temporary keys of a role or user."""
    keys = store.scan("", KIND)
    return [r for r in keys if "SessionToken" in r.body and r.body["UserId"].partition(":")[0] == user_id]


def new_id(prefix: str) -> str:
    """An id as IAM's are: four letters that say of what, then 16 (of a key) or 17 of base 32."""
    length = 16 if prefix in {"AKIA", "ASIA"} else 17
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(length))


def void(store: Store, access_key: str) -> None:
    """End a key; nothing happens if it has ended already."""
    while (record := store.get("", KIND, access_key)) is not None:
        with contextlib.suppress(Conflict):
            store.delete(record)


def forget_use(store: Store, access_key: str) -> None:
    """Drop what is known of the use of a key that is no more."""
    if (used := store.get("", USE, access_key)) is not None:
        with contextlib.suppress(Conflict):
            store.delete(used)


def _sweep(store: Store, clock: Clock) -> None:
    for record in list(store.scan("", KIND)):
        if _key(record).is_over(clock, _KEPT):
            void(store, record.name)


def _secret() -> str:
    # 40 characters as AWS's, but letters and digits only: "/" and "+" need care in URLs and configuration files.
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(40))


def _body(key: Key) -> dict[str, Any]:
    return {"SecretAccessKey": key.secret, "Arn": key.arn, "UserId": key.user_id}


def _key(record: Record) -> Key:
    body = record.body
    expires, policies = body.get("Expires"), body.get("Policies")
    return Key(
        access_key=record.name,
        secret=body["SecretAccessKey"],
        arn=body["Arn"],
        user_id=body["UserId"],
        token=body.get("SessionToken"),
        expires=datetime.fromisoformat(expires) if expires else None,
        owner=record.status == "Owner" or bool(body.get("Owner")),
        active=record.status != "Inactive",
        parent=body.get("Parent", ""),
        session=None if policies is None else tuple(policies),
        tags=body.get("Tags", {}),
        issued=body.get("Issued", ""),
        by_machine=bool(body.get("ByMachine")),
    )


def _owner(access_key: str, secret: str) -> Key:
    return Key(access_key, secret, OWNER_ARN, f"{FIRST_ROLE_ID}:owner", owner=True)


def _read(file: Path) -> Key | None:
    try:
        found = json.loads(file.read_text())
        return _owner(str(found["AccessKeyId"]), str(found["SecretAccessKey"]))
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
