"""The web pages by HTTP: who is let in, what keeps other sites out, what every page has; a browser's part is in tests/browser."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Studio


class Browser:
    """Sends what a browser would: its cookies, an Origin with forms."""

    def __init__(self, url: str) -> None:
        self.url, self.cookies = url, {}

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        given = {"accept": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            given = {"origin": self.url, "content-type": "application/x-www-form-urlencoded"} | given
        connection.request(method, path, body or None, {k: v for k, v in given.items() if v})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        raw = answer.read()
        connection.close()
        for name, value in re.findall(r"([\w]+)=([^;]*); Path", found.get("set-cookie", "")):
            self.cookies[name] = value
        text = gzip.decompress(raw) if found.get("content-encoding") == "gzip" else raw
        return answer.status, found, text.decode()

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        return self.ask("GET", path, **headers)

    def enter(self, link: str) -> int:
        return self.ask("POST", "/_/sign-in", urlsplit(link).query)[0]


def link(studio: Studio, *more: str) -> str:
    found = studio.clary("console", "--data", str(studio.data), *more)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture
def browser(studio: Studio) -> Browser:
    return Browser(studio.url)


@pytest.fixture
def owner(studio: Studio, browser: Browser) -> Browser:
    assert browser.enter(link(studio)) == 303
    return browser


def events(studio: Studio, name: str) -> list[dict[str, Any]]:
    """What the trail holds of calls of this name, the newest last."""
    time.sleep(0.5)  # a row of a call that wrote nothing waits for others, see store/audit_events.py
    found = studio.clary("audit", "--data", str(studio.data), "--json", "--last", "500")
    assert found.returncode == 0, found.stderr
    return [event for line in found.stdout.splitlines() if (event := json.loads(line))["eventName"] == name]


def test_a_browser_is_led_to_the_pages_and_a_client_is_not(browser: Browser) -> None:
    status, headers, _ = browser.get("/")
    assert (status, headers["location"]) == (303, "/_/")
    assert browser.get("/", accept="*/*")[0] == 403  # S3's ListBuckets, unsigned


def test_a_link_signs_in_once(studio: Studio, browser: Browser) -> None:
    status, _, text = browser.get("/_/")
    assert status == 401
    assert "clary console" in text
    address = link(studio)
    token = urlsplit(address)
    assert "Sign in as yourself" in browser.get(f"{token.path}?{token.query}")[2], "looking at it does not use it up"
    assert browser.enter(address) == 303
    assert browser.get("/_/")[0] == 200
    again = Browser(studio.url)
    assert again.enter(address) == 401
    status, _, text = again.get(f"{token.path}?{token.query}")
    assert status == 401
    assert "was used already" in text
    assert again.get("/_/")[0] == 401


def test_two_who_use_a_link_at_the_same_time_are_one(studio: Studio) -> None:
    address = link(studio)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(Browser(studio.url).enter(address))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303] + [401] * 7


def test_signing_out_ends_the_session_and_stands_in_the_trail(studio: Studio, owner: Browser) -> None:
    before = dict(owner.cookies)
    assert owner.ask("POST", "/_/sign-out")[0] == 303
    owner.cookies = before
    assert owner.get("/_/")[0] == 401
    for name in ("CreateSignInLink", "ConsoleLogin", "ConsoleLogout"):
        assert events(studio, name)[-1]["userIdentity"]["arn"].endswith("/owner")


def test_what_a_page_asks_stands_in_the_trail_and_is_told_once_a_minute(studio: Studio, owner: Browser) -> None:
    for _ in range(3):
        assert owner.get("/_/", user_agent="Firefox")[0] == 200
    looks = [e for e in events(studio, "ListProcessingJobs") if e["userAgent"] == "Firefox"]
    assert len(looks) <= 1, "an open page looks again and again"
    assert all(e["userIdentity"]["arn"].endswith("/owner") for e in looks)
    assert events(studio, "ListProcessingJobs"), "the first look of this server's is there"


def test_a_page_holds_nothing_that_another_site_could_use(owner: Browser) -> None:
    _, headers, text = owner.get("/_/")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|javascript:", text), "inline script or style"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8780", "127.0.0.1.evil.example", "169.254.169.254", ""])
def test_a_wrong_host_is_refused(owner: Browser, host: str) -> None:
    status, _, text = owner.get("/_/", host=host or "x" * 300)
    assert status == 421
    assert "clary status" in text


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "[::1]:8780", "127.0.0.1:1"])
def test_loopback_is_known_by_all_its_names(owner: Browser, host: str) -> None:
    assert owner.get("/_/", host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8780", "http://127.0.0.1:1"])
def test_a_form_of_another_site_changes_nothing(owner: Browser, origin: str) -> None:
    status, _, text = owner.ask("POST", "/_/sign-out", origin=origin)
    assert status == 403
    assert "may change nothing here" in text
    assert owner.get("/_/")[0] == 200


def test_a_form_that_does_not_say_where_it_comes_from_changes_nothing(owner: Browser) -> None:
    assert owner.ask("POST", "/_/sign-out", origin="")[0] == 403
    assert owner.ask("POST", "/_/sign-out", origin="", sec_fetch_site="cross-site")[0] == 403
    assert owner.ask("POST", "/_/sign-out", origin="", sec_fetch_site="same-origin")[0] == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(studio: Studio, browser: Browser) -> None:
    _, headers, _ = browser.ask("POST", "/_/sign-in", urlsplit(link(studio)).query)
    assert {"HttpOnly", "SameSite=Lax", "Path=/_/"} <= set(headers["set-cookie"].split("; "))


def test_assets_are_kept_for_good_by_their_hash(owner: Browser) -> None:
    _, _, text = owner.get("/_/")
    for path in set(re.findall(r'(?:src|href)="(/_/assets/[^"]+)"', text)):
        status, headers, _ = Browser(owner.url).get(path, accept_encoding="gzip")
        assert status == 200, path
        assert "immutable" in headers["cache-control"]
    assert owner.get("/_/assets/0000000000000000/console.css")[0] == 404
    assert owner.get("/_/assets/../console.css")[0] == 404


def test_the_crowd_elements_find_each_other_under_one_hash(studio: Studio) -> None:
    """A worker's frame has no cookie and no origin; RenderUiTemplate's pages know no hash."""
    browser = Browser(studio.url)
    seen: list[str] = []
    left = ["/_/assets/latest/crowd/crowd.js"]
    while left:
        status, headers, text = browser.get(path := left.pop())
        assert (status, headers["access-control-allow-origin"]) == (200, "*"), path
        assert headers["cache-control"] == "no-cache"
        seen.append(path)
        base = path.rpartition("/")[0]
        names = [
            f"{base}/{name}" for name in re.findall(r'(?:from|import) "\./?([^"]+)"', text) if not name.startswith(".")
        ]
        left += [name for name in names if name not in seen + left]
    assert len(seen) > 10


def test_what_is_not_there_is_told_in_the_form_that_is_asked_for(owner: Browser) -> None:
    status, _, text = owner.get("/_/no<b>where")
    assert status == 404
    assert "no&lt;b&gt;where" in text
    status, headers, text = owner.get("/_/nowhere", accept="*/*")
    assert (status, headers["content-type"]) == (404, "application/json")
    assert "There is no page /_/nowhere." in text


def test_a_user_sees_what_their_keys_allow(studio: Studio) -> None:
    made = studio.clary("users", "add", "reader", "--data", str(studio.data), "--policy", "AmazonS3ReadOnlyAccess")
    assert made.returncode == 0, made.stderr
    reader = Browser(studio.url)
    assert reader.enter(link(studio, "--user", "reader")) == 303
    status, _, text = reader.get("/_/")
    assert status == 200
    assert "reader" in text
    studio.client("iam").list_users()
    removed = studio.clary("users", "remove", "reader", "--data", str(studio.data))
    assert removed.returncode == 0, removed.stderr
    assert reader.get("/_/")[0] == 401, "the session ends with the key that it stands for"
    missing = studio.clary("console", "--user", "nobody", "--data", str(studio.data))
    assert missing.returncode == 1
    assert "no user nobody with an active key" in missing.stderr


def test_sessions_and_links_end_by_clarys_clock_and_outlive_the_server(fresh_studio: Studio) -> None:
    old, fresh = link(fresh_studio), Browser(fresh_studio.url)
    assert fresh.enter(link(fresh_studio)) == 303
    fresh_studio.kill()
    fresh_studio.start()
    again = Browser(fresh_studio.url)
    assert again.url == fresh.url
    assert fresh.get("/_/")[0] == 200
    assert fresh_studio.clary("clock", "advance", "61m", "--data", str(fresh_studio.data)).returncode in {0, 2}
    fresh_studio.clary("clock", "--data", str(fresh_studio.data), "advance", "61m")
    assert again.enter(old) == 401, "a link lasts an hour"
    assert fresh.get("/_/")[0] == 200
    fresh_studio.clary("clock", "--data", str(fresh_studio.data), "advance", "13h")
    assert fresh.get("/_/")[0] == 401, "a session lasts twelve hours that nobody uses it"


@pytest.fixture
def stream(studio: Studio, owner: Browser) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=60)
    cookie = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    connection.request("GET", "/_/events", headers={"cookie": cookie})
    yield connection.getresponse()
    connection.close()


def test_open_pages_are_told_what_kind_of_thing_changed(studio: Studio, stream: http.client.HTTPResponse) -> None:
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.readline() == b"retry: 2000\n"
    began = datetime.now(UTC)
    studio.client("sagemaker").create_experiment(ExperimentName="told")
    while not (line := stream.readline()).startswith(b"data: ") or b"Experiment" not in line:
        assert line, "the stream ended"
    assert (datetime.now(UTC) - began).total_seconds() < 2


def test_a_page_and_a_stream_tell_the_state_that_they_are_made_of(
    studio: Studio, owner: Browser, stream: http.client.HTTPResponse
) -> None:
    def state() -> str:
        found = re.search(r'clary-changes" content="([^"]+)"', owner.get("/_/")[2])
        assert found
        return found[1]

    before = state()
    assert [stream.readline() for _ in range(3)][2] == f"data: {before}\n".encode()
    assert state() == before
    studio.client("sagemaker").create_experiment(ExperimentName="another")
    assert state() != before


def test_the_stream_is_nobodys_who_is_not_signed_in(browser: Browser) -> None:
    assert browser.get("/_/events")[0] == 401


def test_a_server_that_ends_does_not_wait_for_open_pages(fresh_studio: Studio) -> None:
    owner = Browser(fresh_studio.url)
    owner.enter(link(fresh_studio))
    connection = http.client.HTTPConnection(urlsplit(fresh_studio.url).netloc, timeout=60)
    connection.request("GET", "/_/events", headers={"cookie": "; ".join(f"{k}={v}" for k, v in owner.cookies.items())})
    answer = connection.getresponse()
    assert answer.status == 200
    fresh_studio.stop()
    assert b"retry" in answer.read(), (
        "it ended in order: one that is cut off at the end of patience raises IncompleteRead"
    )
    connection.close()
    fresh_studio.start()


@pytest.mark.parametrize(
    ("kind", "sandboxed"),
    [("text/html", True), ("image/svg+xml", True), ("", True), ("image/png", False), ("application/pdf", False)],
)
def test_an_object_that_a_browser_opens_cannot_act_for_whoever_is_signed_in(
    studio: Studio, boto: Any, kind: str, sandboxed: bool
) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="pages")
    s3.put_object(
        Bucket="pages", Key="x", Body=b"<script>fetch('/_/')</script>", **({"ContentType": kind} if kind else {})
    )
    address = s3.generate_presigned_url("get_object", {"Bucket": "pages", "Key": "x"})
    path = address.removeprefix(studio.url)
    _, headers, _ = Browser(studio.url).get(path, sec_fetch_mode="navigate")
    assert ("sandbox allow-scripts;" in headers.get("content-security-policy", "")) == sandboxed
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in Browser(studio.url).get(path, accept="*/*")[1]
