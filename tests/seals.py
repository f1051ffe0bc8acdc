"""What buckets encrypt by, for tests that build them of parts."""

from __future__ import annotations

from pathlib import Path

from clary.context import ACCOUNT
from clary.encryption_keys import EncryptionKeys
from clary.seals import Seals
from clary.store.database import Database
from clary.store.records import SqlStore


def seals(database: Database, folder: Path) -> Seals:
    return Seals(EncryptionKeys(SqlStore(database), folder / "kms.key", ACCOUNT))
