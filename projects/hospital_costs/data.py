"""Where the table of hospital spending comes from, and how its text becomes numbers.

The data: "Medicare Hospital Spending by Claim", a work of the US Government (Centers for Medicare & Medicaid
Services, CMS), free to use. Catalog entry: https://data.cms.gov/provider-data/dataset/nrth-mfg3

``python data.py`` gets the file and says where it came from. ``python data.py --input PATH`` looks at a file of yours,
``--input sample`` makes the synthetic sample.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import sample

CATALOG = "https://data.cms.gov/provider-data/api/1/metastore/schemas/dataset/items/nrth-mfg3"
FOLDER = Path("data")
TIMEOUT = 20  # seconds without a byte

# Our short name → the words that CMS has used for it over the years, punctuation apart.
NAMES = {
    "facility_name": ("facility name", "hospital name"),
    "facility_id": ("facility id", "provider id", "provider number"),
    "state": ("state",),
    "period": ("period",),
    "claim_type": ("claim type",),
    "spending_hospital": ("avg spending per episode hospital", "avg spndg per ep hospital"),
    "spending_state": ("avg spending per episode state", "avg spndg per ep state"),
    "spending_nation": (
        *("avg spending per episode nation", "avg spending per episode national"),
        *("avg spndg per ep nation", "avg spndg per ep national"),
    ),
    "percent_hospital": ("percent of spending hospital", "percent of spndg hospital"),
    "percent_state": ("percent of spending state", "percent of spndg state"),
    "percent_nation": (
        *("percent of spending nation", "percent of spending national"),
        *("percent of spndg nation", "percent of spndg national"),
    ),
    "start_date": ("start date",),
    "end_date": ("end date", "measure end date"),
}
MONEY = ("spending_hospital", "spending_state", "spending_nation")
PERCENT = ("percent_hospital", "percent_state", "percent_nation")
OPTIONAL = ("start_date", "end_date")


class BadFile(ValueError):
    """The file is not the table of hospital spending; the message says what is wrong with it."""


@dataclass(frozen=True)
class Source:
    """A raw file and where it came from. ``sha256`` is of the file as it lies there."""

    path: Path
    origin: str
    sha256: str
    rows: int
    synthetic: bool

    def __str__(self) -> str:
        text = f"{self.path} ({self.rows:,} rows)\n  from   {self.origin}\n  sha256 {self.sha256}"
        if self.synthetic:
            text += "\n  SYNTHETIC: a generator made it. No hospital in it exists; its results mean nothing."
        return text


def get(given: str | None = None, folder: Path = FOLDER) -> Source:
    """The raw file: the one given, else the one downloaded before, else a download, else the synthetic sample.

    ``given`` is a path to a .csv or .csv.gz file, or the word ``sample``.
    """
    if given == "sample":
        return describe(sample.write(folder / "synthetic_hospital_spending.csv"), "sample.py, seed 7")
    if given:
        return describe(Path(given).expanduser(), f"a file of yours, {Path(given).name}")
    note = folder / "provenance.json"
    if note.exists():
        return _kept(note)
    try:
        return _download(folder)
    except (OSError, ValueError, KeyError) as error:
        print(f"The CMS file cannot be downloaded now ({error}).")
        print("Going on with the SYNTHETIC sample. To use the real file: --input PATH, or make run DATA=PATH")
        return get("sample", folder)


def describe(path: Path, origin: str) -> Source:
    """What lies at ``path``; ``BadFile`` if it is not the table."""
    if not path.is_file():
        raise BadFile(f"There is no file {path}")
    raw = _read(path)
    synthetic = bool(raw["facility_name"].str.startswith("SYNTHETIC").any())
    return Source(path, origin, hashlib.sha256(path.read_bytes()).hexdigest(), len(raw), synthetic)


def _kept(note: Path) -> Source:
    """The file of an earlier download, if it still is what was downloaded."""
    written = json.loads(note.read_text())
    found = describe(note.parent / written["file"], written["origin"])
    if found.sha256 != written["sha256"]:
        raise BadFile(f"{found.path} has changed since it was downloaded. Delete {note.parent} to download it again.")
    return found


def _download(folder: Path) -> Source:
    """Ask the catalog for the file's present address, fetch it, and write down where it came from.

    CMS publishes a new file every quarter, so no checksum can be known beforehand: the one of the first download is
    kept, and every later run compares the file with it.
    """
    with urllib.request.urlopen(CATALOG, timeout=TIMEOUT) as answer:
        entry = json.load(answer)
    distribution = entry["distribution"][0]
    address = distribution.get("data", distribution)["downloadURL"]
    if not address.startswith("https://data.cms.gov/"):
        raise ValueError(f"the catalog names another place: {address}")
    path = folder / "hospital_spending_by_claim.csv"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Downloading {address}")
    aside = path.with_suffix(".part")
    with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, aside.open("wb") as file:
        while block := answer.read(1 << 20):
            file.write(block)
            print(f"  {file.tell() / 1e6:.1f} MB", flush=True)
    aside.rename(path)
    source = describe(path, f"{address} (catalog entry modified {entry.get('modified', 'unknown')})")
    written = {**asdict(source), "path": None, "file": path.name, "at": datetime.now(UTC).isoformat()}
    (folder / "provenance.json").write_text(json.dumps(written, indent=1) + "\n")
    return source


def load(path: Path | str) -> pd.DataFrame:
    """The clean table: short names, ids as text, dollars and percents as numbers (45.49 for "45.49%"), gaps as NaN.

    All rows of the file are there, the Total of each hospital included.
    """
    table = _read(Path(path))
    table = table.apply(lambda column: column.str.strip())
    table = table.mask(table.isin(["Not Available", "N/A", ""]))
    for name in (*MONEY, *PERCENT):
        table[name] = _numbers(table[name], name)
    table["facility_id"] = table["facility_id"].str.zfill(6)
    return table


def claim_lines(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the Total rows, which are the sums of the others."""
    return table[table["claim_type"] != "Total"]


