"""Which preview an object gets by its name and its bytes."""

from __future__ import annotations

import json

import pytest

from clary.app import Studio
from clary.console.previews.objects import ending, preview

LINE = json.dumps({"source-ref": "s3://b/x.png"}).encode()


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("a.csv", b"a,b\n1,2\n", "table"),
        ("a.CSV", b"a,b\n1,2\n", "table"),
        ("a.png", b"\x89PNG", "picture"),
        ("a.svg", b"<svg><script>x</script></svg>", "text"),
        ("a.html", b"<script>x</script>", "page"),
        ("output.manifest", LINE, "manifest"),
        ("a.jsonl", LINE, "manifest"),
        ("a.jsonl", b'{"a": 1}\n', "table"),
        ("a.jsonl", b"[1]\n[2]\n", "text"),
        ("a.json", b'{"a":1}', "text"),
        ("a.json", b"{", "text"),
        ("a.json", b"[" * 100_000, "problem"),
        ("a.ipynb", b'{"cells": []}', "notebook"),
        ("a.ipynb", b"{}", "problem"),
        ("a.md", b"# A", "prose"),
        ("a", b"text", "text"),
        ("a", b"\xff\xfe\xfa\xfb\xfc", "problem"),
        ("a", b"\0", "problem"),
        ("a.csv", b"", "problem"),
        ("a.parquet", b"PAR1", "problem"),
    ],
)
def test_kinds(studio: Studio, name: str, body: bytes, kind: str) -> None:
    studio.context.buckets.create_bucket("ward")
    studio.context.buckets.put_bytes(f"s3://ward/f.old/{name}", body)
    assert preview(studio.context.own_buckets, f"s3://ward/f.old/{name}", len(body)).kind == kind


def test_a_document_is_set_out_in_lines(studio: Studio) -> None:
    studio.context.buckets.create_bucket("ward")
    studio.context.buckets.put_bytes("s3://ward/a.json", '{"ä":[1]}'.encode())
    assert preview(studio.context.own_buckets, "s3://ward/a.json", 10).value == '{\n  "ä": [\n    1\n  ]\n}'


def test_endings() -> None:
    names = ["a/b.CSV", "b.csv.gz", "b.tar.gz", "b", "b.c/d", ".csv", "b."]
    assert [ending(name) for name in names] == ["csv", "csv.gz", "tar.gz", "", "", "csv", ""]
