"""Where a setting's value came from."""

from __future__ import annotations

from clary.settings import Settings


def test_each_value_tells_its_source() -> None:
    variables = {"CLARY_JOBS": "7", "CLARY_PORT": "9000", "CLARY_HOST": "127.0.0.1"}
    found = Settings.read(variables, port=9001).sources(variables)
    assert found["jobs"] == "CLARY_JOBS"
    assert found["port"] == "flag"  # which wins over the variable
    assert found["host"] == "CLARY_HOST"  # although it says what the default says
    assert found["cache"] == "default"
