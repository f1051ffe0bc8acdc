"""The local engine keeps the contract of engines, with a sandbox and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.engines.local import LocalEngine
from tests.contracts.engine import EngineContract


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tasks"


class TestPlainProcesses(EngineContract):
    @pytest.fixture
    def engine(self, tasks: Path) -> Iterator[LocalEngine]:
        engine = LocalEngine(tasks, sandbox="off")
        yield engine
        engine.close()


class TestSandboxed(EngineContract):
    @pytest.fixture
    def engine(self, tasks: Path) -> Iterator[LocalEngine]:
        engine = LocalEngine(tasks)
        if engine.isolation().level != "bubblewrap":
            pytest.skip(engine.isolation().uncovered[0])
        yield engine
        engine.close()
