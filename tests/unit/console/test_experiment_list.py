"""The list of experiments: filtered by name on every page of it, sorted, and told as the call that gives the same."""

from __future__ import annotations

import re

import pytest

from clary.app import Studio
from tests.unit.console.conftest import Asker


@pytest.fixture
def owner(asker: Asker, studio: Studio) -> Asker:
    for number in range(130):
        ward = "surgery" if number % 2 else "medicine"
        studio.context.call("sagemaker", "CreateExperiment", ExperimentName=f"{ward}-{number:03}")
    studio.context.call("sagemaker", "CreateExperiment", ExperimentName="shown", DisplayName="surgery-all")
    return asker.as_owner()


def rows(page: str) -> list[str]:
    return re.findall(r'id="experiment-([^"]+)"', page)


def following(page: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_a_filter_finds_what_is_pages_away(owner: Asker) -> None:
    assert "medicine-000" not in owner.get("/_/experiments"), "the oldest is not among the first 50"
    assert rows(owner.get("/_/experiments?NameContains=medicine-000")) == ["medicine-000"]
    assert rows(owner.get("/_/experiments?NameContains=gery-all")) == ["shown"], "by the name that is shown, too"


def test_a_filtered_list_is_sorted_and_goes_on(owner: Asker) -> None:
    first = owner.get("/_/experiments?NameContains=surgery&SortBy=Name&SortOrder=Ascending")
    assert rows(first)[:2] == ["shown", "surgery-001"]
    assert len(rows(first)) == 50
    second = owner.get(following(first))
    assert rows(second)[0] == "surgery-099"
    assert len(rows(second)) == 16
    assert following(second) == ""
    assert 'value="surgery"' in second, "the filter stays filled in"


def test_the_call_that_gives_the_same(owner: Asker) -> None:
    assert "list_experiments(" in owner.get("/_/experiments")
    page = owner.get("/_/experiments?NameContains=surgery&SortBy=Name")
    assert "search(" in page
    assert "ExperimentName" in page


def test_nothing_matches(owner: Asker) -> None:
    page = owner.get("/_/experiments?NameContains=none")
    assert "Nothing matches" in page
    assert "No experiment yet" not in page
