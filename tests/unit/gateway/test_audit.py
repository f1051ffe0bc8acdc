"""What an audit row says of a call, from its operation alone."""

from __future__ import annotations

import pytest

from clary.gateway.audit import is_read_only


@pytest.mark.parametrize(
    ("operation", "reads"),
    [
        ("Search", True),
        ("GetObject", True),
        ("QueryLineage", True),
        ("GenerateDataKey", True),
        ("CreateModel", False),
        ("InvokeEndpoint", False),
        ("GetsomethingElse", False),
    ],
)
def test_a_verb_tells_whether_a_call_only_reads(operation: str, reads: bool) -> None:
    assert is_read_only(operation) is reads
