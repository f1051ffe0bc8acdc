"""How good is Autopilot on hospitals it has never seen? Beside a tuned LightGBM and FLAML, each with the same time.

The honest problem of projects/hospital_costs: no column that is computed from the target, 20 % of the hospitals held out.
Each contender gets the same rows, columns, seconds and processors. Run it with a Python that has autogluon.tabular,
lightgbm, optuna and flaml:

    python bench/honest_rmse.py --train train.csv --held-out held_out.csv --target spending_hospital --seconds 300

The two tables are what the project writes into its working folder under output/files/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SOURCE = Path(__file__).parent.parent / "src"


def rmse(actual: Any, predicted: Any) -> float:
    return float(np.sqrt(np.mean((np.asarray(actual) - np.asarray(predicted)) ** 2)))


def categories(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    for name in train.select_dtypes(exclude="number"):
        kinds = pd.CategoricalDtype(sorted(train[name].astype(str).unique()))
        train[name], test[name] = train[name].astype(str).astype(kinds), test[name].astype(str).astype(kinds)
    return train, test


def autopilot(train: Path, test: pd.DataFrame, target: str, seconds: float) -> np.ndarray:
    """The program that Clary's image runs, by hand."""
    with tempfile.TemporaryDirectory() as folder:
        ml = Path(folder)
        for name in ("input/data/training", "input/data/job", "model", "output"):
            (ml / name).mkdir(parents=True)
        (ml / "input/data/training/train.csv").symlink_to(train.absolute())
        wish = {"target": target, "problem": "Regression", "metric": "RMSE", "candidates": 10, "seconds": seconds}
        (ml / "input/data/job/job.json").write_text(json.dumps(wish))
        environment = {**os.environ, "CLARY_ML": folder, "PYTHONPATH": str(SOURCE), "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run([sys.executable, "-m", "clary.images.autopilot.train"], env=environment, check=True)
        sys.path.insert(0, str(SOURCE))
        from clary.images.autopilot import handlers

        model = handlers.model_fn(str(ml / "model"))
        rows = [[str(v) for v in row] for row in test.drop(columns=[target]).to_numpy()]
        return np.array(handlers.predict_fn((rows, False), model).predicted)


def lightgbm(train: pd.DataFrame, test: pd.DataFrame, target: str, seconds: float) -> np.ndarray:
    """Optuna over LightGBM's settings, five folds, until the time is over; refitted on all rows."""
    import lightgbm as lgb
    import optuna
    from sklearn.model_selection import KFold

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    x, y = train.drop(columns=[target]), train[target]
    folds = list(KFold(5, shuffle=True, random_state=7).split(x))

    def score(trial: optuna.Trial) -> float:
        given = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 8, 255, log=True),
            "min_child_samples": trial.suggest_int("min_child_samples", 5, 200, log=True),
            "colsample_bytree": trial.suggest_float("colsample_bytree", 0.5, 1.0),
            "subsample": trial.suggest_float("subsample", 0.5, 1.0),
            "subsample_freq": 1,
            "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 10, log=True),
        }
        errors, rounds = [], []
        for fit, check in folds:
            model = lgb.LGBMRegressor(n_estimators=3000, verbose=-1, random_state=7, **given)
            stop = [lgb.early_stopping(50, verbose=False)]
            model.fit(x.iloc[fit], y.iloc[fit], eval_set=[(x.iloc[check], y.iloc[check])], callbacks=stop)
            errors.append(rmse(y.iloc[check], model.predict(x.iloc[check])))
            rounds.append(model.best_iteration_)
        trial.set_user_attr("rounds", int(np.mean(rounds)))
        return float(np.mean(errors))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=7))
    study.optimize(score, timeout=seconds)
    best = {**study.best_params, "subsample_freq": 1}
    model = lgb.LGBMRegressor(n_estimators=study.best_trial.user_attrs["rounds"], verbose=-1, random_state=7, **best)
    return np.asarray(model.fit(x, y).predict(test.drop(columns=[target])))


def flaml(train: pd.DataFrame, test: pd.DataFrame, target: str, seconds: float) -> np.ndarray:
    from flaml import AutoML

    search = AutoML()
    search.fit(
        train.drop(columns=[target]),
        train[target],
        task="regression",
        metric="rmse",
        time_budget=seconds,
        seed=7,
        verbose=0,
    )
    return np.asarray(search.predict(test.drop(columns=[target])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    train = pd.read_csv(given.train)
    test = pd.read_csv(given.held_out)[list(train.columns)]
    contenders = {
        "autopilot": lambda: autopilot(given.train, test, given.target, given.seconds),
        "lightgbm": lambda: lightgbm(*categories(train.copy(), test.copy()), given.target, given.seconds),
        "flaml": lambda: flaml(*categories(train.copy(), test.copy()), given.target, given.seconds),
    }
    for name, run in contenders.items():
        began = time.monotonic()
        error = rmse(test[given.target], run())
        print(f"{name:10} RMSE {error:8.1f}   ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
