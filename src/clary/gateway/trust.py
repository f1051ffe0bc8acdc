"""Files that a client trusts: the certificate of Clary's own CA, joined to those it trusted before.

Standard library only: ``clary env`` needs no cryptography.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import tempfile
from importlib.util import find_spec
from pathlib import Path

CA_FOLDER = "ca"
CERTIFICATE = "ca.pem"
SERVER = "server.pem"
"""The chain of the certificate under which the API itself answers, where it speaks TLS."""

# Where OpenSSL's own default may be missing, as in a Python that was built elsewhere.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, Alpine
)


def bundle(data: Path, existing: Path | None) -> Path:
    """A file with every certificate of ``existing`` and Clary's; without one, with those trusted by default.

    ``existing`` may be a folder of certificates, as REQUESTS_CA_BUNDLE may. ``OSError`` if Clary's CA or ``existing``
    cannot be read. The file lies in the data folder and changes only if what it is made of does.
    """
    folder = data / CA_FOLDER
    own = (folder / CERTIFICATE).read_bytes()
    if (folder / SERVER).exists():
        own += b"\n# What the API answers under\n" + (folder / SERVER).read_bytes()
    before = _certificates(existing) if existing is not None else _default()
    name = "bundle" if existing is None else f"bundle-{hashlib.sha256(os.fsencode(existing)).hexdigest()[:12]}"
    target = folder / f"{name}.pem"
    text = before.rstrip() + b"\n\n# Clary's own CA, for *.amazonaws.com on this machine only\n" + own
    if not target.exists() or target.read_bytes() != text:
        descriptor, aside = tempfile.mkstemp(prefix=f".{name}-", dir=folder)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(target)
    return target


def remember(data: Path, chain: bytes) -> None:
    """Keep what the API answers under, for the files that ``bundle`` makes; nothing if it speaks no TLS."""
    target = data / CA_FOLDER / SERVER
    if chain:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        target.write_bytes(chain)
    else:
        target.unlink(missing_ok=True)


def _certificates(source: Path) -> bytes:
    if not source.is_dir():
        return source.read_bytes()
    # The folder of OpenSSL's c_rehash holds each certificate twice, once by its hash.
    files = {file.resolve() for file in source.iterdir() if file.is_file()}
    texts = [file.read_bytes() for file in sorted(files)]
    return b"\n".join(text for text in texts if b"-----BEGIN CERTIFICATE-----" in text)


def _default() -> bytes:
    """certifi's where it is installed, else the system's, else those that come with botocore."""
    candidates = [
        _in_package("certifi", "cacert.pem"),
        ssl.get_default_verify_paths().openssl_cafile,
        *_SYSTEM,
        _in_package("botocore", "cacert.pem"),
    ]
    for candidate in candidates:
        if candidate and (file := Path(candidate)).is_file():
            return file.read_bytes()
    return b""


def _in_package(package: str, name: str) -> str:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return ""
    return str(Path(next(iter(spec.submodule_search_locations))) / name)
