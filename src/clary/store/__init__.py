"""The store: records, keys, logs and metrics in one SQLite file."""

from __future__ import annotations
