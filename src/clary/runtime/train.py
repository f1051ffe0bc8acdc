"""The program inside a training task: reads the file contract, runs the user's script, tells how it ended.

Run as ``python -m clary.runtime.train``. What the script prints goes through unchanged; the last lines of its stderr
become the reason of a failure. Source: the SageMaker training toolkit's documentation of script mode.
"""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from clary.formats import archives
from clary.runtime import contract, launching

_KEPT = 40  # lines of stderr for the failure's text


def main() -> int:
    values = contract.hyperparameters()
    program = values.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        return _fail(
            "ClientError: no script to run: set the hyperparameter sagemaker_program, or use an estimator of the "
            "SageMaker SDK with entry_point",
            1,
        )
    try:
        folder = _code(values)
    except archives.UnsafeArchive as error:
        return _fail(f"ClientError: {error}", 1)
    if not (folder / program).resolve().is_relative_to(folder.resolve()):
        return _fail(f"ClientError: the script {program!r} leads out of the source archive", 1)
    if not (folder / program).is_file():
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:20]) or "nothing"
        return _fail(f"ClientError: the script {program!r} is not in the source archive, which holds: {there}", 1)
    if (code := _install(folder)) != 0:
        return _fail("ClientError: requirements.txt could not be installed; the log says why", code)
    return _run(program, folder, values)


def _code(values: dict[str, object]) -> Path:
    """The folder of the user's code, unpacked if it is not there."""
    local = str(values.get("sagemaker_submit_directory") or os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", ""))
    if contract.SOURCE_ARCHIVE.is_file() and not any(contract.CODE.glob("*")):
        archives.unpack(contract.SOURCE_ARCHIVE, contract.CODE)
    elif local.startswith("/") and Path(local).is_dir():
        return Path(local)
    contract.CODE.mkdir(parents=True, exist_ok=True)
    return contract.CODE


def _install(folder: Path) -> int:
    """The script's requirements, unless the server has put them on the path already."""
    requirements = folder / "requirements.txt"
    if not requirements.is_file() or os.environ.get("CLARY_REQUIREMENTS_INSTALLED"):
        return 0
    if not requirements.read_text().strip():
        return 0
    return subprocess.run([sys.executable, "-m", "pip", "install", "-r", str(requirements)], check=False).returncode


def _run(program: str, folder: Path, values: dict[str, object]) -> int:
    described = contract.description(program, str(folder))
    try:
        command = launching.command(
            program, folder, contract.arguments(described["hyperparameters"]), values, described
        )
    except launching.CannotLaunch as error:
        return _fail(f"ClientError: {error}", 1)
    environment = {**os.environ, **contract.variables(program, str(folder))}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in (str(folder), environment.get("PYTHONPATH", "")) if p)
    environment.setdefault("SAGEMAKER_METRICS_DIRECTORY", str(contract.METRICS))
    contract.METRICS.mkdir(parents=True, exist_ok=True)
    print(f"Invoking script with the following command:\n\n{' '.join(command)}\n", flush=True)
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)
    # A stop goes to the whole process group (see clary.engines.base), the script included: sent on, it would reach the
    # script a second time, in the midst of its handler.
    signal.signal(signal.SIGTERM, lambda *_: None)
    last: collections.deque[str] = collections.deque(maxlen=_KEPT)
    assert process.stderr is not None
    reader = threading.Thread(target=_pass_through, args=(process.stderr, last), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(timeout=5)  # a child of the script may hold the pipe open
    code = 128 - code if code < 0 else code
    if code == 0:
        (contract.OUTPUT / "success").touch()
        return 0
    message = "\n".join(last).replace('"', "'")
    hint = '\nExtraInfo "Out of memory: process killed by SIGKILL (signal 9)"' if code == 137 else ""
    return _fail(
        f'ExecuteUserScriptError:\nExitCode {code}\nErrorMessage "{message[-700:]}"{hint}\n'
        f'Command "{" ".join(command)}"',
        code,
    )


def _pass_through(stream: IO[bytes], last: collections.deque[str]) -> None:
    for line in stream:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        last.append(line.decode("utf-8", "replace").rstrip())


def _fail(text: str, code: int) -> int:
    """Write the reason, unless the script wrote one of its own."""
    contract.OUTPUT.mkdir(parents=True, exist_ok=True)
    if not contract.FAILURE.exists():
        contract.FAILURE.write_text(text)
    if not text.startswith("ExecuteUserScriptError"):
        print(text, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
