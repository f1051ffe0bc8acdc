"""The command line. One module per command; what is heavy is imported by the command that needs it."""

from __future__ import annotations

import sys
from typing import ClassVar

import click

from clary import __version__
from clary.cli.lazy import Commands


class _Commands(Commands):
    modules: ClassVar = {
        "up": "up",
        "down": "down",
        "status": "status",
        "describe": "describe",
        "logs": "logs",
        "audit": "audit",
        "backup": "backup",
        "restore": "backup",
        "env": "env",
        "run": "run",
        "images": "images",
        "project": "project",
        "studio": "studio",
        "autopilot": "autopilot",
        "debugger": "debugger",
        "records": "records",
        "spot": "spot",
        "users": "users",
        "doctor": "doctor",
        "clock": "clock",
        "console": "console",
        "labelling": "labelling",
    }

    def invoke(self, context: click.Context) -> object:
        """A server that dies or hangs under a command is told in a sentence."""
        try:
            return super().invoke(context)
        except _unreachable() as error:
            raise click.ClickException(
                f"The server does not answer any more ({error}). See whether it runs: clary status. "
                "Its log is server.log in the data folder; clary up --detach starts it again, and jobs go on."
            ) from None


def _unreachable() -> tuple[type[BaseException], ...]:
    # Looked up when something has failed: a command that has not loaded botocore has not talked to the server.
    exceptions = sys.modules.get("botocore.exceptions")
    return (exceptions.HTTPClientError,) if exceptions else ()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clary")
def main() -> None:
    """A machine-learning studio, compatible with SageMaker, on your own machine.

    \b
    A first walk:
      clary up --detach                      start the server
      clary console --open                   its web pages, in your browser
      clary project open first_lab           twenty minutes, if all of this is new
      clary project run hospital_costs       a whole project, end to end
      eval "$(clary env)"                    let boto3 and the SageMaker SDK talk to it
      clary status                           what runs, and what failed and why
    """
