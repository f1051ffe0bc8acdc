"""Archives that somebody else made."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from clary.formats.archives import UnsafeArchive, unpack


def archive(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """Members as (name, type, content or link)."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o6777
            data = content.encode() if kind == tarfile.REGTYPE else b""
            member.size, member.linkname = len(data), "" if data else content
            tar.addfile(member, io.BytesIO(data))
    return path


def test_files_folders_and_links_inside_are_unpacked(tmp_path: Path) -> None:
    made = archive(
        tmp_path / "a.tar.gz",
        ("latest", tarfile.SYMTYPE, "deep/model.bin"),
        ("deep", tarfile.DIRTYPE, ""),
        ("deep/model.bin", tarfile.REGTYPE, "weights"),
        ("./deep/again.bin", tarfile.LNKTYPE, "deep/model.bin"),
        ("deep/up", tarfile.SYMTYPE, "../deep/model.bin"),
    )
    unpack(made, tmp_path / "out")
    assert (tmp_path / "out/latest").read_text() == "weights"
    assert (tmp_path / "out/deep/again.bin").read_text() == "weights"
    assert (tmp_path / "out/deep/up").read_text() == "weights"
    assert (tmp_path / "out/deep/model.bin").stat().st_mode & 0o7777 == 0o755  # no special bits
    unpack(made, tmp_path / "out")  # again, over what is there


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("../evil", tarfile.REGTYPE, "x"),
        ("deep/../../evil", tarfile.REGTYPE, "x"),
        ("/etc/evil", tarfile.REGTYPE, "x"),
        ("link", tarfile.SYMTYPE, "/etc/passwd"),
        ("deep/link", tarfile.SYMTYPE, "../../x"),
        ("hard", tarfile.LNKTYPE, "../x"),
        ("device", tarfile.CHRTYPE, ""),
        ("pipe", tarfile.FIFOTYPE, ""),
    ],
)
def test_what_leads_out_is_refused_by_name_before_anything_is_written(
    tmp_path: Path, name: str, kind: bytes, content: str
) -> None:
    made = archive(tmp_path / "a.tar.gz", ("good", tarfile.REGTYPE, "x"), (name, kind, content))
    with pytest.raises(UnsafeArchive, match=name.replace(".", r"\.")):
        unpack(made, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "out").mkdir()
    made = archive(tmp_path / "a.tar.gz", ("door", tarfile.SYMTYPE, "inner"), ("door/file", tarfile.REGTYPE, "x"))
    with pytest.raises(UnsafeArchive):
        unpack(made, tmp_path / "out")  # the folder "door" is there by then
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00cut off"])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(UnsafeArchive, match=r"a\.tar\.gz cannot be unpacked"):
        unpack(path, tmp_path / "out")
