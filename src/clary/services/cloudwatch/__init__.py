"""CloudWatch's metrics: put, list, read as statistics."""

from __future__ import annotations
