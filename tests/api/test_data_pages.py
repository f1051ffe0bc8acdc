"""What the data pages show and take is what whoever is signed in may, down to the addresses that a script puts parts at."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.api.test_console import Browser, link
from tests.conftest import Studio


@pytest.fixture
def reader(studio: Studio, browser_of_data: Browser) -> Browser:
    """Somebody who may read below ``open/`` and nothing else."""
    iam = studio.client("iam")
    iam.create_user(UserName="reader")
    iam.create_access_key(UserName="reader")
    statements = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ward-7/open/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ward-7"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=document)
    assert browser_of_data.enter(link(studio, "--user", "reader")) == 303
    return browser_of_data


@pytest.fixture
def browser_of_data(studio: Studio) -> Browser:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="ward-7")
    for key in ("open/a.csv", "closed/b.csv"):
        s3.put_object(Bucket="ward-7", Key=key, Body=b"name,age\nsecret,7\n")
    return Browser(studio.url)


def test_what_somebody_may_not_read_is_not_shown(studio: Studio, reader: Browser) -> None:
    assert "secret" in reader.get("/_/data/ward-7/open/a.csv")[2]
    assert reader.get("/_/objects/content?uri=s3://ward-7/open/a.csv")[0] == 200
    for path in ("/_/data/ward-7/closed/b.csv", "/_/objects/content?uri=s3://ward-7/closed/b.csv"):
        status, _, text = reader.get(path)
        assert (status, "secret" in text) == (403, False)
        assert "not authorized to perform: s3:GetObject" in text
    # Nor written: the address is the key's, and the key may not.
    new = json.dumps({"bucket": "ward-7", "key": "open/new", "size": 1})
    status, _, text = reader.ask("POST", "/_/uploads/begin", new, accept="application/json")
    assert status == 200
    connection = http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=60)
    connection.request("PUT", json.loads(text)["put"], b"x")
    assert connection.getresponse().status == 403
    connection.close()
    large = json.dumps({"bucket": "ward-7", "key": "open/new", "size": 9 << 20})
    assert reader.ask("POST", "/_/uploads/begin", large, accept="application/json")[0] == 403
    gone = "bucket=ward-7&key=open%2Fa.csv"
    assert reader.ask("POST", "/_/objects/delete", gone)[0] == 403
    assert studio.client("s3").list_objects_v2(Bucket="ward-7")["KeyCount"] == 2


def test_nobody_and_another_site_get_nothing(studio: Studio, browser_of_data: Browser) -> None:
    for path in ("/_/data", "/_/data/ward-7/", "/_/objects/content?uri=s3://ward-7/open/a.csv"):
        assert browser_of_data.get(path)[0] == 401
    assert browser_of_data.ask("POST", "/_/uploads/begin", "{}", accept="application/json")[0] == 401
    forged = browser_of_data.ask(
        "POST", "/_/objects/delete", "bucket=ward-7&key=open%2Fa.csv", origin="http://evil.test"
    )
    assert forged[0] == 403
