"""The data pages without a browser: addresses, orders, pages, what is refused, uploads that go on."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from clary.app import Studio
from clary.console.templates import s3_page
from clary.context import Context
from tests.unit.console.conftest import Asker

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def owner(asker: Asker) -> Asker:
    return asker.as_owner()


@pytest.fixture
def context(studio: Studio) -> Context:
    studio.context.buckets.create_bucket("ward")
    return studio.context


def form(asker: Asker, path: str, **fields: str) -> tuple[int, dict[str, str], str]:
    return asker.ask("POST", path, urlencode(fields))


def test_buckets_and_folders(owner: Asker, context: Context) -> None:
    assert form(owner, "/_/data", name="No!")[0] == 400
    status, headers, _ = form(owner, "/_/data", name="other")
    assert (status, headers["location"]) == (303, "/_/data/other/")
    assert "Nothing here yet" in owner.get("/_/data/other/")
    for key in ("a <b>%20.txt", "f/x", "f/y/z", "f/"):
        context.buckets.put_bytes(f"s3://ward/{key}", b"text")
    page = owner.get("/_/data/ward/")
    assert 'href="/_/data/ward/a%20%3Cb%3E%2520.txt"' in page
    assert "a &lt;b&gt;%20.txt" in page
    assert 'href="/_/data/ward/f/"' in page
    page = owner.get("/_/data/ward/f/")
    assert 'id="object-f/x"' in page
    assert 'id="object-f/"' not in page
    assert owner.ask("GET", "/_/data/none/")[0] == 404
    assert owner.ask("GET", "/_/data/ward/none")[0] == 404


def test_a_beginning_leads_to_what_begins_so(owner: Asker, context: Context) -> None:
    context.buckets.put_bytes("s3://ward/runs/1/model", b"x")
    assert owner.ask("GET", "/_/data/ward/runs")[1]["location"] == "/_/data/ward/runs/"
    assert owner.ask("GET", "/_/data/ward/runs/1/mo")[1]["location"] == "/_/data/ward/runs/1/?Prefix=mo"


def test_a_key_that_browsers_would_change(owner: Asker, context: Context) -> None:
    context.buckets.put_bytes("s3://ward/a/../../../users/x", b"here")
    address = s3_page("s3://ward/a/../../../users/x")
    assert ".." not in address.partition("?")[0]
    assert "here" in owner.get(address)
    status, _ = owner.post("/_/uploads/begin", bucket="ward", key="a/../b", size=1)
    assert status == 400
    form(owner, "/_/objects/delete", bucket="ward", key="a/../../../users/x")
    assert list(context.buckets.list("s3://ward/")) == []


def test_ten_thousand_keys(owner: Asker, context: Context) -> None:
    first = context.buckets.put_bytes("s3://ward/k", b"x")
    entries = [replace(first, key=f"k{i:05}", size=i) for i in range(10_050)]
    with ThreadPoolExecutor(64) as threads:  # the store writes what comes together in one go
        list(threads.map(context.buckets.keys.put, entries))
    began = time.process_time()
    page = owner.get("/_/data/ward/")
    assert time.process_time() - began < 0.5
    assert page.count('<tr id="object-') == 100
    assert 'rel="next"' in page
    assert owner.get("/_/data/ward/?Prefix=k0001").count('<tr id="object-') == 10
    page = owner.get("/_/data/ward/?SortBy=Size&SortOrder=Descending")
    assert "first 10,000 names" in page
    assert page.index("k09998") < page.index("k09997")
    page = owner.get("/_/data/ward/?SortBy=Size&SortOrder=Descending&NextToken=at%3A9900")
    assert page.count('<tr id="object-') == 100
    assert 'rel="next"' not in page


def test_what_is_read_is_a_file_to_keep(owner: Asker, context: Context) -> None:
    context.buckets.put_bytes("s3://ward/é <x>.html", b"<script>alert(1)</script>", content_type="text/html")
    address = "/_/objects/content?" + urlencode({"uri": "s3://ward/é <x>.html"})
    _, headers, text = owner.ask("GET", address)
    assert text == "<script>alert(1)</script>"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%A9%20%3Cx%3E.html"
    status, headers, text = owner.ask("GET", address, range="bytes=1-6")
    assert (status, headers["content-range"], text) == (206, "bytes 1-6/25", "script")


def test_a_page_is_shown_in_a_frame_that_reaches_nothing(owner: Asker, context: Context) -> None:
    context.buckets.put_bytes("s3://ward/é <x>.html", b"<script>alert(1)</script>", content_type="text/html")
    shown = owner.get("/_/data/ward/%C3%A9%20%3Cx%3E.html")
    assert "alert(1)" not in shown
    found = re.search(r'<iframe class="drawn" src="([^"]+)" title="é &lt;x&gt;.html" sandbox="allow-scripts">', shown)
    assert found is not None
    _, headers, text = owner.ask("GET", found[1].replace("&amp;", "&"))
    assert text == "<script>alert(1)</script>"
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'unsafe-inline' data: blob:;")
    assert "frame-ancestors 'self'" in policy
    assert owner.ask("GET", "/_/objects/page?uri=s3%3A%2F%2Fward%2Fnone.html")[0] == 404


def test_an_upload_begins_goes_on_and_ends(owner: Asker, context: Context, studio: Studio) -> None:
    size = (8 << 20) + 5
    named = {"bucket": "ward", "key": "big", "size": size}
    status, told = owner.post("/_/uploads/begin", **named, type="text/csv")
    assert (status, told["part"], told["done"]) == (200, 8 << 20, [])
    assert owner.post("/_/uploads/complete", **named, upload=told["upload"])[1] == {"missing": [1, 2]}
    _, again = owner.post("/_/uploads/begin", **named, upload=told["upload"])
    assert again == told
    _, address = owner.post("/_/uploads/address", **named, upload=told["upload"], number=2)
    assert address["put"].startswith("/ward/big?partNumber=2&uploadId=")
    assert "X-Amz-Signature" in address["put"]
    for number in (0, 10_001, "1"):
        assert owner.post("/_/uploads/address", **named, upload=told["upload"], number=number)[0] == 400
    assert "Uploads that were cut" in owner.get("/_/data/ward/")
    assert form(owner, "/_/uploads/abort", bucket="ward", key="big", upload=told["upload"])[0] == 303
    _, new = owner.post("/_/uploads/begin", **named, upload=told["upload"])
    assert new["upload"] != told["upload"]


def test_what_is_there_is_not_replaced_without_a_word(owner: Asker, context: Context) -> None:
    context.buckets.put_bytes("s3://ward/x", b"1")
    named = {"bucket": "ward", "key": "x", "size": 3}
    assert owner.post("/_/uploads/begin", **named)[1] == {"exists": True}
    assert "put" in owner.post("/_/uploads/begin", **named, replace=True)[1]


@pytest.mark.parametrize("wrong", [{"bucket": 1}, {"key": ""}, {"size": -1}, {"size": "x"}, {"size": 6 << 40}])
def test_what_is_no_upload(owner: Asker, context: Context, wrong: dict[str, object]) -> None:
    status, told = owner.post("/_/uploads/begin", **{"bucket": "ward", "key": "x", "size": 1, **wrong})
    assert (status, told["code"]) == (400, "ValidationException")


def test_a_manifest_in_pages_and_one_by_one(owner: Asker, context: Context) -> None:
    lines = "\n".join(json.dumps({"source-ref": f"s3://ward/{i}.png"}) for i in range(30))
    context.buckets.put_bytes("s3://ward/output.manifest", lines.encode())
    page = owner.get("/_/data/ward/output.manifest")
    assert page.count('class="picture"') == 24
    assert owner.get("/_/data/ward/output.manifest?from=24").count('class="picture"') == 6
    page = owner.get("/_/data/ward/output.manifest?line=25")
    assert "?line=24" in page
    assert "?line=26" in page
    assert "?from=24" in page
