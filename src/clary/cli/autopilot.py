"""``clary autopilot``: a model for any table: leaderboard, explanation, endpoint, and the line of Python that asks it."""

from __future__ import annotations

import csv
import difflib
import gzip
import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.table import Table

from clary.cli import bars, options, servers
from clary.cli.client import client
from clary.keys import FIRST_ROLE_ARN
from clary.settings import Settings

_BUCKET = "clary-autopilot"
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_DEFAULT = {"Regression": "RMSE", "BinaryClassification": "F1", "MulticlassClassification": "Accuracy"}
_LOOK = 1.0  # seconds between two looks at a job that runs


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
@options.data
@click.option("--problem-type", type=click.Choice(list(_DEFAULT)), help="Found out from the target if left out.")
@click.option("--objective", metavar="METRIC", help="RMSE, MAE, R2, F1, AUC, Accuracy ... (default by the problem).")
@click.option("--max-candidates", type=click.IntRange(1, 750), default=10, show_default=True)
@click.option(
    "--minutes", type=click.FloatRange(0.5), default=5, show_default=True, help="The budget of the whole job."
)
@click.option("--name", help="The job's and endpoint's name (default: from the file's name and the time).")
@click.option("--no-deploy", is_flag=True, help="Stop after the explanation: no endpoint.")
def autopilot(
    file: Path,
    target: str,
    data: Path | None,
    problem_type: str | None,
    objective: str | None,
    max_candidates: int,
    minutes: float,
    name: str | None,
    no_deploy: bool,
) -> None:
    """Train models on a table and deploy the best one.

    FILE is a CSV with a header, plain or .gz. The best model is explained and goes behind an endpoint.
    """
    settings = options.settings(data=data)
    columns, example = _look(file, target)
    servers.require(settings.data)
    name = name or _name(file)
    console = Console()
    sagemaker, s3 = client(settings, "sagemaker"), client(settings, "s3")
    uri = _upload(s3, file, name)
    console.print(f"{file} is at {uri}", highlight=False)
    request = _request(name, uri, target, max_candidates, minutes)
    if problem_type:
        metric = objective or _DEFAULT[problem_type]
        request |= {"ProblemType": problem_type, "AutoMLJobObjective": {"MetricName": metric}}
    elif objective:
        raise click.ClickException("--objective needs --problem-type beside it.")
    try:
        sagemaker.create_auto_ml_job(**request)
    except sagemaker.exceptions.ClientError as error:
        raise click.ClickException(str(error)) from None
    job = _follow(console, sagemaker, name, max_candidates)
    if job["AutoMLJobStatus"] != "Completed":
        raise click.ClickException(
            f"The job {name} has {job['AutoMLJobStatus'].lower()}: {job.get('FailureReason', '')}"
        )
    _leaderboard(console, sagemaker, name)
    _explanation(console, s3, name, job["BestCandidate"])
    if not no_deploy:
        _deploy(console, sagemaker, name, job["BestCandidate"])
        _ask(console, settings, name, {c: example[c] for c in columns if c != target}, target)


def _look(file: Path, target: str) -> tuple[list[str], dict[str, str]]:
    """The columns and the first row; a message that names what is wrong."""
    if not file.is_file():
        raise click.ClickException(f"There is no file {file}.")
    if file.stat().st_size == 0:
        raise click.ClickException(f"{file} is empty.")
    try:
        with _open(file) as stream:
            rows = csv.DictReader(stream, skipinitialspace=True)
            columns, first = [c.strip() for c in rows.fieldnames or []], next(rows, None)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise click.ClickException(f"{file} cannot be read as CSV: {error}") from None
    if target not in columns:
        near = difflib.get_close_matches(target, columns, 3, 0.4)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise click.ClickException(f"{file} has no column {target!r}.{hint} It has: {', '.join(columns)}")
    if first is None:
        raise click.ClickException(f"{file} has a header and no rows.")
    return columns, {str(k).strip(): str(v) for k, v in first.items()}


def _open(file: Path) -> IO[str]:
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rt", encoding="utf-8-sig") if zipped else file.open(encoding="utf-8-sig", newline="")


def _name(file: Path) -> str:
    """Of at most 32 letters, digits and hyphens, as Autopilot's names are."""
    stem = re.sub(r"[^a-zA-Z0-9]+", "-", file.name.partition(".")[0]).strip("-").lower()[:18].strip("-") or "table"
    return f"{stem}-{datetime.now():%m%d-%H%M%S}"


def _upload(s3: Any, file: Path, name: str) -> str:
    s3.create_bucket(Bucket=_BUCKET)
    key = f"{name}/input/{file.name}"
    with file.open("rb") as stream:
        s3.put_object(Bucket=_BUCKET, Key=key, Body=stream)
    return f"s3://{_BUCKET}/{key}"


