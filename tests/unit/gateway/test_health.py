"""Health: ok only if every part is."""

from __future__ import annotations

from clary.clock import Clock, Move
from clary.gateway.health import OK, Health


def test_one_part_that_fails_makes_it_fail() -> None:
    parts = {"database": OK, "disk": OK}
    probes = {name: lambda name=name: parts[name] for name in parts}  # type: ignore[misc]
    health = Health(probes, [("s3", "a"), ("s3", "b"), ("iam", "c")], Clock([Move(0, 7_200_000)]))
    assert health.look()["status"] == "ok"
    assert health.look()["services"] == {"iam": 1, "s3": 2}
    assert health.look()["clock"]["ahead"] == 7200
    parts["disk"] = "3 MB are free"
    found = health.look()
    assert (found["status"], found["parts"]["disk"]) == ("failing", "3 MB are free")
