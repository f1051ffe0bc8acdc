"""The second model, in script mode: a gradient-boosted tree of scikit-learn, trained and served by SageMaker.

SageMaker runs this file in a container: it puts the data into the folder that SM_CHANNEL_TRAINING names, and keeps
what is written to SM_MODEL_DIR. An endpoint imports the same file and calls the four functions below.
"""

from __future__ import annotations

import argparse
import io
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder


def train(table: pd.DataFrame, target: str, rounds: int, rate: float) -> Pipeline:
    """A pipeline from raw rows to dollars: text columns become one 0/1 column per value, numbers stay as they are."""
    features = table.drop(columns=target)
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(features[name])]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts), remainder="passthrough"
    )
    trees = HistGradientBoostingRegressor(max_iter=rounds, learning_rate=rate, min_samples_leaf=40, random_state=7)
    return make_pipeline(encode, trees).fit(features, table[target])


def model_fn(model_dir: str) -> Pipeline:
    """Load what training saved."""
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    """Rows of text/csv, without a header, in the order of the training file's features."""
    if content_type != "text/csv":
        raise ValueError(f"send text/csv, not {content_type}")
    text = body.decode() if isinstance(body, bytes) else body
    return pd.read_csv(io.StringIO(text), header=None)


def predict_fn(rows: pd.DataFrame, model: Pipeline) -> list[float]:
    """Dollars, one number per row."""
    rows.columns = model.feature_names_in_
    return model.predict(rows).tolist()


def output_fn(prediction: list[float], accept: str) -> tuple[str, str]:
    """One number per line as text/csv, or a JSON list."""
    if accept == "application/json":
        return json.dumps(prediction), accept
    return "\n".join(str(value) for value in prediction), "text/csv"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--rate", type=float, default=0.05)
    given = parser.parse_args()
    table = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAINING"]) / "train.csv")
    print(f"training on {len(table):,} rows, {len(table.columns) - 1} features", flush=True)
    model = train(table, given.target, given.rounds, given.rate)
    error = (model.predict(table.drop(columns=given.target)) - table[given.target]).pow(2).mean() ** 0.5
    print(f"train:rmse={error:.1f}; (the error on rows it has seen: the held-out error will be higher)")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
