"""What the tests of jobs share. A module that needs more in its bucket has an ``s3`` of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    """A client of S3, the bucket of jobs being there with a channel in it."""
    client = studio.client("s3")
    jobs.prepare(client)
    return client


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Iterator[Any]:
    client = studio.client("sagemaker")
    yield client
    client.close()
