"""``clary debugger report``: the page of what a training job's rules found, also while they look."""

from __future__ import annotations

from pathlib import Path

import click

from clary.cli import described, options, rules, servers
from clary.cli.client import client
from clary.jobs import rule_report


@click.command()
@click.argument("job")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page; JOB-rules.html here if not given.",
)
@options.data
def report(job: str, output: Path | None, data: Path | None) -> None:
    """Write one page of what the rules of a job found.

    It has charts of the losses of training job JOB and of what fired.
    """
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker = client(settings, "sagemaker")
    try:
        found = described.describe(sagemaker, "TrainingJob", job)
    except sagemaker.exceptions.ClientError:
        raise click.ClickException(f"There is no training job {job!r}. See: clary status") from None
    if not found.get("DebugRuleEvaluationStatuses"):
        raise click.ClickException(
            f"The training job {job} has no rules. An estimator of the SageMaker SDK takes them as "
            "rules=[Rule.sagemaker(rule_configs.loss_not_decreasing())]."
        )
    target = output or Path(f"{job}-rules.html")
    target.write_text(rule_report.build(found, rules.evaluations(client(settings, "s3"), found)))
    click.echo(target)
    click.echo(f"When all rules have ended it is also at {rule_report.uri(found)}")
