"""An offline stand-in for the CMS file: SYNTHETIC hospitals, made by a generator.

It has the columns and the quirks of the real file: percents as text ("45.49%"), six-digit ids with leading zeros,
"Not Available" where a hospital has too few cases, one line per period and claim type, and a Total line. State and
nation averages are the averages of the hospitals in the file. No hospital in it exists, and nothing that a model says
about it is true of any hospital. Every name begins with SYNTHETIC, so that no copy of the file can be mistaken.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

BEFORE = "1 to 3 days Prior to Index Hospital Admission"
DURING = "During Index Hospital Admission"
AFTER = "1 through 30 days After Discharge from Index Hospital Admission"
COMPLETE = "Complete Episode"
AVERAGES = ("Hospital", "State", "Nation")
COLUMNS = (
    *("Facility Name", "Facility ID", "State", "Period", "Claim Type"),
    *(f"Avg Spending Per Episode {of}" for of in AVERAGES),
    *(f"Percent of Spending {of}" for of in AVERAGES),
    *("Start Date", "End Date"),
)
CLAIM_TYPES = (
    "Home Health Agency",
    "Hospice",
    "Inpatient",
    "Outpatient",
    "Skilled Nursing Facility",
    "Durable Medical Equipment",
    "Carrier",
)
# Dollars per episode, about as large as the nation's averages of 2015, in the order of CLAIM_TYPES.
TYPICAL = {
    BEFORE: (14, 1, 5, 124, 2, 9, 552),
    DURING: (0, 0, 9324, 0, 0, 24, 1540),
    AFTER: (816, 122, 2702, 730, 3319, 103, 1110),
}
# State and the first two digits of its hospitals' ids.
STATES = {
    "AL": "01",
    "AZ": "03",
    "CA": "05",
    "CO": "06",
    "FL": "10",
    "GA": "11",
    "IL": "14",
    "IN": "15",
    "KS": "17",
    "KY": "18",
    "LA": "19",
    "MA": "22",
    "MI": "23",
    "MN": "24",
    "MO": "26",
    "NE": "28",
    "NY": "33",
    "NC": "34",
    "OH": "36",
    "OK": "37",
    "PA": "39",
    "TN": "44",
    "TX": "45",
    "VA": "49",
    "WA": "50",
}
# Words of a name, how often per 100 hospitals, and the factor on the hospital's own inpatient and later costs.
KINDS = (
    ("HOSPITAL", 38, 1.00, 1.00),
    ("MEDICAL CENTER", 24, 1.03, 1.02),
    ("REGIONAL MEDICAL CENTER", 12, 1.00, 1.01),
    ("MEMORIAL HOSPITAL", 11, 0.92, 0.99),
    ("COMMUNITY HOSPITAL", 8, 0.87, 0.97),
    ("UNIVERSITY HOSPITAL", 4, 1.25, 1.02),
    ("SURGICAL HOSPITAL", 3, 1.45, 0.55),
)
HOSPITALS_PER_STATE = 24
MISSING = "Not Available"
Lines = dict[tuple[str, str], int]  # (period, claim type) → dollars per episode


def write(path: Path, seed: int = 7) -> Path:
    """Write the sample as CSV to ``path``. The same seed gives the same file on every machine."""
    chance = random.Random(seed)
    hospitals = [hospital for state in STATES for hospital in _hospitals(chance, state)]
    counted = [lines for *_, lines, available in hospitals if available]
    nation = _average(counted)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for state in STATES:
            own = [hospital for hospital in hospitals if hospital[2] == state]
            average = _average([lines for *_, lines, available in own if available])
            for name, identifier, _, lines, available in own:
                writer.writerows(_rows(name, identifier, state, lines if available else None, average, nation))
    return path


def _hospitals(chance: random.Random, state: str) -> list[tuple[str, str, str, Lines, bool]]:
    """A state's hospitals: (name, id, state, lines, whether it has enough cases to be published)."""
    level = {key: chance.lognormvariate(0, 0.10) for key in _keys()}
    found = []
    for number in range(1, HOSPITALS_PER_STATE + 1):
        words, _, during, after = _kind(chance)
        # A surgical hospital's patients are healthier: little is spent on them after they leave.
        own, later = chance.lognormvariate(0, 0.10), chance.lognormvariate(0, 0.13)
        lines: Lines = {}
        for period, claim in _keys():
            typical = TYPICAL[period][CLAIM_TYPES.index(claim)]
            factor = {BEFORE: 1.0, DURING: during * own, AFTER: after * later}[period]
            noise = chance.lognormvariate(0, 0.12 if typical > 500 else 0.35)
            lines[period, claim] = round(typical * level[period, claim] * factor * noise)
        identifier = f"{STATES[state]}{number:04d}"
        found.append((f"SYNTHETIC {words} {identifier}", identifier, state, lines, chance.random() > 0.015))
    return found


def _kind(chance: random.Random) -> tuple[str, int, float, float]:
    point = chance.random() * sum(share for _, share, *_ in KINDS)
    for kind in KINDS:
        point -= kind[1]
        if point < 0:
            return kind
    return KINDS[0]


def _keys() -> list[tuple[str, str]]:
    return [(period, claim) for period in TYPICAL for claim in CLAIM_TYPES]


def _average(hospitals: list[Lines]) -> Lines:
    return {key: round(sum(lines[key] for lines in hospitals) / len(hospitals)) for key in _keys()}


def _rows(name: str, identifier: str, state: str, own: Lines | None, average: Lines, nation: Lines) -> list[list[str]]:
    """22 rows: 7 claim types in each of 3 periods, and the Total."""
    levels = (own, average, nation)
    totals = [sum(lines.values()) if lines else 0 for lines in levels]
    rows = []
    for key in [*_keys(), None]:
        period, claim = key or (COMPLETE, "Total")
        values = [None if lines is None else (lines[key] if key else sum(lines.values())) for lines in levels]
        money = [MISSING if value is None else str(value) for value in values]
        shares = [
            MISSING if value is None else f"{100 * value / total:.2f}%"
            for value, total in zip(values, totals, strict=True)
        ]
        rows.append([name, identifier, state, period, claim, *money, *shares, "01/01/2015", "12/31/2015"])
    return rows


if __name__ == "__main__":
    print(write(Path("synthetic_hospital_spending.csv")))
