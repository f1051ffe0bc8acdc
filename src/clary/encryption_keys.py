"""Encryption keys, as KMS has them: which there are, and what is done with them. Their material never leaves here plain.

A key is a record of kind ``KmsKey`` under its id, its status KMS's KeyState; an alias is one of kind ``KmsAlias`` that
holds ``{TargetKeyId}``. A key's materials, 256 random bits each, lie in its record, wrapped by AES-256-GCM under the root
key of ``clary.root_key``: the current one encrypts, those before it decrypt. A ciphertext is

    1 byte: 1 (this form) | 1 byte: n | n bytes: the key's ARN | 32 bytes: the material's id | 16 bytes: salt
    12 bytes: nonce | AES-256-GCM's ciphertext and tag

under a key of its own, derived from the material and the salt (HKDF with SHA-256, RFC 5869), so that no key comes near
the number of messages that AES-GCM allows. What stands before the nonce and the encryption context, its pairs sorted,
are authenticated with it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from clary.clock import machine_now
from clary.errors import ServiceError
from clary.root_key import KIND, RootKey, Wrapped
from clary.store.base import Conflict, Record, Store

ALIAS = "KmsAlias"
ENABLED, DISABLED, PENDING_DELETION = "Enabled", "Disabled", "PendingDeletion"
S3_ALIAS = "alias/aws/s3"
"""Of the key that S3 takes where none is named: an AWS managed key, made when it is first asked for."""

_YEAR = 365  # days until an AWS managed key is rotated
_FORM, _ID, _SALT, _NONCE, _TAG = b"\x01", 32, 16, 12, 16
_MANAGED = uuid.UUID("5f0c2f3e-6a53-4f0b-9d0a-6d2f6b1d8c11")  # the name space of AWS managed keys' ids


@dataclass(frozen=True)
class Opened:
    """What lay in a ciphertext, and under which key."""

    plaintext: bytes
    key: Record
    material: str


class EncryptionKeys:
    """The keys in a store. All errors are KMS's, as ServiceErrors; ``root_key.KeyUnavailable`` without the root key."""

    def __init__(self, store: Store, file: Path, account: str, now: Callable[[], datetime] = machine_now) -> None:
        """``file``: where the root key lies."""
        self._store, self._account, self._now = store, account, now
        self._root = RootKey(file, self._sample)

    def resolve(self, region: str, wish: str | None) -> str:
        """The ARN of the key that a key's id, its ARN, an alias or an alias's ARN names; None names ``alias/aws/s3``.

        ``NotFoundException``; ``DisabledException`` or ``KMSInvalidStateException`` where it is not to be used.
        """
        return usable(self.find(region, wish or S3_ALIAS)).arn

    def data_key(self, arn: str, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        """256 fresh random bits, and the same wrapped under the key: for ``open_data_key`` with the same context."""
        plain = secrets.token_bytes(32)
        return plain, self.encrypt(self._by_arn(arn), plain, context)

    def open_data_key(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """What ``data_key`` wrapped; ``InvalidCiphertextException`` if one of the two is not what it was."""
        return self.decrypt(blob, context).plaintext

    def encrypt(self, key: Record, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        material = usable(key).body["CurrentKeyMaterialId"]
        arn, salt, nonce = key.arn.encode(), secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        head = _FORM + bytes([len(arn)]) + arn + bytes.fromhex(material) + salt
        return head + nonce + self._cipher(key, material, salt).encrypt(nonce, plaintext, _bound(head, context))

    def decrypt(self, blob: bytes, context: Mapping[str, str]) -> Opened:
        """What lies in a ciphertext; ``InvalidCiphertextException``, and ``NotFoundException`` if its key is gone."""
        arn, head = self._read(blob)
        key, material, salt = usable(self._by_arn(arn)), head[-_SALT - _ID : -_SALT].hex(), head[-_SALT:]
        nonce, sealed = blob[len(head) : len(head) + _NONCE], blob[len(head) + _NONCE :]
        try:
            return Opened(
                self._cipher(key, material, salt).decrypt(nonce, sealed, _bound(head, context)), key, material
            )
        except InvalidTag:
            raise invalid_ciphertext() from None

    def key_of(self, blob: bytes) -> str:
        """The ARN of the key that a ciphertext says it is under, whether that is there or not."""
        return self._read(blob)[0]

    def create(
        self,
        region: str,
        *,
        description: str = "",
        manager: str = "CUSTOMER",
        tags: Sequence[Mapping[str, str]] = (),
        id_: str = "",
    ) -> Record:
        """A new key with fresh material; ``Conflict`` if there is one of that id."""
        name = id_ or str(uuid.uuid4())
        arn = self._arn(region, f"key/{name}")
        body = {
            "Description": description,
            "KeyManager": manager,
            "Tags": list(tags),
            "_rotation": self.rotation(_YEAR) if manager == "AWS" else None,
            "_rotations": [],
            "_materials": {},
        }
        key = self._renewed(Record(region=region, kind=KIND, name=name, arn=arn, body=body, status=ENABLED))
        return self._store.create(key)

    def rotation(self, days: int) -> dict[str, Any]:
        """What a key's ``_rotation`` holds, from now on: when it gets new material next, and how many days lie between."""
        return {"RotationPeriodInDays": days, "NextRotationDate": (self._now() + timedelta(days=days)).isoformat()}

    def rotated(self, key: Record, kind: str) -> Record:
        """The key with new material to encrypt with, to be written; ``kind``: ``AUTOMATIC`` or ``ON_DEMAND``."""
        new = self._renewed(key)
        done = {
            "KeyMaterialId": new.body["CurrentKeyMaterialId"],
            "RotationDate": self._now().isoformat(),
            "RotationType": kind,
        }
        return replace(new, body={**new.body, "_rotations": [*key.body["_rotations"], done]})

    def find(self, region: str, wish: str) -> Record:
        """As ``resolve``, but the key's record, whatever its state."""
        name = wish
        if wish.startswith("arn:"):
            parts = wish.split(":", 5)
            if len(parts) != 6 or parts[2:5] != ["kms", region, self._account]:
                raise not_found(f"Invalid arn {wish}: it names no key of region {region}, account {self._account}.")
            name = parts[5].removeprefix("key/")
        key = self._named(region, name)
        if key is None and name == S3_ALIAS:
            return self._managed(region, name)
        if key is None and name.startswith("alias/"):
            raise not_found(f"Alias {self._arn(region, name)} is not found.")
        if key is None:
            raise not_found(f"Key '{self._arn(region, f'key/{name}')}' does not exist")
        return key

    def meant(self, region: str, wish: str) -> tuple[str, Record | None]:
        """The ARN that policies know a key by, whatever it is called by and whether it is there or not; and the key."""
        name = wish.split(":", 5)[-1].removeprefix("key/")
        key = self._named(region, name)
        if wish.startswith("arn:") and (key is None or not wish.startswith(self._arn(region, ""))):
            return wish, None
        if key is None:
            return self._arn(region, name if name.startswith("alias/") else f"key/{name}"), None
        return key.arn, key

    def all(self, region: str) -> Iterator[Record]:
        """The keys of a region, by id."""
        return filter(self._alive, self._store.scan(region, KIND))

    def problem(self) -> str:
        """Why the keys cannot be used; empty if they can."""
        return self._root.problem()

    def expire(self) -> None:
        """Delete the keys whose time is over, and the aliases of keys that are no more."""
        for key in list(self._store.scan(None, KIND, status=PENDING_DELETION)):
            if self._alive(key) is None:
                with contextlib.suppress(Conflict):  # just saved
                    self._store.delete(key)
        for alias in list(self._store.scan(None, ALIAS)):
            if self._store.get(alias.region, KIND, alias.body["TargetKeyId"]) is None:
                with contextlib.suppress(Conflict):  # just moved to another key
                    self._store.delete(alias)

    def rotate_due(self) -> None:
        """Give new material to the keys whose rotation is due."""
        for key in list(self._store.scan(None, KIND, status=ENABLED)):
            plan = key.body["_rotation"]
            if plan is not None and datetime.fromisoformat(plan["NextRotationDate"]) <= self._now():
                again = {**key.body, "_rotation": self.rotation(plan["RotationPeriodInDays"])}
                with contextlib.suppress(Conflict):  # just changed: at the next look
                    self._store.put(self.rotated(replace(key, body=again), "AUTOMATIC"))

    def _renewed(self, key: Record) -> Record:
        material = secrets.token_hex(_ID)
        wrapped = self._root.wrap(f"{key.arn} {material}", secrets.token_bytes(32))
        materials = {**key.body["_materials"], material: base64.b64encode(wrapped.sealed).decode()}
        return replace(key, body={**key.body, "CurrentKeyMaterialId": material, "_materials": materials})

    def _named(self, region: str, name: str) -> Record | None:
        """The key of this id or alias."""
        if name.startswith("alias/"):
            alias = self._store.get(region, ALIAS, name)
            if alias is None:
                return None
            name = alias.body["TargetKeyId"]
        return self._alive(self._store.get(region, KIND, name))

    def _managed(self, region: str, alias: str) -> Record:
        """The AWS managed key of an alias. Its id follows from the alias, so whoever makes it makes the same one."""
        name = str(uuid.uuid5(_MANAGED, f"{region} {alias}"))
        if self._store.get(region, KIND, name) is None:
            about = (
                f"Default key that protects my {alias.rpartition('/')[2].upper()} objects when no other key is defined"
            )
            with contextlib.suppress(Conflict):
                self.create(region, description=about, manager="AWS", id_=name)
        with contextlib.suppress(Conflict):
            self._store.create(Record(region=region, kind=ALIAS, name=alias, body={"TargetKeyId": name}))
        return self.find(region, name)

    def _alive(self, key: Record | None) -> Record | None:
        """None for a key whose time is over, too: it may still be there until ``expire`` comes."""
        if key is None or key.status != PENDING_DELETION:
            return key
        return key if datetime.fromisoformat(key.body["DeletionDate"]) > self._now() else None

    def _by_arn(self, arn: str) -> Record:
        return self.find(arn.split(":")[3], arn)

    def _arn(self, region: str, resource: str) -> str:
        return f"arn:aws:kms:{region}:{self._account}:{resource}"

    def _sample(self) -> Wrapped | None:
        key = next(iter(self._store.scan(None, KIND)), None)
        return _wrapped(key, key.body["CurrentKeyMaterialId"]) if key is not None else None

    def _cipher(self, key: Record, material: str, salt: bytes) -> AESGCM:
        if material not in key.body["_materials"]:
            raise invalid_ciphertext()
        plain = self._root.unwrap(_wrapped(key, material))
        return AESGCM(HKDF(hashes.SHA256(), 32, salt, b"clary kms ciphertext").derive(plain))

    def _read(self, blob: bytes) -> tuple[str, bytes]:
        """The ARN in a ciphertext, and all that stands before its nonce."""
        length = blob[1] if len(blob) > 1 else 0
        head = blob[: 2 + length + _ID + _SALT]
        arn = head[2 : 2 + length].decode("ascii", "replace")
        if blob[:1] != _FORM or len(blob) < len(head) + _NONCE + _TAG or arn.count(":") != 5:
            raise invalid_ciphertext()
        return arn, head


def usable(key: Record) -> Record:
    """The key, if it may encrypt and decrypt; ``DisabledException`` or ``KMSInvalidStateException`` if not."""
    if key.status == DISABLED:
        raise ServiceError(f"{key.arn} is disabled.", code="DisabledException")
    if key.status != ENABLED:
        raise invalid_state(f"{key.arn} is pending deletion.")
    return key


def not_found(message: str) -> ServiceError:
    return ServiceError(message, code="NotFoundException")


def invalid_state(message: str) -> ServiceError:
    return ServiceError(message, code="KMSInvalidStateException")


def invalid_ciphertext() -> ServiceError:
    return ServiceError(
        "The ciphertext is not one of this server's keys, was changed, or was made with another encryption context.",
        code="InvalidCiphertextException",
    )


def _wrapped(key: Record, material: str) -> Wrapped:
    return Wrapped(f"{key.arn} {material}", base64.b64decode(key.body["_materials"][material]))


def _bound(head: bytes, context: Mapping[str, str]) -> bytes:
    return head + json.dumps(sorted(context.items())).encode()
