"""Credentials of tasks: each task's are its own, whatever its folder is called."""

from __future__ import annotations

from pathlib import Path

from clary.context import Context
from clary.jobs.credentials import TaskCredentials
from clary.keys import Keys
from clary.services.iam import roles


def test_tasks_of_one_name_in_two_folders_have_credentials_of_their_own(context: Context, tmp_path: Path) -> None:
    role = roles.ensure_first_role(context)
    credentials = TaskCredentials(context.store, Keys(context.store), context.rights, 1, tmp_path / "bundle", {})
    first, second = (credentials.environment(context, role, tmp_path / job / "algo-1") for job in ("one", "two"))
    assert first["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != second["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    credentials.void(tmp_path / "one" / "algo-1")
    identifier = second["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rpartition("/")[2]
    assert credentials.answer(identifier, second["AWS_CONTAINER_AUTHORIZATION_TOKEN"]) is not None
