"""From the search's models to what an endpoint needs: every candidate refitted on all rows, quick for one row.

Five folds of several models would answer a row in hundreds of milliseconds. So each candidate is fitted once more, on
all rows; forests get one thread (for one row, starting threads is all they would do); and an ensemble that is still
slow gives up its slowest member. Why so: docs/design/004-autopilot-ensembles.md.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

from clary.images.autopilot import problems
from clary.images.autopilot.description import REGRESSION, Description
from clary.images.autopilot.search import Candidate

_QUICK = 0.020  # seconds for one row
BACKGROUND = 24  # rows that stand for the table when a prediction is explained


def refit(predictor: TabularPredictor, candidates: list[Candidate], row: pd.DataFrame) -> dict[str, str]:
    """Candidate's model → the model that serves it, fitted on all rows."""
    full = predictor.refit_full("all")
    for model in set(full.values()):
        _single_threaded(predictor, model)
    predictor.persist("all")
    serving = {candidate.model: full.get(candidate.model, candidate.model) for candidate in candidates}
    return {
        name: _quick_ensemble(predictor, model, row) if name.startswith("WeightedEnsemble") else model
        for name, model in serving.items()
    }


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
    serving: dict[str, str],
    best: str,
    table: pd.DataFrame,
    wish: Description,
    folder: Path,
) -> None:
    """Write the model folder: the predictor, stripped to what predicts, and what the handlers must know."""
    predictor.clone_for_deployment(str(folder / "predictor"), model=serving[best], dirs_exist_ok=True)
    features = [name for name in table.columns if name not in {wish.target, wish.weight}]
    about: dict[str, Any] = {
        "target": wish.target,
        "problem": wish.problem,
        "features": features,
        "types": {name: _kind(table[name]) for name in features},
        "labels": [str(label) for label in predictor.class_labels] if wish.problem != REGRESSION else [],
        "model": serving[best],
        "metric": wish.metric,
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1))
    sample = table[features].sample(min(BACKGROUND, len(table)), random_state=7)
    sample.to_json(folder / "background.json", orient="records")


def _quick_ensemble(predictor: TabularPredictor, model: str, row: pd.DataFrame) -> str:
    """The ensemble, or one of fewer members, that answers a row quickly."""
    members = _members(predictor, model)
    while latency(predictor, model, row) > _QUICK and len(members) > 1:
        slowest = max(members, key=lambda name: latency(predictor, name, row))
        members.remove(slowest)
        folds = [name.removesuffix("_FULL") for name in members]
        predictor.fit_weighted_ensemble(base_models=folds, name_suffix=f"Quick{len(members)}")
        made = predictor.model_names()[-1]
        model = predictor.refit_full(made)[made]
        predictor.persist([model])
        print(f"For quick answers the ensemble leaves {slowest} out.", flush=True)
    return model


def _members(predictor: TabularPredictor, model: str) -> list[str]:
    found: list[str] = predictor.info()["model_info"][model]["stacker_info"]["base_model_names"] or []
    return list(found)


def _single_threaded(predictor: TabularPredictor, model: str) -> None:
    trainer = predictor._trainer
    loaded = trainer.load_model(model)
    inner = getattr(loaded, "models", None) or [loaded]
    for item in inner:
        estimator = getattr(loaded.load_child(item) if isinstance(item, str) else item, "model", None)
        if hasattr(estimator, "n_jobs"):
            estimator.n_jobs = 1
    trainer.save_model(loaded)


def _kind(column: pd.Series) -> str:
    return "number" if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) else "text"


def metric_direction(metric: str) -> str:
    return "Maximize" if problems.bigger_is_better(metric) else "Minimize"
