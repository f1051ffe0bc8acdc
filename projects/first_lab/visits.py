"""The lab's table: made by a generator. No patient in it exists.

``python visits.py`` writes ``visits.csv``; the same seed gives the same table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 7
ROWS = 600


def make(rows: int = ROWS, seed: int = SEED) -> pd.DataFrame:
    """Hospital stays: ``age`` (years), ``emergency`` and ``surgery`` (0 or 1), ``illnesses`` (how many others), ``days``.

    Days rise with age, with other illnesses and after surgery; an emergency costs the old more days than the young.
    """
    random = np.random.default_rng(seed)
    age = random.integers(18, 95, rows)
    emergency = (random.random(rows) < 0.4).astype(int)
    surgery = (random.random(rows) < 0.35).astype(int)
    illnesses = random.poisson(age / 40)
    expected = 1.5 + 0.03 * age + 2.2 * surgery + 0.7 * illnesses + emergency * np.maximum(age - 55, 0) * 0.09
    days = np.maximum(1, np.round(random.gamma(8, expected / 8))).astype(int)
    return pd.DataFrame({"age": age, "emergency": emergency, "surgery": surgery, "illnesses": illnesses, "days": days})


if __name__ == "__main__":
    make().to_csv("visits.csv", index=False)
    print(f"visits.csv: {ROWS} stays of patients who do not exist")
