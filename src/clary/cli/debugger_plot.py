"""``clary debugger plot``: what a training job saved of its network, as a picture."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click

from clary.cli import options, servers
from clary.cli.client import client
from clary.images import catalog
from clary.images.environments import CannotBuild, Environments

_LOCK = Path(catalog.__file__).parent / "tensor_plot/requirements.lock"
_PROGRAM = "clary.images.tensor_plot.plot"


@click.command()
@click.argument("job")
@options.data
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="The file (default: JOB.html).")
def plot(job: str, data: Path | None, output: Path | None) -> None:
    """Draw the tensors that a job has saved so far.

    Also while it runs: one page with pictures to turn and a slider over the steps.

    The page loads nothing and can be sent to others. What draws it is built once, about 105 MB.
    """
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker, s3 = client(settings, "sagemaker"), client(settings, "s3")
    try:
        found = sagemaker.describe_training_job(TrainingJobName=job)
    except sagemaker.exceptions.ClientError:
        raise click.ClickException(f"There is no training job named {job!r}. See: clary status") from None
    config = found.get("DebugHookConfig")
    if config is None:
        raise click.ClickException(
            f"{job} has no DebugHookConfig, so it saves no tensors. Train it with one: docs/guides/debugging.md"
        )
    output = output or Path(f"{job}.html")
    environments = Environments(settings.cache)
    try:
        if environments.python(_LOCK) is None:
            click.echo("Building what draws, once (about 105 MB).", err=True)
        python, runtime = environments.build(_LOCK), environments.runtime()
    except CannotBuild as error:
        raise click.ClickException(str(error)) from None
    with tempfile.TemporaryDirectory() as folder:
        _fetch(s3, f"{config['S3OutputPath'].rstrip('/')}/{job}/debug-output/", Path(folder))
        command = [str(python), "-m", _PROGRAM, folder, str(output), f"{job}"]
        environment = {**os.environ, "PYTHONPATH": str(runtime)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(done.stderr.strip().rpartition("\n")[2].removeprefix("ValueError: ") or "it failed")
    click.echo(str(output))


def _fetch(s3: Any, uri: str, folder: Path) -> None:
    """All files below ``uri``; a key that leads out of the folder is left out."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            path = folder / item["Key"][len(prefix) :]
            if path.resolve().is_relative_to(folder.resolve()) and not item["Key"].endswith("/"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
