"""Runs inside the training job: learns how many days a stay will last, and answers when it is asked."""

from __future__ import annotations

import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor

COLUMNS = ["age", "emergency", "surgery", "illnesses"]


def main() -> None:
    table = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv")
    model = GradientBoostingRegressor(n_estimators=80, max_depth=3, learning_rate=0.08, random_state=0)
    model.fit(table[COLUMNS], table["days"])
    error = (model.predict(table[COLUMNS]) - table["days"]).abs().mean()
    print(f"learned from {len(table)} stays; train:mae={error:.3f};")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


def model_fn(folder):  # the endpoint calls this once
    return joblib.load(Path(folder) / "model.joblib")


def predict_fn(rows, model):  # and this for every question
    return model.predict(pd.DataFrame(rows, columns=COLUMNS))


if __name__ == "__main__":
    main()
