"""The variables by which any client reaches the running server, and the way back to the shell that was there before.

Quick to import: ``clary env`` runs at the start of shells.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import click

from clary.cli import servers
from clary.gateway import trust
from clary.gateway.upstream import SAVED, before, read_saved
from clary.keys import FIRST_ROLE_ARN

REGION = "us-east-1"
LOCAL = ("localhost", "127.0.0.1", "::1")

# What would lead a call astray: other keys' tokens, profiles, and endpoints of single services.
ASTRAY = (
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
_ENDPOINT_OF_A_SERVICE = re.compile(r"AWS_ENDPOINT_URL_[A-Z0-9_]+")

# A client's CA file, and where it looks if that is not set.
CA_FILES = {
    "AWS_CA_BUNDLE": ("REQUESTS_CA_BUNDLE",),
    "REQUESTS_CA_BUNDLE": ("CURL_CA_BUNDLE",),
    "SSL_CERT_FILE": (),
    "CURL_CA_BUNDLE": ("SSL_CERT_FILE",),
}

Changes = dict[str, str | None]
"""Variable → its value; None where it is to be unset."""


def environment(data: Path, *, proxy: bool = True) -> dict[str, str]:
    """The variables that reach the server of a data folder; ``click.ClickException`` if none runs."""
    return {name: value for name, value in changes(data, os.environ, proxy=proxy).items() if value is not None}


def changes(data: Path, current: Mapping[str, str], *, proxy: bool = True) -> Changes:
    """What to change in a shell whose variables are ``current``, and ``CLARY_SAVED``, which takes it back.

    Applied again, also for another server, it keeps what the shell had first.
    """
    server = servers.require(data)
    saved = _saved(current)
    first = before(current)
    keys = json.loads((data / "keys.json").read_text())
    wanted: Changes = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "SAGEMAKER_ROLE": FIRST_ROLE_ARN,
    }
    secure = server.url.startswith("https:")
    if proxy:
        wanted |= {
            "HTTPS_PROXY": f"http://127.0.0.1:{server.tunnel}",
            "https_proxy": f"http://127.0.0.1:{server.tunnel}",
        }
    if proxy or secure:
        wanted |= {name: str(_bundle(data, name, first)) for name in CA_FILES}
    if proxy or secure or any(first.get(name) for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")):
        exceptions = _no_proxy(first, urlsplit(server.url).hostname or "")
        wanted |= {"NO_PROXY": exceptions, "no_proxy": exceptions}
    named = [name for name in {*current, *first} if _ENDPOINT_OF_A_SERVICE.fullmatch(name)]
    wanted |= {name: None for name in (*ASTRAY, *named) if name in current or name in first}
    back = {name: first.get(name) for name in wanted}
    # What an earlier call changed and this one does not is given back.
    wanted |= {name: value for name, value in saved.items() if name not in wanted}
    wanted[SAVED] = base64.b64encode(json.dumps(back, sort_keys=True).encode()).decode()
    return wanted


def reversal(current: Mapping[str, str]) -> Changes:
    """What gives the old shell back; nothing if ``clary env`` was never there."""
    saved = _saved(current)
    return {**saved, SAVED: None} if SAVED in current else {}


def _saved(current: Mapping[str, str]) -> Changes:
    try:
        return read_saved(current)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _bundle(data: Path, name: str, first: Mapping[str, str]) -> Path:
    """The CA file for a variable: Clary's CA with what its client would have trusted."""
    for source in (name, *CA_FILES[name]):
        if not (value := first.get(source, "")):
            continue
        try:
            return trust.bundle(data, Path(value).absolute())
        except OSError as error:
            click.echo(f"clary env: {source}={value} cannot be read ({error.strerror}); left out", err=True)
    return trust.bundle(data, None)


def _no_proxy(first: Mapping[str, str], host: str) -> str:
    """The exceptions that were there, this machine and the server; not those that lead AWS's names past the tunnel."""
    given = first.get("no_proxy") or first.get("NO_PROXY") or ""
    kept = [entry for entry in given.replace(",", " ").split() if not _covers_aws(entry)]
    return ",".join(dict.fromkeys([*kept, *LOCAL, *([host] if host else [])]))


def _covers_aws(entry: str) -> bool:
    name = entry.lower().partition(":")[0].removeprefix("*").lstrip(".")
    return entry == "*" or name in {"com", "amazonaws.com"} or name.endswith(".amazonaws.com")
