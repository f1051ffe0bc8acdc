"""From the search's models to what an endpoint needs: every candidate refitted on all rows, quick for one row.

Five folds of several models would answer a row in hundreds of milliseconds. So each candidate is fitted once more, on
all rows, and forests get one thread: for one row, starting threads is all they would do. Why so:
docs/design/004-autopilot-ensembles.md.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

from clary.images.autopilot import problems
from clary.images.autopilot.description import Description
from clary.images.autopilot.search import Candidate

BACKGROUND = 24  # rows that stand for the table when a prediction is explained

Members = dict[str, float]
"""Served model → weight; a candidate that is no ensemble has one, of weight 1."""


def refit(predictor: TabularPredictor, candidates: list[Candidate]) -> dict[str, str]:
    """Candidate's model → the model that serves it, fitted on all rows and held in memory."""
    full = predictor.refit_full("all")
    serving = {c.model: full.get(c.model, c.model) for c in candidates}
    for model in set(serving.values()):
        _single_threaded(predictor, model)
    predictor.persist(list(set(serving.values())))
    return serving


def latency(predictor: TabularPredictor, model: str, row: pd.DataFrame) -> float:
    """Median seconds for one row."""
    predictor.predict(row, model=model)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        predictor.predict(row, model=model)
        times.append(time.perf_counter() - began)
    return sorted(times)[2]


def pack(
    predictor: TabularPredictor,
    members: dict[str, Members],
    best: str,
    table: pd.DataFrame,
    wish: Description,
    folder: Path,
) -> None:
    """Write the model folder: all that predicts, for every candidate, and what the handlers must know."""
    features = [name for name in table.columns if name not in {wish.target, wish.weight}]
    kept = sorted({model for weights in members.values() for model in weights})
    predictor.unpersist()
    predictor.delete_models(models_to_keep=kept, dry_run=False)
    predictor.save_space()
    shutil.copytree(predictor.path, folder / "predictor", dirs_exist_ok=True)
    about: dict[str, Any] = {
        "target": wish.target,
        "problem": wish.problem,
        "metric": wish.metric,
        "features": features,
        "types": {name: _kind(table[name]) for name in features},
        "candidates": members,
        "best": best,
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1))
    sample = table[features].sample(min(BACKGROUND, len(table)), random_state=8)
    sample.to_json(folder / "background.json", orient="records")


def metric_direction(metric: str) -> str:
    return "Maximize" if problems.bigger_is_better(metric) else "Minimize"


def _single_threaded(predictor: TabularPredictor, model: str) -> None:
    trainer = predictor._trainer
    loaded = trainer.load_model(model)
    inner = [loaded.load_child(child) for child in loaded.models] if hasattr(loaded, "load_child") else [loaded]
    for item in inner:
        estimator = getattr(item, "model", None)
        if estimator is not None and hasattr(estimator, "n_jobs"):
            estimator.n_jobs = 1
            if item is not loaded:
                item.save()
    trainer.save_model(loaded)


def _kind(column: pd.Series) -> str:
    return "number" if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) else "text"
