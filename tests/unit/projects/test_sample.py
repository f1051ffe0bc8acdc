"""The synthetic sample has the shape and the quirks of the CMS file."""

from __future__ import annotations

import csv
import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

HOSPITAL, STATE, NATION = (f"Avg Spending Per Episode {of}" for of in ("Hospital", "State", "Nation"))
SHARE = "Percent of Spending Hospital"
# The header of the file that CMS published for 2015.
HEADER = (
    "Facility Name,Facility ID,State,Period,Claim Type,Avg Spending Per Episode Hospital,Avg Spending Per Episode State,"
    "Avg Spending Per Episode Nation,Percent of Spending Hospital,Percent of Spending State,Percent of Spending Nation,"
    "Start Date,End Date"
)


@pytest.fixture(scope="module")
def sample() -> Any:
    spec = importlib.util.spec_from_file_location("sample", ROOT / "projects/hospital_costs/sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def path(sample: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written: Path = sample.write(tmp_path_factory.mktemp("sample") / "sample.csv")
    return written


@pytest.fixture(scope="module")
def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_header_is_that_of_the_real_file(path: Path) -> None:
    assert path.read_text().splitlines()[0] == HEADER


def test_every_hospital_has_its_22_rows(rows: list[dict[str, str]]) -> None:
    by_hospital = defaultdict(set)
    for row in rows:
        by_hospital[row["Facility ID"]].add((row["Period"], row["Claim Type"]))
    assert len(by_hospital) == 600
    assert {len(found) for found in by_hospital.values()} == {22}


def test_it_says_that_it_is_synthetic_in_every_row(rows: list[dict[str, str]]) -> None:
    assert all(row["Facility Name"].startswith("SYNTHETIC ") for row in rows)


def test_its_text_has_the_quirks(rows: list[dict[str, str]]) -> None:
    assert all(len(row["Facility ID"]) == 6 and row["Facility ID"].isdigit() for row in rows)
    assert any(row["Facility ID"].startswith("0") for row in rows)
    without = [row for row in rows if row[HOSPITAL] == "Not Available"]
    assert 0 < len(without) < len(rows) / 20
    assert all(row[SHARE] == "Not Available" for row in without)
    assert all(row[SHARE].endswith("%") for row in rows if row not in without)


def test_a_total_is_the_sum_of_its_lines(rows: list[dict[str, str]]) -> None:
    sums: dict[str, int] = defaultdict(int)
    totals = {}
    for row in rows:
        if row[HOSPITAL] == "Not Available":
            continue
        if row["Claim Type"] == "Total":
            totals[row["Facility ID"]] = int(row[HOSPITAL])
            assert row[SHARE] == "100.00%"
        else:
            sums[row["Facility ID"]] += int(row[HOSPITAL])
    assert sums == totals


def test_a_state_is_the_average_of_its_hospitals(rows: list[dict[str, str]]) -> None:
    found = defaultdict(list)
    said = {}
    for row in rows:
        key = row["State"], row["Period"], row["Claim Type"]
        if row[HOSPITAL] != "Not Available" and row["Claim Type"] != "Total":
            found[key].append(int(row[HOSPITAL]))
            said[key] = int(row[STATE])
    assert all(abs(sum(values) / len(values) - said[key]) <= 0.5 for key, values in found.items())


def test_the_nation_is_the_same_everywhere(rows: list[dict[str, str]]) -> None:
    said = defaultdict(set)
    for row in rows:
        said[row["Period"], row["Claim Type"]].add(row[NATION])
    assert {len(values) for values in said.values()} == {1}


def test_the_same_seed_gives_the_same_file(sample: Any, path: Path, tmp_path: Path) -> None:
    assert sample.write(tmp_path / "again.csv").read_bytes() == path.read_bytes()
    assert sample.write(tmp_path / "other.csv", seed=8).read_bytes() != path.read_bytes()
