"""Nothing acknowledged is lost by kill -9, whenever it comes; the program is ``tests/e2e/crash.py``."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e.crash import run_both


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_200_kills_in_a_mixed_load_lose_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # shown if it fails: python -m tests.e2e.crash --seed ...
    acknowledged, interrupted = run_both(tmp_path, 200, seed)
    assert acknowledged > 2000
    assert interrupted > 100
