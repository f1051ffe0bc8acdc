"""pip's settings reach uv, from every place that pip reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.images.index_settings import uv_environment


def settings(tmp_path: Path, text: str, **variables: str) -> dict[str, str]:
    file = tmp_path / "pip.conf"
    file.write_text(text)
    # Only the files under this home: the machine's own say something else.
    return uv_environment(
        {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path), "PIP_CONFIG_FILE": str(file), **variables}
    )


def test_a_file_is_read_and_lists_are_lists(tmp_path: Path) -> None:
    text = """
[global]
index-url = https://index.example/simple
extra-index-url =
    https://one.example/simple
    https://two.example/simple
[install]
find-links = /wheels
cert = /certificates.pem
proxy = http://proxy.example:3128
"""
    found = settings(tmp_path, text)
    assert found["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert found["UV_INDEX"] == "https://one.example/simple https://two.example/simple"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == "/wheels"
    assert found["SSL_CERT_FILE"] == "/certificates.pem"
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"


def test_variables_win_over_files_and_uvs_own_over_both(tmp_path: Path) -> None:
    text = "[global]\nindex-url = https://file.example/simple\n"
    found = settings(tmp_path, text, PIP_INDEX_URL="https://variable.example/simple")
    assert found["UV_DEFAULT_INDEX"] == "https://variable.example/simple"
    found = settings(tmp_path, text, UV_DEFAULT_INDEX="https://uv.example/simple")
    assert "UV_DEFAULT_INDEX" not in found


@pytest.mark.parametrize(("value", "there"), [("1", True), ("true", True), ("false", False), ("0", False)])
def test_no_index_is_a_switch(tmp_path: Path, value: str, there: bool) -> None:
    assert ("UV_NO_INDEX" in settings(tmp_path, "", PIP_NO_INDEX=value)) is there


def test_a_file_that_cannot_be_read_is_pips_matter(tmp_path: Path) -> None:
    assert "UV_DEFAULT_INDEX" not in settings(tmp_path, "index-url without a section")
