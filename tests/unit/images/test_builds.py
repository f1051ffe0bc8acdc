"""What an image installs by machine: which build, from where, and that a script's requirements leave it as it is."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from clary.images import builds
from clary.images.environments import CannotBuild, Environments


def wheel(folder: Path, name: str, version: str, *, requires: str = "") -> None:
    """A package whose module tells its version."""
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An image that installs ``engine`` by machine, and an index of one's own with packages beside it."""
    index, image = tmp_path / "wheels", tmp_path / "some"
    index.mkdir()
    image.mkdir()
    for version in ("1.0", "1.0+cpu", "2.0"):
        wheel(index, "engine", version)
    wheel(index, "extra", "3.1", requires="engine>=1")
    monkeypatch.setattr("os.environ", {"PATH": "/usr/bin:/bin", "UV_FIND_LINKS": str(index), "UV_NO_INDEX": "1"})
    (image / "requirements.lock").write_text("")
    (image / "by_machine.txt").write_text("engine==1.0\n")
    return image / "requirements.lock"


def version(python: Path, *, path: Path | None = None) -> str:
    program = "import engine; print(engine.VERSION)"
    environment = {"PYTHONPATH": str(path)} if path else {}
    return subprocess.run(
        [python, "-c", program], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()


def test_a_machine_without_cuda_gets_the_build_for_the_processor(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments = Environments(tmp_path / "cache")
    monkeypatch.setattr(builds, "kind", lambda: "cpu")
    first = environments.build(lock)
    assert version(first) == "1.0+cpu"
    monkeypatch.setattr(builds, "kind", lambda: "cuda")
    assert environments.python(lock) is None  # another build is another environment


def test_the_next_source_is_tried_where_one_has_it_not(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels/engine-1.0+cpu-py3-none-any.whl").unlink()
    monkeypatch.setattr(builds, "kind", lambda: "cpu")
    assert version(Environments(tmp_path / "cache").build(lock)) == "1.0"


def test_what_no_source_has_is_told_and_leaves_nothing_that_looks_whole(lock: Path, tmp_path: Path) -> None:
    (lock.with_name("by_machine.txt")).write_text("engine==9.9\n")
    environments = Environments(tmp_path / "cache")
    with pytest.raises(CannotBuild, match=r"engine.*9\.9"):
        environments.build(lock)
    assert environments.python(lock) is None


def test_a_layer_holds_what_the_environment_has_not(lock: Path, tmp_path: Path) -> None:
    environments = Environments(tmp_path / "cache")
    python = environments.build(lock)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("engine\nextra>=3\n")
    layer = environments.layer(lock, requirements)
    assert {path.name for path in layer.glob("*.py")} == {"extra.py"}
    assert version(python, path=layer).startswith("1.0")
    requirements.write_text("engine>=1\n")
    assert list(environments.layer(lock, requirements).glob("*.py")) == []


def test_another_version_of_what_is_installed_by_machine_is_refused(lock: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("engine==2.0\n")
    with pytest.raises(CannotBuild, match=r"another version of what the image brings, engine==1\.0"):
        Environments(tmp_path / "cache").layer(lock, requirements)


def test_each_kind_of_machine_has_its_sources_in_order() -> None:
    assert builds.attempts(["torch==2"], "cpu") == [
        ["torch==2+cpu"],
        ["torch==2", "--torch-backend", "cpu"],
        ["torch==2"],
    ]
    assert builds.attempts(["torch==2"], "cuda") == [["torch==2", "--torch-backend", "auto"], ["torch==2"]]
    assert builds.attempts(["torch==2"], "") == [["torch==2"]]
    assert builds.kind() in {"cpu", "cuda", ""}
