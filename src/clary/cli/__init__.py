"""The command line. One module per command; what is heavy is imported by the command that needs it."""

from __future__ import annotations

import importlib
import sys

import click

from clary import __version__

# command → module; a command's object has the command's name.
_COMMANDS = {
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


class _Commands(click.Group):
    """Loads a command's module when it is called, so that ``clary env`` costs no more than it needs."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"clary.cli.{_COMMANDS[name]}"), name)
        assert isinstance(command, click.Command)
        return command

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
