"""The SageMaker runtime: asking endpoints."""

from __future__ import annotations
