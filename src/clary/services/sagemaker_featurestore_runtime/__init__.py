"""SageMaker Feature Store, the plane of records."""

from __future__ import annotations
