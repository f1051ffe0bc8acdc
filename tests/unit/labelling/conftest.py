"""A context on stores of its own, for reconcilers that need no more."""

from __future__ import annotations

from tests.unit.services.s3.conftest import context

__all__ = ["context"]
