"""Autopilot's work, as one program under the training contract: look, train, choose, explain, pack.

Run as ``python -m clary.images.autopilot.train``; what it is asked is in ``description``, how it answers in
``messages``.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import pandas as pd

from clary.images import pages
from clary.images.autopilot import (
    charts,
    description,
    ensemble,
    exploration,
    insights,
    packing,
    problems,
    tables,
)
from clary.images.autopilot.description import REGRESSION, Description
from clary.images.autopilot.explanation import Explainer, analysis, explained_number
from clary.images.autopilot.messages import ClientError, Messages
from clary.images.autopilot.search import Candidate, Search
from clary.runtime import contract

_EXPLAINED = 60  # rows, for the global explanation


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the reports are about: the table, the wish, and what each candidate's prediction is made of."""

    table: pd.DataFrame
    wish: Description
    predictor: Any
    members: dict[str, packing.Members]

    def predict(self, candidate: str) -> Any:
        """Raw rows → the number that is explained."""
        return lambda rows: explained_number(self.predictor, self.members[candidate], self.wish.problem, rows)


def main() -> int:
    try:
        run(description.read(), Messages())
    except ClientError as error:
        return contract.fail(f"ClientError: {error}", 1)
    except Exception as error:  # noqa: BLE001 - a task's edge: whatever it is becomes the job's reason
        traceback.print_exc()
        return contract.fail(f"AlgorithmError: {type(error).__name__}: {error}", 1)
    return 0


def run(wish: Description, messages: Messages) -> None:
    deadline = time.monotonic() + wish.seconds
    messages.progress(status="AnalyzingData", done=0, total=wish.candidates)
    table = tables.check(tables.read(contract.DATA / "training"), wish)
    wish = _resolved(table, wish)
    table[wish.target] = problems.prepared(table[wish.target], wish.problem)
    _say(f"{len(table):,} rows, {len(table.columns) - 1} columns; {wish.problem}, objective {wish.metric}")
    messages.progress(problem=wish.problem, metric=wish.metric)
    _explore(table, wish, messages)
    scratch = Path(tempfile.mkdtemp(prefix="autopilot-"))
    search = Search(table, wish, scratch / "models", deadline)
    candidates = _train(search, wish, messages)
    features = [name for name in table.columns if name not in {wish.target, wish.weight}]
    row = table[features].head(1)
    _say("Fitting the candidates once more, on all rows")
    serving = packing.refit(search.predictor, candidates)
    latencies = {c.model: packing.latency(search.predictor, serving[c.model], row) for c in candidates}
    members = {c.model: {serving[c.model]: 1.0} for c in candidates}
    if wish.candidates > len(candidates):
        _add_ensemble(candidates, latencies, members, serving, table[wish.target], wish)
    best = _best(candidates, wish)
    for candidate in candidates:
        messages.candidate(_line(candidate, wish, candidate is best, latencies[candidate.model]))
    _report(Asked(table, wish, search.predictor, members), candidates, best, latencies, messages)
    packing.pack(search.predictor, members, best.model, table, wish, contract.MODEL)
    shutil.rmtree(scratch, ignore_errors=True)
    done = "MaxAutoMLJobRuntimeReached" if time.monotonic() > deadline else "Completed"
    messages.progress(status=done, best=best.model)
    _say(f"Best: {best.model}, {wish.metric} {best.metrics[wish.metric]:.5g}")


def _resolved(table: pd.DataFrame, wish: Description) -> Description:
    problem = wish.problem or problems.infer(table[wish.target])
    return dataclasses.replace(wish, problem=problem, metric=wish.metric or problems.DEFAULT_METRIC[problem])


def _explore(table: pd.DataFrame, wish: Description, messages: Messages) -> None:
    found = exploration.describe(table, wish)
    for text in found["insights"]:
        _say(text)
    messages.artifact("notebooks/SageMakerAutopilotDataExplorationNotebook.ipynb", exploration.notebook(wish, found))
    messages.artifact("notebooks/data_exploration.html", exploration.page(table, wish, found))
    messages.artifact("notebooks/data_exploration.json", exploration.as_json(found))


