"""Objects: the bytes behind S3."""

from __future__ import annotations
