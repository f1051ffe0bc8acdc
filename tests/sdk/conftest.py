"""The Python of the SageMaker SDK 2.x, for all modules here that do not name another."""

from __future__ import annotations

import pytest

from tests import pythons


@pytest.fixture(scope="module")
def python() -> str:
    return pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
