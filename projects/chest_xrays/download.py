"""The real data's public origins: the hand-drawn boxes on GitHub, the radiographs at the NIH.

A download that breaks off goes on where it stopped. What has a known checksum is compared with it; an archive's is
written down at the first download, because the NIH publishes none.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

TIMEOUT = 20  # seconds without a byte
COMMIT = "9236be67abb200b6073b2b17079c9c368326c353"
MANIFEST = (
    f"https://raw.githubusercontent.com/aws-samples/amazon-sagemaker-architecting-for-ml-hcls/{COMMIT}/"
    "Starter%20Notebooks/Advanced%20Data%20Science%20-%20XRay%20Analysis/template.manifest"
)
MANIFEST_SHA256 = "f7d071f2738452a7706f1872e008ff1bd56593a5510eb21dfdae08fb10c65791"
NIH = "https://nihcc.box.com/shared/static/"
# The first picture of each of the NIH's twelve archives, and the archive's name below NIH.
ARCHIVES = (
    ("00000001_000.png", "vfk49d74nhbxq3nqjg0900w5nvkorp5c.gz"),
    ("00001336_000.png", "i28rlmbvmfjbl8p2n3ril0pptcmcu9d1.gz"),
    ("00003923_014.png", "f1t00wrtdk94satdfb9olcolqx20z2jp.gz"),
    ("00006585_007.png", "0aowwzs5lhjrceb3qp67ahp0rd1l1etg.gz"),
    ("00009232_004.png", "v5e3goj22zr6h8tzualxfsqlqaygfbsn.gz"),
    ("00011558_008.png", "asi7ikud9jwnkrnkj99jnpfkjdes7l6l.gz"),
    ("00013774_026.png", "jn1b4mw4n6lnh74ovmcjb8y48h8xj07n.gz"),
    ("00016051_010.png", "tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j.gz"),
    ("00018387_035.png", "upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj.gz"),
    ("00020945_050.png", "l6nilvfa9cg3s28tqv1qc1olm3gnz54p.gz"),
    ("00024718_000.png", "hhq8fkdgvcari67vfhs7ppg2w6ni4jze.gz"),
    ("00028173_003.png", "ioqwiy20ihqwyr8pf4c24eazhh281pbu.gz"),
)


class Refused(ValueError):
    """What came is not what was wanted; the message says how it differs."""


def manifest(folder: Path, address: str = MANIFEST, sha256: str = MANIFEST_SHA256) -> str:
    """The boxes' manifest, compared with its checksum; kept in ``folder``."""
    path = folder / "template.manifest"
    if not path.exists() or checksum(path) != sha256:
        path.unlink(missing_ok=True)
        fetch(address, path)
    found = checksum(path)
    if found != sha256:
        path.unlink()
        raise Refused(f"{address} has the checksum {found}, not {sha256}")
    return path.read_text(encoding="utf-8")


def archives(folder: Path, names: Iterable[str], origin: str = NIH) -> list[Path]:
    """Those archives that hold the named pictures, each downloaded once and compared with what was noted then."""
    firsts = [first for first, _ in ARCHIVES]
    wanted = sorted({bisect.bisect_right(firsts, name) - 1 for name in names})
    found = []
    for number in wanted:
        path = folder / f"images_{number + 1:03}.tar.gz"
        if not path.exists():
            fetch(origin + ARCHIVES[number][1], path)
        _noted(path)
        found.append(path)
    return found


def fetch(address: str, path: Path) -> None:
    """Download to ``path``; what an earlier try left in ``path.part`` is gone on with, if the server allows it.

    Raises OSError if the network fails, and leaves the part for the next try.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # there is nothing after what we have: it is whole
            raise
        part.rename(path)
        return
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        whole = file.tell() + int(answer.headers.get("Content-Length", 0))
        print(
            f"Downloading {address}: {whole / 1e6:,.1f} MB" + (f", {file.tell() / 1e6:,.1f} here" * bool(file.tell()))
        )
        told = file.tell()
        while block := answer.read(1 << 20):
            file.write(block)
            if file.tell() - told >= 100e6:
                told = file.tell()
                print(f"  {told / 1e6:,.0f} of {whole / 1e6:,.0f} MB", flush=True)
        size = file.tell()
    if whole and size < whole:
        raise ConnectionError(f"{address} broke off at {size:,} of {whole:,} bytes; the next try goes on there")
    part.rename(path)


def members(archive: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """The named pictures in an archive, in its order; nothing is unpacked to the disk."""
    try:
        with tarfile.open(archive, "r|*") as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in names and (file := tar.extractfile(member)):
                    yield name, file.read()
    except (tarfile.TarError, EOFError) as error:
        raise Refused(f"{archive} is not a whole archive ({error}). Delete it to download it again.") from None


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _noted(path: Path) -> None:
    """Compare a file with the checksum of its first download; note it if there is none yet."""
    note = path.with_name("provenance.json")
    noted = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    found = checksum(path)
    if noted.setdefault(path.name, found) != found:
        raise Refused(f"{path} has changed since it was downloaded. Delete it to download it again.")
    note.write_text(json.dumps(noted, indent=1) + "\n", encoding="utf-8")
