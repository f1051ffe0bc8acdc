"""Where the server listens.

On loopback in plain HTTP: for this machine's clients, its jobs and the tunnel. With TLS there is a second listener of the
API for other machines. Where jobs are to reach nothing else, two Unix sockets stand for the API and the tunnel.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clary.data_folder import DOORS, DataFolder
from clary.gateway import tls, trust
from clary.settings import Settings

_API, _TUNNEL = "api", "tunnel"

Listener = tuple[socket.socket, ssl.SSLContext | None]
"""A listening socket, and the TLS that it speaks."""


@dataclass(frozen=True)
class Listeners:
    """``url``: for clients. ``api`` and ``tunnel``: plain, on loopback. ``more``: further ones of the API.

    ``inner_tunnel`` is for jobs that reach nothing else; ``doors``: their Unix sockets by the ports that these stand for.
    """

    url: str
    api: socket.socket
    tunnel: socket.socket
    more: list[Listener] = field(default_factory=list)
    inner_tunnel: socket.socket | None = None
    doors: Mapping[int, Path] = field(default_factory=dict)

    @property
    def ports(self) -> tuple[int, int]:
        """Of the API and of the tunnel, on loopback."""
        return self.api.getsockname()[1], self.tunnel.getsockname()[1]


def listen(settings: Settings, folder: DataFolder, stack: contextlib.ExitStack) -> Listeners:
    """All of them, closed with ``stack``; ``TlsProblem`` or ``FolderProblem`` if one cannot be had."""
    secure = tls.load(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None
    more: list[Listener] = []
    api = stack.enter_context(folder.listen("api", settings.host, settings.port))
    url = f"http://127.0.0.1:{api.getsockname()[1]}"
    if secure is not None:
        more.append((api, secure.context))
        url = f"https://{secure.host(settings.host)}:{api.getsockname()[1]}"
        api = stack.enter_context(folder.listen("local", "127.0.0.1", 0))
    trust.remember(folder.path, secure.chain if secure is not None else b"")
    tunnel = stack.enter_context(folder.listen("tunnel", "127.0.0.1", 0))
    if settings.job_network == "on":
        return Listeners(url, api, tunnel, more)
    more.append((stack.enter_context(folder.door(_API)), None))
    inner = stack.enter_context(folder.door(_TUNNEL))
    doors = {
        api.getsockname()[1]: folder.path / DOORS / _API,
        tunnel.getsockname()[1]: folder.path / DOORS / _TUNNEL,
    }
    return Listeners(url, api, tunnel, more, inner, doors)
