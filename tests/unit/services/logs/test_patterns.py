"""Filter patterns. The expectations are from CloudWatch Logs' documentation "Filter pattern syntax"."""

from __future__ import annotations

import json

import pytest

from clary.errors import ServiceError
from clary.services.logs import patterns

LINES = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "[WARN] slow, it took 3.5 s",
    'INTERNAL SERVER ERROR "quoted"',
]
TERMS = {
    "": [0, 1, 2, 3, 4, 5],
    "ERROR": [0, 1, 2, 3, 5],
    "error": [],
    "ERROR ARGUMENTS": [2, 3],
    "?ERROR ?WARN": [0, 1, 2, 3, 4, 5],
    "?400 ?WARN": [0, 4],
    '"INTERNAL SERVER ERROR"': [5],
    '"[ERROR"': [0, 1, 2, 3],
    r'"\"quoted\""': [5],
    "ERROR -ARGUMENTS": [0, 1, 5],
    "-ERROR": [4],
    '-"BAD REQUEST" -WARN': [1, 2, 3, 5],
    "?WARN ERROR -ARGUMENTS": [0, 1, 5],  # optional terms beside others are not looked at
    "%AUTHORIZED%": [1],
    r"%4[01]\d%": [0, 1, 2],
    "%ERROR 4.*REQUEST$%": [0, 1],
    "ERROR %4[02]0%": [0, 3],
}

COMMON = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
COLUMNS = {
    "[ip, user, username, timestamp, request, status_code, bytes]": True,
    "[ip, user, username, timestamp, request, status_code]": False,
    "[ip, user, username, timestamp, request, status_code = 4*, bytes]": True,
    "[ip, user, username, timestamp, request, status_code = 404, bytes > 1000]": True,
    "[ip, user, username, timestamp, request, status_code = 404, bytes > 1534]": False,
    "[ip, ..., status_code = 4*, bytes]": True,
    "[..., request =*html*, status_code = 4* || status_code = 5*, bytes]": True,
    '[..., request = "GET /index.html HTTP/1.0", status, bytes]': True,
    "[..., status_code, bytes >= 1534 && bytes < 2000]": True,
    "[ip = %127\\.0\\.0\\.[1-9]%, ...]": True,
    "[ip != 10.*, ...]": True,
    "[ip != 127.*, ...]": False,
    "[..., bytes = 1534.0]": True,
    "[a, b, c, d, e, f, g, ...]": True,
    "[a, b, c, d, e, f, g, h, ...]": False,
}

DOCUMENT = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "OtherFlag": False,
    "epoch": 3,
    "loss": 1.5e-3,
    "text": "12",
    "cluster.name": "c",
}
DOCUMENTS = {
    '{ $.eventType = "UpdateTrail" }': True,
    "{ $.eventType = UpdateTrail }": True,
    "{ $.eventType = Update* }": True,
    "{ $.eventType != Update* }": False,
    '{ $.eventType != "x" }': True,
    '{ $.missing != "x" }': False,
    "{ $.sourceIPAddress != 123.123.* }": True,
    '{ $.arrayKey[0] = "value" }': True,
    '{ $.arrayKey[2] = "value" }': False,
    "{ $.objectList[1].id = 2 }": True,
    "{ $.SomeObject IS NULL }": True,
    "{ $.eventType IS NULL }": False,
    "{ $.SomeOtherObject NOT EXISTS }": True,
    "{ $.SomeObject NOT EXISTS }": False,
    "{ $.ThisFlag IS TRUE }": True,
    "{ $.OtherFlag IS FALSE }": True,
    "{ $.OtherFlag is true }": False,
    "{ $.epoch > 2 && $.epoch <= 3 }": True,
    "{ $.epoch = 3.0 }": True,
    "{ $.loss < 1e-2 }": True,
    "{ $.text > 11 }": True,
    "{ $.eventType > 1 }": False,
    "{ ($.epoch = 1 || $.epoch = 3) && $.ThisFlag IS TRUE }": True,
    "{ $.epoch = 3 || $.missing = 1 && $.missing = 2 }": True,
    "{ $.eventType = %Trail|Other% }": True,
    "{ $.['cluster.name'] = c }": True,
    '{ $["cluster.name"] = "c" }': True,
}


@pytest.mark.parametrize("pattern", TERMS)
def test_terms_are_found_in_messages(pattern: str) -> None:
    matches = patterns.read(pattern)
    assert [n for n, line in enumerate(LINES) if matches(line) is not None] == TERMS[pattern]


@pytest.mark.parametrize("pattern", COLUMNS)
def test_columns_are_compared_with_fields(pattern: str) -> None:
    assert (patterns.read(pattern)(COMMON) is not None) == COLUMNS[pattern]


@pytest.mark.parametrize("pattern", DOCUMENTS)
def test_documents_are_compared_by_their_members(pattern: str) -> None:
    assert (patterns.read(pattern)(json.dumps(DOCUMENT)) is not None) == DOCUMENTS[pattern]


@pytest.mark.parametrize("message", ["", "plain text", "{no json", "[1]", '{"a": ' * 100_000, '"{"'])
def test_what_is_no_document_matches_no_json_pattern(message: str) -> None:
    assert patterns.read("{ $.a NOT EXISTS }")(message) is None


def test_what_was_compared_is_taken_out() -> None:
    found = patterns.read("[ip, ..., request, status = 404, bytes]")(COMMON)
    assert found == {
        "$ip": "127.0.0.1",
        "$request": "GET /index.html HTTP/1.0",
        "$status": "404",
        "$bytes": "1534",
    }
    assert patterns.read("{ $.epoch > 1 && $.none NOT EXISTS }")(json.dumps(DOCUMENT)) == {"$.epoch": "3"}


@pytest.mark.parametrize(
    "pattern",
    [
        '"unclosed',
        "%a(b)%",
        "%[%",
        "[a, b",
        "[]",
        "[a,,b]",
        "[a, ..., b, ...]",
        "[a, a]",
        "[a = 1 && b = 2]",
        "[a = ]",
        "{ $.a = 1",
        "{ }",
        "{ $.a }",
        "{ $.a = }",
        "{ a = 1 }",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a = 1 ) }",
        "{ $.a IS MAYBE }",
        "{ " + "(" * 400 + "$.a = 1" + ")" * 400 + " }",
    ],
)
def test_what_is_no_pattern_is_told_so(pattern: str) -> None:
    with pytest.raises(ServiceError, match="Invalid filter pattern") as error:
        patterns.read(pattern)
    assert error.value.code == "InvalidParameterException"


def test_a_pattern_that_never_ends_is_stopped() -> None:
    matches = patterns.read("%" + "[ab]*" * 8 + "[cd]%")
    with pytest.raises(ServiceError, match="takes too long"):
        matches("a" * 5000)
