"""Health: ok only if every part is."""

from __future__ import annotations

from clary.gateway.health import OK, Health


def test_one_part_that_fails_makes_it_fail() -> None:
    parts = {"database": OK, "disk": OK}
    health = Health({name: lambda name=name: parts[name] for name in parts}, [("s3", "a"), ("s3", "b"), ("iam", "c")])  # type: ignore[misc]
    assert health.look()["status"] == "ok"
    assert health.look()["services"] == {"iam": 1, "s3": 2}
    parts["disk"] = "3 MB are free"
    found = health.look()
    assert (found["status"], found["parts"]["disk"]) == ("failing", "3 MB are free")