def _train(search: Search, wish: Description, messages: Messages) -> list[Candidate]:
    messages.progress(status="TrainingModels")
    found: list[Candidate] = []
    for candidate in search.run():
        found.append(candidate)
        score, took = candidate.metrics[wish.metric], candidate.ended - candidate.began
        _say(f"[{len(found)}/{wish.candidates}] {candidate.model}: {wish.metric} {score:.5g} ({took:.1f} s)")
        messages.candidate(_line(candidate, wish, best=False, latency=None))
        messages.progress(done=len(found), best=_best(found, wish).model)
    return found


def _add_ensemble(
    candidates: list[Candidate],
    latencies: dict[str, float],
    members: dict[str, packing.Members],
    serving: dict[str, str],
    actual: pd.Series,
    wish: Description,
) -> None:
    found = ensemble.choose(candidates, latencies, actual, wish)
    if found is None:
        _say("No ensemble is better than the best candidate alone.")
        return
    candidate, weights = found
    candidates.append(candidate)
    latencies[candidate.model] = sum(latencies[name] for name in weights)
    members[candidate.model] = {serving[name]: weight for name, weight in weights.items()}
    shares = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
    _say(
        f"[{len(candidates)}/{wish.candidates}] {candidate.model}: {wish.metric} {candidate.metrics[wish.metric]:.5g} ({shares})"
    )


def _best(candidates: list[Candidate], wish: Description) -> Candidate:
    sign = 1 if problems.bigger_is_better(wish.metric) else -1
    return max(candidates, key=lambda c: sign * c.metrics[wish.metric])


def _line(candidate: Candidate, wish: Description, best: bool, latency: float | None) -> dict[str, Any]:
    metrics = dict(candidate.metrics)
    if latency is not None:
        metrics["InferenceLatency"] = latency
    return {
        "model": candidate.model,
        "algorithm": candidate.algorithm,
        "metric": wish.metric,
        "direction": packing.metric_direction(wish.metric),
        "metrics": metrics,
        "began": candidate.began,
        "ended": candidate.ended,
        "best": best,
        "deployable": best and latency is not None,
    }


def _report(
    asked: Asked, candidates: list[Candidate], best: Candidate, latencies: dict[str, float], messages: Messages
) -> None:
    name, table, wish = best.model, asked.table, asked.wish
    messages.progress(status="GeneratingExplainabilityReport")
    _say("Explaining the best candidate")
    features = [c for c in table.columns if c not in {wish.target, wish.weight}]
    rows = table[features].sample(min(_EXPLAINED, len(table)), random_state=7).reset_index(drop=True)
    background = table[features].sample(min(packing.BACKGROUND, len(table)), random_state=8)
    explanation = Explainer(asked.predict(name), background).explain(rows)
    base = f"documentation/explainability/output/{name}"
    label = "label0" if wish.problem == REGRESSION else str(asked.predictor.class_labels[-1])
    messages.artifact(f"{base}/explanations_shap/baseline.csv", background.to_csv(index=False))
    values = pd.DataFrame(explanation.values, columns=explanation.features)
    messages.artifact(f"{base}/explanations_shap/out.csv", values.to_csv(index=False))
    messages.artifact(f"{base}/analysis.json", json.dumps(analysis(explanation, label), indent=1))
    shown = insights.explanation_page(explanation, rows, wish)
    messages.artifact(f"{base}/report.html", shown)
    messages.progress(status="GeneratingModelInsightsReport")
    base = f"documentation/model_monitor/output/{name}"
    messages.artifact(f"{base}/statistics.json", insights.insights_json(best, wish))
    messages.artifact(f"{base}/report.html", insights.insights_page(best, table[wish.target], wish))
    sign = -1 if problems.bigger_is_better(wish.metric) else 1
    ranked = sorted(candidates, key=lambda c: sign * c.metrics[wish.metric])
    board = [
        {"candidate": c.model, "algorithm": c.algorithm, **c.metrics, "ms a row": round(1000 * latencies[c.model], 1),
         "trained in s": round(c.ended - c.began, 1)}
        for c in ranked
    ]  # fmt: skip
    important = dict(list(explanation.importance().items())[:10])
    parts = [
        pages.grid(*insights.pictures(best, table[wish.target], wish)[:2]),
        pages.panel("What matters", charts.bars(important, "mean absolute SHAP value")),
    ]
    messages.artifact("documentation/report.html", insights.leaderboard_page(board, wish, parts))


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
