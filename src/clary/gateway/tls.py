"""TLS for clients on other machines: the certificate and key of ``--tls-cert`` and ``--tls-key``."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509


class TlsProblem(RuntimeError):
    """The certificate or its key cannot be used; the message says why and the way out."""


@dataclass(frozen=True)
class Tls:
    """``context`` of the server; ``chain``: the certificates as they lie in the file; ``names`` that the first covers."""

    context: ssl.SSLContext
    chain: bytes
    names: tuple[str, ...]

    def host(self, bound: str) -> str:
        """The name by which clients ask: the address that is bound, or for all addresses a name of the certificate."""
        if bound not in {"0.0.0.0", "::"}:  # noqa: S104 - what is asked for
            return f"[{bound}]" if ":" in bound else bound
        plain = [name for name in self.names if not name.startswith("*")]
        return plain[0] if plain else socket.gethostname()


def load(certificate: Path, key: Path) -> Tls:
    """The pair, checked: readable, of each other, and still good."""
    for name, file in (("--tls-cert", certificate), ("--tls-key", key)):
        if not file.is_file():
            raise TlsProblem(f"{name} {file}: there is no such file. It takes a file in PEM form.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # No password is asked for: a server that starts by itself has nobody to answer.
        context.load_cert_chain(certificate, key, password=_no_password)
        chain = certificate.read_bytes()
        first = x509.load_pem_x509_certificates(chain)[0]
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise TlsProblem(
            f"--tls-cert {certificate} and --tls-key {key} cannot be used: {getattr(error, 'reason', None) or error}. "
            "They must be in PEM form, belong to each other, and the key must have no password."
        ) from None
    if first.not_valid_after_utc < datetime.now(UTC):
        raise TlsProblem(f"The certificate {certificate} ended on {first.not_valid_after_utc:%Y-%m-%d}: renew it.")
    return Tls(context, chain, _names(first))


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _no_password() -> str:
    raise ValueError("the key has a password")