def _read(path: Path) -> pd.DataFrame:
    """The file's text, every cell a string, under our short names."""
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        raise BadFile(f"{path} is empty") from None
    except (pd.errors.ParserError, UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise BadFile(f"{path} is not a CSV file: {error}") from None
    ours = {words: name for name, all_words in NAMES.items() for words in all_words}
    raw = raw.rename(columns=lambda title: ours.get(_words(title), title))
    missing = [name for name in NAMES if name not in raw.columns and name not in OPTIONAL]
    if missing:
        wanted = ", ".join(repr(NAMES[name][0]) for name in missing)
        raise BadFile(f"{path} is not the table of hospital spending: no column {wanted}. It has: {', '.join(raw)}")
    if raw.empty:
        raise BadFile(f"{path} has a header but no rows")
    return raw


def _words(title: str) -> str:
    """ "Avg_Spending_Per_Episode_(Hospital)" → "avg spending per episode hospital"."""
    return " ".join(re.findall(r"[a-z]+", title.lower()))


def _numbers(column: pd.Series, name: str) -> pd.Series:
    bare = column.str.replace(r"[$,%]", "", regex=True)
    numbers = pd.to_numeric(bare, errors="coerce")
    wrong = column[numbers.isna() & column.notna()]
    if len(wrong):
        raise BadFile(f"{len(wrong)} cells of the column {name} are no numbers; the first one: {wrong.iloc[0]!r}")
    return numbers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Get the raw file, and say where it came from.")
    parser.add_argument("--input", help="a .csv or .csv.gz file, or the word: sample")
    try:
        found = get(parser.parse_args().input or os.environ.get("CLARY_PROJECT_INPUT"))
        clean = load(found.path)
    except BadFile as problem:
        sys.exit(f"data.py: {problem}")
    print(found)
    print(clean.describe(include="all").T[["count", "unique", "top", "mean", "min", "max"]].to_string())
