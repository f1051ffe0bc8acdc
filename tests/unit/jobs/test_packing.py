"""What is packed is read by tar, gzip and tarfile, whatever is in it."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import tarfile
from pathlib import Path

import pytest

from clary.formats import archives
from clary.jobs import packing


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "deep/empty").mkdir(parents=True)
    (folder / "deep" / ("long" * 50)).write_bytes(b"named at length")
    (folder / "weights.bin").write_bytes(random.Random(0).randbytes(5_000_001) + bytes(3_000_000))
    (folder / "nothing").touch()
    (folder / "Gr\N{LATIN SMALL LETTER O WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e").write_text("1")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "inner").symlink_to("deep")
    os.link(folder / "weights.bin", folder / "weights.too")
    os.mkfifo(folder / "fifo")
    return folder


def packed(folder: Path, path: Path) -> Path:
    path.write_bytes(b"".join(packing.archive(folder)))
    return path


def content(folder: Path) -> dict[str, bytes | None]:
    paths = (path for path in folder.rglob("*") if path.is_dir() or path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


def test_tar_unpacks_what_was_packed(model: Path, tmp_path: Path) -> None:
    archive, out = packed(model, tmp_path / "model.tar.gz"), tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xzf", str(archive), "-C", str(out)], check=True)
    assert content(out) == content(model)
    assert (out / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (out / "link").readlink() == Path("/etc/passwd")
    assert not (out / "fifo").exists()


def test_gzip_finds_one_whole_member(model: Path, tmp_path: Path) -> None:
    archive = packed(model, tmp_path / "model.tar.gz")
    subprocess.run(["gzip", "--test", str(archive)], check=True)
    with gzip.open(archive) as file:
        assert len(file.read()) % tarfile.RECORDSIZE == 0
    assert archive.read_bytes().count(b"\x1f\x8b\x08\0\0\0\0\0") == 1


def test_tarfile_reads_names_that_are_relative_and_nobody_s(model: Path, tmp_path: Path) -> None:
    with tarfile.open(packed(model, tmp_path / "model.tar.gz")) as tar:
        members = tar.getmembers()
        assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
        assert "deep/empty" in tar.getnames()
        assert not any(name.startswith((".", "/")) for name in tar.getnames())


def test_clary_unpacks_it_too(model: Path, tmp_path: Path) -> None:
    (model / "link").unlink()  # which leads out, and is refused
    archives.unpack(packed(model, tmp_path / "model.tar.gz"), tmp_path / "out")
    assert content(tmp_path / "out") == content(model)


def test_an_empty_folder_is_an_empty_archive(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with tarfile.open(packed(tmp_path / "model", tmp_path / "model.tar.gz")) as tar:
        assert tar.getnames() == []


def test_a_file_that_goes_meanwhile_ends_it_with_its_name(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    (model / "a.bin").write_bytes(bytes(4 << 20))
    pieces = packing.archive(model)
    assert len(next(pieces) + next(pieces)) > 10  # the first block: the second file is not looked at yet
    (model / "weights.bin").unlink()
    with pytest.raises(FileNotFoundError, match="weights"):
        list(pieces)
