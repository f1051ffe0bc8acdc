"""JupyterLab on the projects: a learner's copies, a kernel for each project's environment, and the way to the server.

It is a process of its own that outlives the command, or the server, that started it, and ends by itself when nobody uses it.
Jupyter's own runtime file says where it answers; nothing else is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from clary.images.environments import Environments
from clary.learning.projects import Project, projects, working_copy

_HOST = "hospital_costs"  # the project in whose environment JupyterLab itself is


class NotStarted(Exception):
    """JupyterLab did not come up; the text holds the last lines of its log."""


@dataclass(frozen=True)
class Notebooks:
    """A running JupyterLab. ``url`` has no token; ``address`` has, and opens it."""

    url: str
    token: str
    pid: int

    @property
    def address(self) -> str:
        return f"{self.url}lab?token={self.token}"


def running(data: Path) -> Notebooks | None:
    """The JupyterLab of a data folder, if one answers."""
    for path in sorted(_runtime(data).glob("jpserver-*.json"), reverse=True):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            found = Notebooks(told["url"], told["token"], told["pid"])
        except (OSError, ValueError, KeyError):
            continue
        if _answers(found):
            return found
    return None


def start(data: Path, cache: Path, idle_seconds: int) -> Notebooks:
    """The running JupyterLab, else a new one; ``NotStarted`` says why not.

    It ends after ``idle_seconds`` without use; Jupyter looks once a minute.

    ``clary.images.environments.CannotBuild`` if an environment is not there and cannot be built.
    """
    if (found := running(data)) is not None:
        return found
    environments = Environments(cache)
    known = projects()
    python = environments.build(next(each for each in known if each.name == _HOST).lock)
    for each in known:
        working_copy(each, data)
        _kernel(data, each, environments)
    for stale in _runtime(data).glob("jpserver-*"):
        stale.unlink()
    log = _folder(data) / "jupyter.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "clary",
                "run",
                "--data",
                str(data),
                "--",
                str(python),
                *_command(data, idle_seconds),
            ],
            cwd=data / "projects",
            env=_environment(data, known, environments),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = _wait(process, data, log)
    threading.Thread(target=process.wait, name="notebooks", daemon=True).start()  # so that no dead child is left over
    return found


def stop(data: Path) -> bool:
    """End JupyterLab and its kernels; False if none ran. What is saved stays."""
    found = running(data)
    if found is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGTERM)
    return True


def _wait(process: subprocess.Popen[bytes], data: Path, log: Path) -> Notebooks:
    """Until it answers: its log tells of each step, so it is followed line by line."""
    for _ in _lines(process, log):
        if (found := running(data)) is not None:
            return found
    last = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise NotStarted(f"JupyterLab did not start. Its log ({log}) ends so:\n{last}")


def _lines(process: subprocess.Popen[bytes], log: Path) -> Iterator[str]:
    with log.open(errors="replace") as text:
        while True:
            line = text.readline()
            if line:
                yield line
            elif process.poll() is not None:
                return
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)


def _command(data: Path, idle_seconds: int) -> list[str]:
    """JupyterLab on loopback, at any free port, with a token of its own."""
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(_free_port()),
        "ServerApp.open_browser": "False",
        "ServerApp.root_dir": str(data / "projects"),
        "ServerApp.shutdown_no_activity_timeout": str(idle_seconds),
        "ServerApp.allow_root": "True",  # in a container there is nobody else
        "MappingKernelManager.cull_idle_timeout": str(idle_seconds),
        "MappingKernelManager.cull_interval": "30",
        "MappingKernelManager.cull_connected": "True",
        "IdentityProvider.token": secrets.token_urlsafe(24),
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    config = Path(__file__).parent / "kernels.py"
    return ["-m", "jupyterlab", f"--config={config}", *(f"--{name}={value}" for name, value in options.items())]


def _environment(data: Path, known: list[Project], environments: Environments) -> dict[str, str]:
    built = [each.name for each in known if environments.python(each.lock) is not None]
    mine = {
        "CLARY_KERNELS": " ".join(built),
        "JUPYTER_PATH": str(_folder(data)),
        "JUPYTER_RUNTIME_DIR": str(_runtime(data)),
        "JUPYTER_CONFIG_DIR": str(_folder(data) / "settings"),
    }
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **mine}


def _kernel(data: Path, project: Project, environments: Environments) -> None:
    """Tell Jupyter of a project's Python, once it is built."""
    python = environments.python(project.lock)
    if python is None:
        return
    folder = _folder(data) / "kernels" / project.name
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": command, "display_name": project.title, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(told, indent=1) + "\n")


def _answers(found: Notebooks) -> bool:
    request = Request(f"{found.url}api/status", headers={"Authorization": f"token {found.token}"})  # noqa: S310, of loopback
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _folder(data: Path) -> Path:
    folder = data / "notebooks"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _runtime(data: Path) -> Path:
    folder = _folder(data) / "runtime"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
