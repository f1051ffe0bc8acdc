"""The user's own proxy: the way from the tunnel to hosts that are not AWS's.

It is read once, when the server starts, from HTTPS_PROXY, ALL_PROXY and NO_PROXY, as curl reads them. A server that is
started from a shell that ``clary env`` has set finds there what the shell had before, and so never its own tunnel.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SAVED = "CLARY_SAVED"
"""The variable in which ``clary env`` keeps what it changed: base64 of ``{name: value or null}``."""


def read_saved(environment: Mapping[str, str]) -> dict[str, str | None]:
    """What the variables were before ``clary env``; ``ValueError`` if the variable does not hold that."""
    try:
        saved = json.loads(base64.b64decode(environment.get(SAVED, ""), validate=True) or b"{}")
    except (binascii.Error, ValueError):
        saved = None
    if not isinstance(saved, dict) or not all(isinstance(v, str | None) for v in saved.values()):
        raise ValueError(f"{SAVED} does not hold what `clary env` wrote: open a new shell, or unset it")
    return saved


def before(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment as it was before ``clary env``, or as it is if that was never there."""
    try:
        saved = read_saved(environment)
    except ValueError:
        saved = {}
    kept = {name: value for name, value in environment.items() if name != SAVED and name not in saved}
    return kept | {name: value for name, value in saved.items() if value is not None}


@dataclass(frozen=True)
class Upstream:
    """A proxy that takes CONNECT. ``authorization`` is the value of Proxy-Authorization, or empty."""

    host: str
    port: int
    tls: bool = False
    authorization: str = ""


class UnknownProxy(Exception):
    """The user's proxy is of a kind that the tunnel cannot speak to; the message names it without its password."""


class Routes:
    """Which way leads to a host: straight, or through the user's proxy."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        variables = before(environment)
        address = _first(variables, "https_proxy", "all_proxy")
        self._excepted = _first(variables, "no_proxy").replace(",", " ").lower().split()
        self._problem = ""
        self._proxy: Upstream | None = None
        try:
            self._proxy = _parse(address) if address else None
        except UnknownProxy as problem:
            self._problem = str(problem)

    def to(self, host: str, port: int) -> Upstream | None:
        """The proxy to go through, None for the straight way; ``UnknownProxy`` if it cannot be spoken to."""
        if _is_excepted(host, port, self._excepted):
            return None
        if self._problem:
            raise UnknownProxy(self._problem)
        return self._proxy


def _first(variables: Mapping[str, str], *names: str) -> str:
    """The first that is set; the lower-case name wins, as with curl and Python."""
    spellings = (spelling for name in names for spelling in (name, name.upper()))
    return next((variables[s].strip() for s in spellings if variables.get(s, "").strip()), "")


def _parse(address: str) -> Upstream:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise UnknownProxy("HTTPS_PROXY is set when the server starts, but holds no address of a proxy")
    if parts.scheme not in {"http", "https"}:
        raise UnknownProxy(
            f"HTTPS_PROXY names a {parts.scheme} proxy ({host}); the tunnel speaks to http and https proxies only"
        )
    tls = parts.scheme == "https"
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Upstream(host, port or (443 if tls else 80), tls, authorization)


def _is_excepted(host: str, port: int, entries: list[str]) -> bool:
    """Whether NO_PROXY names the host: ``*``, a name (and all below it), an address, a network, each with a port."""
    host = host.lower().rstrip(".")
    for entry in entries:
        name, _, given = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if given and given != str(port):
            continue
        name = (name or entry).removeprefix("*").lstrip(".")
        if entry == "*" or host == name or (name and host.endswith(f".{name}")) or _is_in(host, name):
            return True
    return False


def _is_in(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network.strip("[]"), strict=False)
    except ValueError:
        return False
