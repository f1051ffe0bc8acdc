"""The addresses of assets: kept for good by their hash, modules of a folder beside each other, nothing outside."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from clary.console.assets import Assets
from clary.gateway.http import HttpRequest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "assets/tools/deep").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("no")
    for name in ("page.css", "tools/a.js", "tools/deep/b.js"):
        (tmp_path / "assets" / name).write_text(f"/* {name} */" * 50)
    return tmp_path / "assets"


def get(assets: Assets, path: str, **headers: str) -> dict[str, str] | None:
    answer = assets.answer(HttpRequest("GET", path, "", Headers(headers)))
    return None if answer is None else dict(answer.headers)


def test_a_folder_has_one_address_that_any_change_in_it_changes(root: Path) -> None:
    assets = Assets(root)
    folder = assets.folder("tools")
    assert assets.url("tools/a.js") == f"{folder}/a.js"
    assert assets.url("tools/deep/b.js") == f"{folder}/deep/b.js"
    found = get(assets, f"{folder}/deep/b.js")
    assert found is not None
    assert "immutable" in found["Cache-Control"]
    (root / "tools/deep/b.js").write_text("new")
    assert Assets(root).folder("tools") != folder
    assert Assets(root).url("page.css") == assets.url("page.css")
    assert get(Assets(root), f"{folder}/a.js") is None, "an old address names nothing"


def test_latest_stands_for_any_hash_and_is_asked_for_again(root: Path) -> None:
    found = get(Assets(root), "/_/assets/latest/tools/a.js")
    assert found is not None
    assert found["Cache-Control"] == "no-cache"


def test_packed_for_whoever_takes_it(root: Path) -> None:
    assets = Assets(root)
    request = HttpRequest("GET", assets.url("page.css"), "", Headers({"accept-encoding": "br, gzip"}))
    answer = assets.answer(request)
    assert answer is not None
    assert isinstance(answer.body, bytes)
    assert gzip.decompress(answer.body) == (root / "page.css").read_bytes()


@pytest.mark.parametrize(
    "path", ["latest/../secret.txt", "latest/%2e%2e/secret.txt", "latest//etc/passwd", "latest/", "", "x"]
)
def test_nothing_else_is_an_asset(root: Path, path: str) -> None:
    assert get(Assets(root), f"/_/assets/{path}") is None
