"""The tasks of a job on its hosts: named, watched together, merged at the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.engines.base import Task
from clary.engines.local import LocalEngine
from clary.jobs import instances
from clary.jobs.instances import Host, Instances, Standing


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "tasks", sandbox="off")
    yield engine
    engine.close()


def make(engine: LocalEngine, tmp_path: Path, *commands: str) -> Instances:
    names = [f"algo-{number + 1}" for number in range(len(commands))]
    made = Instances(engine, tmp_path / "tasks/job", names)
    made.start(
        Task(directory=made.folder(name), command=["/bin/sh", "-c", command], grace=5.0)
        for name, command in zip(names, commands, strict=True)
    )
    return made


def wait(engine: LocalEngine, made: Instances, *, cause: bool = False) -> Standing:
    """Until all have ended, or (``cause``) one has failed."""
    news = threading.Event()
    leave = engine.subscribe(lambda _: news.set())
    try:
        for _ in range(600):
            standing = made.poll()
            if standing.ended is not None or (cause and standing.cause):
                return standing
            news.wait(0.1)
            news.clear()
    finally:
        leave()
    raise AssertionError("they never ended")


def test_hosts_are_named_in_the_order_of_letters() -> None:
    names = [host.name for host in instances.hosts({"InstanceType": "ml.m5.large", "InstanceCount": 11})]
    assert names == ["algo-1", "algo-10", "algo-11", *(f"algo-{n}" for n in range(2, 10))]


def test_groups_have_hosts_of_their_own_type() -> None:
    groups = [
        {"InstanceGroupName": "cpus", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
        {"InstanceGroupName": "big", "InstanceType": "ml.m5.24xlarge", "InstanceCount": 1},
    ]
    assert instances.hosts({"InstanceGroups": groups}) == [
        Host("algo-1", "ml.c5.xlarge", "cpus"),
        Host("algo-2", "ml.c5.xlarge", "cpus"),
        Host("algo-3", "ml.m5.24xlarge", "big"),
    ]


def test_a_job_ends_when_all_of_its_hosts_have(engine: LocalEngine, tmp_path: Path) -> None:
    standing = wait(engine, make(engine, tmp_path, "true", "true"))
    assert (standing.cause, standing.exit_code, standing.missing) == ("", 0, [])


def test_the_host_that_failed_first_is_the_cause(engine: LocalEngine, tmp_path: Path) -> None:
    made = make(engine, tmp_path, "exec sleep 600", "exit 7")
    early = wait(engine, made, cause=True)
    assert (early.ended, early.cause) == (None, "algo-2")
    made.stop()
    late = wait(engine, made)
    assert (late.cause, late.exit_code) == ("algo-2", 7)


def test_a_host_that_was_never_started_is_missed(engine: LocalEngine, tmp_path: Path) -> None:
    made = make(engine, tmp_path, "true")
    assert Instances(engine, made.directory, ["algo-1", "algo-2"]).poll().missing == ["algo-2"]


def test_what_the_hosts_made_is_merged_and_the_last_one_stays(engine: LocalEngine, tmp_path: Path) -> None:
    made = make(engine, tmp_path, "true", "true")
    wait(engine, made)
    for name, content in (("algo-1", "first"), ("algo-2", "second")):
        model = made.folder(name) / "ml/model"
        (model / "deep").mkdir(parents=True, exist_ok=True)
        (model / "same").write_text(content)
        (model / "deep" / name).write_text(content)
    for _ in range(2):  # again after a crash
        merged = made.merged("model")
        found = {str(p.relative_to(merged)): p.read_text() for p in merged.rglob("*") if p.is_file()}
        assert found == {"same": "second", "deep/algo-1": "first", "deep/algo-2": "second"}


def test_a_folder_that_became_a_link_is_not_followed(engine: LocalEngine, tmp_path: Path) -> None:
    made = make(engine, tmp_path, "ln -s /etc model")
    wait(engine, made)
    with pytest.raises(OSError, match="model on the way is a symbolic link"):
        made.merged("model")


def test_a_job_of_before_has_its_task_in_its_own_folder(engine: LocalEngine, tmp_path: Path) -> None:
    folder = tmp_path / "tasks/job"
    engine.start(Task(directory=folder, command=["true"]))
    assert Instances(engine, folder, ["algo-1"]).poll().missing == []
