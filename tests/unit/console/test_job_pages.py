"""Pages of jobs without a browser."""

from __future__ import annotations

import pytest

from tests.unit.console.conftest import Asker


@pytest.mark.parametrize("kind", ["training-jobs", "processing-jobs", "transform-jobs"])
def test_a_form_that_copies_no_job_is_an_empty_request(asker: Asker, kind: str) -> None:
    page = asker.as_owner().get(f"/_/copies/{kind}")
    assert "A new job" in page
    assert ">{}</textarea>" in page
    assert f'href="/_/{kind}" aria-current="page"' in page, "the navigation shows where the form belongs"
