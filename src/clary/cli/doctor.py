"""``clary doctor``: what protects this Clary, what does not, and what to do about each weak point."""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from cryptography import x509

from clary import root_key
from clary.cli import options, servers
from clary.cli.client import client
from clary.engines.local import LocalEngine
from clary.gateway import trust
from clary.settings import Settings

_SECRET = ("keys.json", "ca/ca.key", "clary.db", "clary.db-wal", "server.log")
_LIBRARIES = ("clary", "botocore", "cryptography", "starlette", "uvicorn", "httptools", "uvloop", "uv")
_OTHERS = 0o077
_SOON = timedelta(days=30)


@dataclass(frozen=True)
class Finding:
    """What is so. ``way_out``: what to do about it; "" if nothing need be done."""

    what: str
    way_out: str = ""


@click.command()
@options.data
@click.option("--security", is_flag=True, help="What protects it: for now that is all that the doctor looks at.")
def doctor(data: Path | None, security: bool) -> None:  # noqa: ARG001 - the one kind of check that there is
    """Look for weak points, and say what to do about each.

    It looks at the sandbox, listeners, files, keys and versions.

    \b
    + holds    ! weak, with the way out
    It only looks. docs/security.md says what is protected against whom.
    """
    settings = options.settings(data=data)
    server = servers.running(settings.data)
    if server is not None:  # what it was started with counts, not what this shell would start one with
        force = server.settings
        settings = replace(settings, sandbox=force["sandbox"], job_network=force["job_network"])
        settings = replace(settings, kms_key_file=force.get("kms_key_file", ""))
    weak = 0
    for title, findings in (
        ("Sandbox", _sandbox(settings)),
        ("Listeners", _listeners(settings, server)),
        ("Files", _files(settings)),
        ("Rights", _rights(settings, server)),
        ("Versions", _versions()),
    ):
        click.echo(title)
        for finding in findings:
            weak += bool(finding.way_out)
            click.echo(f"  {'!' if finding.way_out else '+'} {finding.what}")
            if finding.way_out:
                click.echo(f"    {finding.way_out}")
    click.echo(f"\n{weak} weak points." if weak else "\nNo weak point found.")


def _sandbox(settings: Settings) -> Iterator[Finding]:
    if (settings.data / "tasks").is_dir():
        engine = LocalEngine(settings.data / "tasks", sandbox=settings.sandbox if settings.sandbox == "off" else "auto")
        try:
            isolation = engine.isolation()
        finally:
            engine.close()
        sandboxed = isolation.level == "bubblewrap"
        yield Finding(
            f"tasks run in: {isolation.level}", "" if sandboxed else "Until then run only scripts that you trust."
        )
        for sentence in isolation.uncovered:
            what, _, way = sentence.partition(": ")
            yield Finding(what, way or "See docs/security.md.")
    if settings.sandbox == "auto":
        yield Finding("CLARY_SANDBOX=auto", "CLARY_SANDBOX=required refuses to run jobs where the sandbox is missing.")
    if settings.job_network == "on":
        yield Finding(
            "jobs reach the network as this machine does",
            "CLARY_JOB_NETWORK=off lets them reach Clary alone; or EnableNetworkIsolation for one job.",
        )
    else:
        yield Finding("CLARY_JOB_NETWORK=off: jobs reach Clary alone")


def _listeners(settings: Settings, server: servers.Server | None) -> Iterator[Finding]:
    if server is None:
        yield Finding(f"no server runs on {settings.data}")
        return
    yield Finding(f"the API for this machine: {server.local}, loopback, every call signed")
    yield Finding(f"the tunnel for AWS's names: 127.0.0.1:{server.tunnel}, loopback")
    url = urlsplit(server.url)
    if url.scheme == "https":
        yield Finding(f"the API for clients: {server.url}, TLS 1.2 and later")
        yield from _certificate(settings.data / trust.CA_FOLDER / trust.SERVER)
    doors = settings.data / "doors"
    for door in sorted(doors.iterdir()) if doors.is_dir() else ():
        yield _mode(door, inside=True)


def _certificate(file: Path) -> Iterator[Finding]:
    try:
        ends = x509.load_pem_x509_certificates(file.read_bytes())[0].not_valid_after_utc
    except (OSError, ValueError) as error:
        yield Finding(
            f"its certificate cannot be read: {error}", "Start the server again with --tls-cert and --tls-key."
        )
        return
    soon = ends - datetime.now(UTC) < _SOON
    yield Finding(f"its certificate ends on {ends:%Y-%m-%d}", "Renew it and start the server again." if soon else "")


def _files(settings: Settings) -> Iterator[Finding]:
    if not settings.data.is_dir():
        yield Finding(f"there is no data folder {settings.data} yet")
        return
    yield _mode(settings.data)
    for name in _SECRET:
        if (settings.data / name).exists():
            yield _mode(settings.data / name, inside=True)
    if (keys := root_key.file(settings.kms_key_file, settings.data)).exists():
        yield _mode(keys, inside=True)
    if settings.tls_key and Path(settings.tls_key).exists():
        yield _mode(Path(settings.tls_key), inside=True)
    for parent in settings.data.resolve().parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield Finding(
                f"{parent} can be written by everybody", f"Whoever can may replace the folder: chmod o-w {parent}"
            )


def _mode(path: Path, *, inside: bool = False) -> Finding:
    """Whether nobody but the owner may reach it. ``inside``: a closed folder around it is as good."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.getuid():
        return Finding(f"{path} belongs to user {found.st_uid}", f"As administrator: chown {os.getuid()} {path}")
    closed = not mode & _OTHERS or (inside and not path.parent.stat().st_mode & _OTHERS)
    return Finding(f"{path} has mode {mode:04o}", "" if closed else f"Others can reach it: chmod go= {path}")


def _rights(settings: Settings, server: servers.Server | None) -> Iterator[Finding]:
    keys = settings.data / "keys.json"
    if keys.exists():
        age = (datetime.now(UTC) - datetime.fromtimestamp(keys.stat().st_mtime, UTC)).days
        old = "" if age < 365 else f"Change it: delete {keys} and start the server again; the old key is void then."
        yield Finding(f"the owner's key may everything, and is {age} days old", old)
    if server is None:
        return
    iam = client(settings, "iam")
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            yield from _user(iam, user["UserName"])


def _user(iam: Any, name: str) -> Iterator[Finding]:
    attached = [policy["PolicyName"] for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]]
    mighty = {"AdministratorAccess", "IAMFullAccess"} & set(attached)
    way = f"It can give itself every right: clary users remove {name}, and add it with what it needs." if mighty else ""
    yield Finding(f"user {name}: {', '.join(attached) or 'policies of its own'}", way)
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        days = (datetime.now(UTC) - key["CreateDate"]).days
        if key["Status"] == "Active" and days > 365:
            way = f"clary users keys {name} --new, then --delete {key['AccessKeyId']}"
            yield Finding(f"its key {key['AccessKeyId']} is {days} days old", way)


def _versions() -> Iterator[Finding]:
    yield Finding(
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, {platform.system()} {platform.release()}"
    )
    yield Finding(", ".join(f"{name} {version(name)}" for name in _LIBRARIES))
    if (bwrap := shutil.which("bwrap")) is not None:
        said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
        yield Finding(said.strip() or "bubblewrap of an unknown version")
    if os.getuid() == 0:
        yield Finding("it runs as root", "Run Clary as an ordinary user: it needs no administrator's rights.")