def _request(name: str, uri: str, target: str, candidates: int, minutes: float) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    criteria = {"MaxCandidates": candidates, "MaxAutoMLJobRuntimeInSeconds": int(minutes * 60)}
    return {
        "AutoMLJobName": name,
        "RoleArn": FIRST_ROLE_ARN,
        "InputDataConfig": [{"TargetAttributeName": target, "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{_BUCKET}"},
        "AutoMLJobConfig": {"CompletionCriteria": criteria, "Mode": "ENSEMBLING"},
    }


def _follow(console: Console, sagemaker: Any, name: str, most: int) -> dict[str, Any]:
    """Show the candidates as they come; the job's description once it has ended."""
    shown: set[str] = set()
    with console.status(name) as status:
        while True:
            job: dict[str, Any] = sagemaker.describe_auto_ml_job(AutoMLJobName=name)
            for candidate in reversed(sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName=name)["Candidates"]):
                if candidate["CandidateName"] not in shown:
                    shown.add(candidate["CandidateName"])
                    metric = candidate["FinalAutoMLJobObjectiveMetric"]
                    console.print(
                        f"  {_model(candidate, name):24} {metric['MetricName']} {metric['Value']:.5g}", highlight=False
                    )
            if job["AutoMLJobStatus"] in _ENDED:
                return job
            status.update(f"{name}: {job['AutoMLJobSecondaryStatus']}, {len(shown)} of {most} candidates")
            time.sleep(_LOOK)


def _model(candidate: dict[str, Any], name: str) -> str:
    return str(candidate["CandidateName"]).removeprefix(f"{name}-")


def _leaderboard(console: Console, sagemaker: Any, name: str) -> None:
    candidates = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName=name)["Candidates"]
    final = candidates[0]["FinalAutoMLJobObjectiveMetric"]
    up = final["Type"] == "Maximize"
    candidates.sort(key=lambda c: c["FinalAutoMLJobObjectiveMetric"]["Value"], reverse=up)
    table = Table(
        title="Leaderboard, on rows that the model had not seen", title_justify="left", box=None, padding=(0, 2, 0, 0)
    )
    metrics = [m["MetricName"] for m in candidates[0]["CandidateProperties"]["CandidateMetrics"]]
    metrics = [final["MetricName"], *(m for m in metrics if m != final["MetricName"])][
        :4
    ]  # what a terminal has room for
    table.add_column("candidate", no_wrap=True)
    for metric in metrics:
        table.add_column(metric, justify="right", style="bold" if metric == final["MetricName"] else "")
    for candidate in candidates:
        values = {m["MetricName"]: m["Value"] for m in candidate["CandidateProperties"]["CandidateMetrics"]}
        table.add_row(_model(candidate, name), *(f"{values.get(m, float('nan')):.4g}" for m in metrics))
    console.print(table)


def _explanation(console: Console, s3: Any, name: str, best: dict[str, Any]) -> None:
    place = best["CandidateProperties"].get("CandidateArtifactLocations", {}).get("Explainability", "")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])] if bucket else []
    key = next((k for k in keys if k.endswith("analysis.json")), None)
    if key is None:
        return
    found = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    label = next(iter(found["explanations"]["kernel_shap"].values()))
    console.print("\nWhat moves its predictions (mean absolute SHAP value)", style="bold")
    console.print(bars.signed(label["global_shap_values"]))
    console.print(
        f"The report: clary run -- aws s3 cp s3://{bucket}/{name}/documentation/report.html .", highlight=False
    )


def _deploy(console: Console, sagemaker: Any, name: str, best: dict[str, Any]) -> None:
    containers = [{k: c[k] for k in ("Image", "ModelDataUrl", "Environment")} for c in best["InferenceContainers"]]
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=FIRST_ROLE_ARN, Containers=containers)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    with console.status(f"endpoint {name}: loading the model"):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def _ask(console: Console, settings: Settings, name: str, row: dict[str, str], target: str) -> None:
    body = json.dumps({"instances": [row], "explain": True})
    answer = client(settings, "sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="application/json", Accept="application/json", Body=body
    )
    found = json.loads(answer["Body"].read())
    first = found["predictions"][0]
    said = first["predicted_label"] if isinstance(first, dict) else first
    console.print(
        f"\nThe endpoint {name} is up. For the first row of the file it says {target} = {said}, because",
        highlight=False,
    )
    console.print(bars.signed(found["explanations"][0], shown=4))
    values = ",".join(row.values())
    console.print('\nAsk it from Python, in a shell after eval "$(clary env)":', style="bold")
    line = f"boto3.client('sagemaker-runtime').invoke_endpoint(EndpointName={name!r}, ContentType='text/csv', Body={values!r})"
    console.print(f"import boto3; print({line}['Body'].read())", highlight=False, soft_wrap=True)
