"""The data folder: its mode, its lock, its ports, and where it may not lie."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from clary.data_folder import DataFolder, FolderProblem, file_system


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "deep" / "data")
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_it_is_held_by_one(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path), DataFolder(tmp_path)
    assert first.lock()
    assert not second.lock()
    first.unlock()
    assert second.lock()
    second.unlock()


def test_a_file_in_its_place_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderProblem, match="--data"):
        DataFolder(tmp_path / "file" / "data")


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="mounts are listed so on Linux only")
def test_the_file_system_is_that_of_the_longest_mount(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"disk / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\ndisk2 {tmp_path}/local ext4 rw 0 0\n")
    (tmp_path / "local").mkdir()
    assert file_system(tmp_path / "data" / "below", table) == "nfs4"
    assert file_system(tmp_path / "local" / "data", table) == "ext4"


def test_a_port_is_remembered_and_a_taken_one_told(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.listen("api", "127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        # Without the protocol's name Nagle's algorithm would stay on.
        assert first.proto == socket.IPPROTO_TCP
        with pytest.raises(FolderProblem, match="--port 0"):
            folder.listen("api", "127.0.0.1", port)
        with folder.listen("api", "127.0.0.1", 0) as second:
            other = second.getsockname()[1]
    with folder.listen("api", "127.0.0.1", 0) as third:
        assert third.getsockname()[1] == other != port
