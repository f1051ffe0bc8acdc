"""Clary's own certificate authority, and the certificates under which the tunnel answers AWS's names.

The authority is made at first start and lies in ``ca/`` of the data folder; it is never put into a system's store. It
is constrained to amazonaws.com: even with its key nobody can pass for another site. The certificates of hosts are made
at need and live in memory.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clary.gateway.trust import CA_FOLDER, CERTIFICATE

DOMAIN = "amazonaws.com"
_KEY = "ca.key"
_CA_LIFE = timedelta(days=3652)
_LIFE = timedelta(days=397)  # the longest that Apple's clients take
_RENEW = timedelta(days=30)  # before the end
_EARLIER = timedelta(days=1)  # certificates begin then, for clocks that are behind
_CONTEXTS = 64


@dataclass
class Authority:
    """Signs for the names below amazonaws.com."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    folder: Path
    _contexts: OrderedDict[str, tuple[ssl.SSLContext, datetime]] = field(default_factory=OrderedDict)

    def context(self, host: str) -> ssl.SSLContext:
        """A TLS server's context for a host. Hosts of the same level share one, under a wildcard."""
        name = _covering(host)
        found, ends = self._contexts.get(name, (None, datetime.min.replace(tzinfo=UTC)))
        if found is None or ends - _RENEW < datetime.now(UTC):
            found, ends = self._make(name)
            self._contexts[name] = found, ends
        self._contexts.move_to_end(name)
        if len(self._contexts) > _CONTEXTS:
            self._contexts.popitem(last=False)
        return found

    def _make(self, name: str) -> tuple[ssl.SSLContext, datetime]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key.public_key())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        # OpenSSL reads certificates from files only. The file is the owner's alone and is gone at once.
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".leaf-") as file:
            file.write(_private(key) + certificate.public_bytes(Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context, certificate.not_valid_after_utc

    def _sign(self, name: str, public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        now = datetime.now(UTC)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        identifier = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            x509.CertificateBuilder()
            .subject_name(_name("Clary"))
            .issuer_name(self.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(min(now + _LIFE, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def authority(data: Path) -> Authority:
    """The data folder's authority; made anew if it is not there, cannot be read, or ends within a month."""
    folder = data / CA_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    found = _load(folder)
    if found is not None:
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_sign(key)
    # The key first: a certificate without its key would be trusted and useless.
    _write(folder / _KEY, _private(key), 0o600)
    _write(folder / CERTIFICATE, certificate.public_bytes(Encoding.PEM), 0o644)
    return Authority(certificate, key, folder)


def _load(folder: Path) -> Authority | None:
    try:
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
        key = load_pem_private_key((folder / _KEY).read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    if certificate.not_valid_after_utc - _RENEW < datetime.now(UTC):
        return None
    return Authority(certificate, key, folder)


def _self_sign(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now, public = datetime.now(UTC), key.public_key()
    # The folder's CAs differ by name too, so that a client that trusts two of them picks the right one.
    subject = _name(f"Clary on this machine {x509.random_serial_number() % 16**6:06x}")
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(DOMAIN)],
        # What is not named is not constrained: addresses are ruled out by themselves.
        excluded_subtrees=[
            x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
            x509.IPAddress(ipaddress.ip_network("::/0")),
        ],
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _covering(host: str) -> str:
    """The name that covers a host: a wildcard at its level, the domain itself."""
    return host if host == DOMAIN else f"*.{host.partition('.')[2]}"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes, mode: int) -> None:
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    aside.chmod(mode)
    aside.replace(file)
