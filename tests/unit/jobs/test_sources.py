"""What a channel is made of, and each mistake in a manifest by its place."""

from __future__ import annotations

from typing import Any

import pytest

from clary.context import Context
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import sources
from clary.jobs.sources import CannotStage, Item
from clary.services.iam import roles


@pytest.fixture
def buckets(context: Context) -> GuardedBuckets:
    context.buckets.create_bucket("ward")
    for key in ("scan", "scans/", "scans/a.png", "scans/deep/b.png", "scans-old/c.png"):
        context.buckets.put_bytes(f"s3://ward/{key}", key.encode())
    return context.buckets_of(roles.ensure_first_role(context))


def manifest(context: Context, text: str) -> str:
    context.buckets.put_bytes("s3://ward/m", text.encode())
    return "s3://ward/m"


def names(items: list[Item]) -> dict[str, str]:
    return {item.name: item.uri.removeprefix("s3://ward/") for item in items}


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("scans/", {"a.png": "scans/a.png", "deep/b.png": "scans/deep/b.png"}),
        ("scans/deep", {"b.png": "scans/deep/b.png"}),
        ("scans/a", {"a.png": "scans/a.png"}),
        ("scans/a.png", {"a.png": "scans/a.png"}),
        (
            "scans",  # a folder is left out of the names, the beginning of a name is not
            {"a.png": "scans/a.png", "deep/b.png": "scans/deep/b.png", "scans-old/c.png": "scans-old/c.png"},
        ),
    ],
)
def test_a_prefix_is_all_keys_that_begin_so(buckets: GuardedBuckets, prefix: str, expected: dict[str, str]) -> None:
    assert names(sources.objects(buckets, {"S3DataType": "S3Prefix", "S3Uri": f"s3://ward/{prefix}"})) == expected


def test_a_manifest_is_its_prefix_and_what_follows(context: Context, buckets: GuardedBuckets) -> None:
    uri = manifest(context, '[{"prefix": "s3://ward/sca"}, "ns/deep/b.png", "n"]')
    found = sources.objects(buckets, {"S3DataType": "ManifestFile", "S3Uri": uri})
    assert names(found) == {"ns/deep/b.png": "scans/deep/b.png", "n": "scan"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "the manifest s3://ward/m is no JSON"),
        ("[]", "does not begin with its prefix"),
        ('["a"]', "does not begin with its prefix"),
        (
            '[{"prefix": "s3://ward/"}, "scan", "gone.png"]',
            "the manifest s3://ward/m names in its entry 3 the object s3://ward/gone.png, which does not exist",
        ),
        ('[{"prefix": "s3://ward/"}, 7]', "names in its entry 2 7: an entry is what follows the prefix"),
        ('[{"prefix": "s3://nobody/"}, "x"]', "entry 2 the object s3://nobody/x, which does not exist"),
        ('[{"prefix": "ward/"}, "x"]', "entry 2 'ward/x' is not an S3 URI"),
        ("\xff", "is no text in UTF-8"),
    ],
)
def test_a_mistake_in_a_manifest_is_told_by_its_entry(
    context: Context, buckets: GuardedBuckets, text: str, reason: str
) -> None:
    context.buckets.put_bytes("s3://ward/m", text.encode("latin-1"))
    with pytest.raises(CannotStage) as error:
        sources.objects(buckets, {"S3DataType": "ManifestFile", "S3Uri": "s3://ward/m"})
    assert str(error.value).startswith("ClientError: Data download failed: ")
    assert reason in str(error.value)


def test_a_line_gives_its_attributes_in_the_order_that_was_asked_for(context: Context, buckets: GuardedBuckets) -> None:
    text = (
        '{"source-ref": "s3://ward/scan", "class": 1, "note": "\N{LATIN SMALL LETTER E WITH ACUTE}", "more": {"a": [0.5]}}'
        '\n\n{"class": 0, "source-ref": "s3://ward/scans/a.png", "note": "", "more": null}\r\n'
    )
    found = lines(context, buckets, text, "more", "source-ref", "class", "note")
    assert [[part.uri if isinstance(part, Item) else part for part in line] for line in found] == [
        ['{"a": [0.5]}', "s3://ward/scan", "1", '"\N{LATIN SMALL LETTER E WITH ACUTE}"'],
        ["null", "s3://ward/scans/a.png", "0", '""'],
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 3: no JSON"),
        ("[1]", "line 3: a line is a JSON object, this one is [1]"),
        ('{"source-ref": "s3://ward/scan"}', "line 3: there is no attribute 'class'; it has 'source-ref'"),
        ('{"source-ref": 5, "class": 1}', "line 3: the attribute 'source-ref' is 5, not the URI of an object"),
        (
            '{"source-ref": "s3://ward/gone.png", "class": 1}',
            "line 3, names in 'source-ref' the object s3://ward/gone.png, which does not exist",
        ),
        ('{"source-ref": "s3://ward", "class": 1}', "line 3, names in 'source-ref' s3://ward, which is a bucket"),
        ('{"source-ref": "x", "class": 1}', "line 3, names in 'source-ref' 'x' is not an S3 URI"),
    ],
)
def test_a_mistake_in_an_augmented_manifest_is_told_by_its_line(
    context: Context, buckets: GuardedBuckets, line: str, reason: str
) -> None:
    good = '{"source-ref": "s3://ward/scan", "class": 1}'
    with pytest.raises(CannotStage) as error:
        lines(context, buckets, f"{good}\n\n{line}\n{good}\n", "source-ref", "class")
    assert f"the manifest s3://ward/m, {reason}" in str(error.value)


def lines(context: Context, buckets: GuardedBuckets, text: str, *attributes: str) -> list[Any]:
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": manifest(context, text), "AttributeNames": attributes}
    return sources.lines(buckets, source)
