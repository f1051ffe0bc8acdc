"""What ``--help`` shows: every command by a whole sentence, on the narrowest usual terminal."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from clary.cli import main


def groups(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each group's path and its help, 80 columns wide."""
    if isinstance(command, click.Group):
        yield context.command_path, command.get_help(context)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from groups(child, click.Context(child, parent=context, info_name=name, terminal_width=80))


HELPS = dict(groups(main, click.Context(main, info_name="clary", terminal_width=80)))


@pytest.mark.parametrize("path", HELPS)
def test_no_sentence_of_a_list_of_commands_is_cut_off(path: str) -> None:
    cut = [line for line in HELPS[path].splitlines() if line.endswith("...") and not line.startswith("Usage:")]
    assert cut == []


def test_every_group_is_looked_at() -> None:
    assert {"clary", "clary project", "clary labelling workers"} <= set(HELPS)
