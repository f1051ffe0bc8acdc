"""An image for tests, made of this machine's own programs: bash, coreutils and the Python that the tests run on.

It has the two programs of SageMaker's contract: ``train`` writes a model of the channel "train" and says what it found,
``serve`` answers with what it was sent and the model.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from clary.engines.containers import Runner, find

IMAGE = "localhost/clary-tests:3"
_PROGRAMS = "bash sh cat echo sleep true mkdir touch ls yes head grep setsid rm cp env pwd chmod id sort".split()
# Where Podman is itself in a container, as in CI: no limit above the machine's own may be asked for, and crun does not
# take every layout of control groups.
_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
"""

_TRAIN = """
import json, os, pathlib, sys, urllib.request
ml = pathlib.Path("/opt/ml")
given = json.loads((ml / "input/config/hyperparameters.json").read_text())
if given.get("fail"):
    (ml / "output/failure").write_text("no such dose")
    sys.exit(3)
rows = sum(len(file.read_text().splitlines()) for file in (ml / "input/data/train").rglob("*.csv"))
asked = urllib.request.Request(
    os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
)
role = json.load(urllib.request.urlopen(asked))["RoleArn"]
print("arguments", sys.argv[1:], "rows", rows, "job", os.environ["TRAINING_JOB_NAME"], "role", role.rpartition("/")[2])
(ml / "model/rows").write_text(str(rows))
"""
_SERVE = """
import http.server, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])) + pathlib.Path("/opt/ml/model/rows").read_bytes())
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


def ready(folder: Path) -> Runner | str:
    """What runs containers here, with the image loaded; else why there is none. ``folder``: for what it takes to make it."""
    runner = find()
    if not runner.program:
        return runner.complaint
    archive = folder / "image.tar"
    if subprocess.run([runner.program, "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        _write_image(archive)
        subprocess.run([runner.program, "import", str(archive), IMAGE], capture_output=True, check=True)
    for configuration in ("", _CONFIGURATION):
        if configuration:
            file = folder / "containers.conf"
            file.write_text(configuration)
            os.environ["CONTAINERS_CONF"] = str(file)
        command = [runner.program, "run", "--rm", "--init", "--network", "host", IMAGE, "true"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return runner
    os.environ.pop("CONTAINERS_CONF", None)
    return f"{runner.name} runs no container here: {done.stderr.strip()}"


def _write_image(archive: Path) -> None:
    python = Path(sys.executable).resolve()
    base = Path(sys.base_prefix).resolve()
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name))]
    with tarfile.open(archive, "w") as tar:
        libraries = {
            path
            for path in _libraries([*programs, python, *base.rglob("lib-dynload/*.so")])
            if not path.is_relative_to(base)
        }
        for path in sorted({*programs, *libraries}):
            tar.add(path.resolve(), arcname=str(path))
            if path.parent == Path("/usr/bin"):
                tar.add(path.resolve(), arcname=f"/bin/{path.name}")
        tar.add(python)
        tar.add(base / "lib", filter=_without_packages)
        for name, program in (("train", _TRAIN), ("serve", _SERVE)):
            text = f"#!{python} -I\n{program}".encode()
            file = tarfile.TarInfo(f"usr/local/bin/{name}")
            file.size, file.mode = len(text), 0o755
            tar.addfile(file, io.BytesIO(text))
        for name in ("tmp", "proc", "dev", "etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)


def _libraries(programs: list[Path]) -> set[Path]:
    """The shared libraries that programs are linked with, the loader among them."""
    said = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return {Path(found) for found in re.findall(r"(/\S+\.so\S*) \(0x", said)}


def _without_packages(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    left_out = ("site-packages", "dist-packages", "/test", "/idlelib", "/ensurepip", "__pycache__", "/config-3")
    return None if any(word in member.name for word in left_out) or member.name.endswith(".a") else member
