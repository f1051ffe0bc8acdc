"""What every engine must do: subclass ``EngineContract``, give it a fixture ``engine`` and a folder ``tasks``.

All of it with real processes; a test waits for what the engine tells, never for a time.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary.engines.base import LOG, Engine, Mount, Progress, Task

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def python(code: str) -> list[str]:
    """A program in Python that every sandbox has: the one the tests run on, without its packages."""
    return [str(Path(sys.executable).resolve()), "-I", "-S", "-u", "-c", code]


def wait(engine: Engine, directory: Path, until: Callable[[], bool] = lambda: False, timeout: float = 90.0) -> Progress:
    """Poll whenever the engine hints (and now and then, hints may be lost) until the task ended or ``until()``."""
    hint = threading.Event()
    unsubscribe = engine.subscribe(lambda _: hint.set())
    try:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            progress = engine.poll(directory)
            assert progress is not None
            if progress.ended is not None or until():
                return progress
            hint.wait(0.05)
            hint.clear()
    finally:
        unsubscribe()
    raise AssertionError(f"the task did not get there in {timeout} s: {progress}, {texts(directory)[-5:]}")


def texts(directory: Path) -> list[str]:
    """The lines of the log without their stamps; each stamp is a time in milliseconds."""
    path = directory / LOG
    if not path.exists():
        return []
    lines = [line.partition(" ") for line in path.read_bytes().decode("utf-8").split("\n")[:-1]]
    assert all(stamp.isdigit() and len(stamp) == 13 for stamp, _, _ in lines)
    return [text for _, _, text in lines]


def grows(path: Path) -> bool:
    """Whether someone still writes to a file: looked at for a fifth of a second, as absence can only be waited for."""
    size = path.stat().st_size
    threading.Event().wait(0.2)
    return path.stat().st_size != size


def no_signals(line: str) -> bool:
    """Whether a mask of /proc/self/status is empty but for 32 and 33: the C library's own, which nobody can set."""
    return int(line.rsplit(maxsplit=1)[-1], 16) & ~(0b11 << 31) == 0


class EngineContract:
    @pytest.fixture
    def task(self, tasks: Path) -> Callable[..., Task]:
        """Makes tasks: ``task(command, **members)``."""
        made: list[Task] = []

        def make(command: list[str], **members: Any) -> Task:
            members = {"directory": tasks / f"task-{len(made)}", "environment": PATH, **members}
            made.append(Task(command=command, **members))
            return made[-1]

        return make

    @pytest.mark.parametrize("code", [0, 3, 255])
    def test_the_exit_code_is_the_program_s(self, engine: Engine, task: Any, code: int) -> None:
        job = task(["sh", "-c", f"exit {code}"])
        engine.start(job)
        progress = wait(engine, job.directory)
        assert progress.exit_code == code
        assert not progress.lost
        assert progress.started is not None
        assert progress.ended is not None
        assert progress.started <= progress.ended

    @pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("TERM", 143), ("SEGV", 139)])
    def test_a_signal_is_told_as_a_shell_tells_it(self, engine: Engine, task: Any, name: str, code: int) -> None:
        job = task(["bash", "-c", f"kill -{name} $$"])
        engine.start(job)
        assert wait(engine, job.directory).exit_code == code

    def test_a_program_that_is_not_there_ends_with_127_and_says_so(self, engine: Engine, task: Any) -> None:
        job = task(["no-such-program"])
        engine.start(job)
        assert wait(engine, job.directory).exit_code == 127
        assert "no-such-program" in texts(job.directory)[0]

    def test_an_unknown_directory_polls_none_and_stops_quietly(self, engine: Engine, tasks: Path) -> None:
        assert engine.poll(tasks / "never") is None
        engine.stop(tasks / "never")

    def test_the_log_holds_every_line_in_order(self, engine: Engine, task: Any) -> None:
        job = task(python("for i in range(100_000): print('line', i)"))
        engine.start(job)
        assert wait(engine, job.directory).exit_code == 0
        assert texts(job.directory) == [f"line {i}" for i in range(100_000)]

    def test_both_streams_and_a_last_line_without_end_are_in_the_log(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "echo out; echo err >&2; printf 'no end'"])
        engine.start(job)
        wait(engine, job.directory)
        assert texts(job.directory) == ["out", "err", "no end"]

    def test_binary_output_becomes_valid_utf_8(self, engine: Engine, task: Any) -> None:
        job = task(python(r"import os; os.write(1, b'a\xff\xfeb\n\xe2\x82\xac\n' + bytes(range(256)))"))
        engine.start(job)
        wait(engine, job.directory)
        lines = texts(job.directory)
        assert lines[:2] == ["a\ufffd\ufffdb", "\N{EURO SIGN}"]
        assert "\n".join(lines[2:]) == bytes(range(256)).decode("utf-8", "replace")

    def test_a_long_line_is_split_and_nothing_of_it_is_lost(self, engine: Engine, task: Any) -> None:
        job = task(
            python(
                r"import os; w = open(1, 'wb').write; w('\u20ac'.encode() * 700_000 + b'\nshort\n' + b'x' * 600_000)"
            )
        )
        engine.start(job)
        wait(engine, job.directory, timeout=60)
        lines = texts(job.directory)
        assert max(len(line.encode()) for line in lines) <= 256 << 10
        at = lines.index("short")
        assert "".join(lines[:at]) == "\N{EURO SIGN}" * 700_000
        assert "".join(lines[at + 1 :]) == "x" * 600_000

    def test_output_is_told_while_the_program_runs(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "echo here; exec sleep 60"], grace=5)
        engine.start(job)
        assert wait(engine, job.directory, lambda: texts(job.directory) == ["here"]).ended is None
        engine.stop(job.directory)
        assert wait(engine, job.directory).exit_code == 143

    def test_the_environment_is_the_task_s_alone(self, engine: Engine, task: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("CLARY_SECRET_OF_THE_SERVER", "patient data")
        given = {**PATH, "A": "b c\n\N{EURO SIGN}"}
        job = task(python("import json, os; print(json.dumps(dict(os.environ)))"), environment=given)
        engine.start(job)
        wait(engine, job.directory)
        seen = json.loads(texts(job.directory)[0])
        for name in ("PWD", "LC_CTYPE"):  # the shell's and Python's own
            seen.pop(name, None)
        assert seen == given

    def test_the_program_s_own_folder_is_writable_and_its_working_directory(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "mkdir -p model && echo weights > model/m && pwd"])
        engine.start(job)
        wait(engine, job.directory)
        assert (job.directory / "ml/model/m").read_text() == "weights\n"
        assert texts(job.directory) == [engine.where(job, "/opt/ml")]

    def test_stop_reaches_the_program_and_its_children_as_sigterm(self, engine: Engine, task: Any) -> None:
        code = (
            "(trap 'echo child > child; exit 0' TERM; touch child-ready; while :; do sleep 0.01; done) & "
            "trap 'wait; echo parent > parent; exit 0' TERM; touch parent-ready; while :; do sleep 0.01; done"
        )
        job = task(["bash", "-c", code])
        ml = job.directory / "ml"
        engine.start(job)
        wait(engine, job.directory, lambda: (ml / "child-ready").exists() and (ml / "parent-ready").exists())
        engine.stop(job.directory)
        engine.stop(job.directory)
        assert wait(engine, job.directory).exit_code == 0
        assert (ml / "parent").read_text() == "parent\n"
        assert (ml / "child").read_text() == "child\n"

    def test_stop_at_once_is_not_lost(self, engine: Engine, task: Any) -> None:
        for _ in range(10):
            job = task(["sleep", "60"])
            engine.start(job)
            engine.stop(job.directory)
            assert wait(engine, job.directory).exit_code == 143

    def test_after_the_grace_everything_is_killed(self, engine: Engine, task: Any) -> None:
        code = "trap '' TERM; (while :; do echo x >> beat; sleep 0.01; done) & echo up; while :; do sleep 0.01; done"
        job = task(["bash", "-c", code], grace=0.3)
        engine.start(job)
        wait(engine, job.directory, lambda: texts(job.directory) == ["up"])
        engine.stop(job.directory)
        assert wait(engine, job.directory).exit_code == 137
        assert not grows(job.directory / "ml/beat")

    def test_children_that_are_left_behind_are_ended_and_hang_nothing(self, engine: Engine, task: Any) -> None:
        code = "touch beat; (while :; do echo x >> beat; sleep 0.01; done) & sleep 60 & echo done; exit 4"
        job = task(["bash", "-c", code])
        engine.start(job)
        assert wait(engine, job.directory, timeout=50).exit_code == 4
        assert texts(job.directory) == ["done"]
        assert not grows(job.directory / "ml/beat")

    def test_a_child_that_left_the_group_is_ended_too(self, engine: Engine, task: Any) -> None:
        code = (
            "touch beat; setsid sh -c 'echo up > up; while :; do echo x >> beat; sleep 0.01; done' & read line < wait"
        )
        job = task(["bash", "-c", code])
        ml = job.directory / "ml"
        ml.mkdir(parents=True)
        os.mkfifo(ml / "wait")
        engine.start(job)
        wait(engine, job.directory, (ml / "up").exists)
        (ml / "wait").write_text("go\n")
        assert wait(engine, job.directory, timeout=50).exit_code == 0
        assert not grows(ml / "beat")

    def test_signals_have_their_defaults(self, engine: Engine, task: Any) -> None:
        job = task(
            ["bash", "-c", "yes | head -n 1; echo ${PIPESTATUS[0]}; trap; grep Sig[BI] /proc/self/status || true"]
        )
        engine.start(job)
        wait(engine, job.directory)
        lines = texts(job.directory)
        assert lines[:2] == ["y", "141"]
        assert all(no_signals(line) for line in lines[2:])

    def test_a_start_that_is_repeated_changes_nothing(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "echo run >> runs; echo up; read line < wait"])
        ml = job.directory / "ml"
        ml.mkdir(parents=True)
        os.mkfifo(ml / "wait")
        engine.start(job)
        wait(engine, job.directory, lambda: texts(job.directory) == ["up"])
        engine.start(job)
        (ml / "wait").write_text("go\n")
        wait(engine, job.directory)
        engine.start(job)
        assert (ml / "runs").read_text() == "run\n"

    def test_starts_at_the_same_time_run_it_once(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "echo run >> runs"])
        threads = [threading.Thread(target=engine.start, args=(job,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wait(engine, job.directory).exit_code == 0
        assert (job.directory / "ml/runs").read_text() == "run\n"

    def test_a_mount_is_read_and_never_written_through(self, engine: Engine, task: Any, tmp_path: Path) -> None:
        source, folder, target = tmp_path / "object", tmp_path / "folder", "/opt/ml/input/data/train"
        source.write_text("as stored")
        (folder / "inner").mkdir(parents=True)
        (folder / "inner/file").write_text("as stored")
        code = "cat $ML/object $ML/folder/inner/file; echo; echo x > $ML/object; echo x > $ML/folder/inner/file"
        mounts = [Mount(folder, f"{target}/folder"), Mount(source, f"{target}/object")]
        where = engine.where(task(["true"], mounts=mounts), target).replace("task-0", "task-1")
        job = task(["sh", "-c", code], mounts=mounts, environment={**PATH, "ML": where})
        engine.start(job)
        wait(engine, job.directory)
        assert texts(job.directory)[0] == "as storedas stored"
        assert source.read_text() == "as stored"
        assert (folder / "inner/file").read_text() == "as stored"

    def test_a_writable_mount_is_written_through(self, engine: Engine, task: Any, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        mount = Mount(folder, "/opt/ml/checkpoints", writable=True)
        job = task(["sh", "-c", "echo result > checkpoints/r"], mounts=[mount])
        engine.start(job)
        assert wait(engine, job.directory).exit_code == 0
        assert (folder / "r").read_text() == "result\n"

    def test_a_layered_mount_takes_changes_and_its_source_stays(self, engine: Engine, task: Any) -> None:
        source, target = task(["true"]).directory / "channels/train", "/opt/ml/input/data/train"
        (source / "inner").mkdir(parents=True)
        for name in ("inner/changed", "removed", "kept"):
            (source / name).write_text("as stored")
            (source / name).chmod(0o444)
        code = "cd $ML; chmod u+w inner/changed; echo x > inner/changed; rm -f removed; echo new > inner/new; cat * */*"
        where = engine.where(task(["true"]), target).replace("task-1", "task-2")
        mounts = [Mount(source, target, layered=True)]
        job = task(["sh", "-c", code], mounts=mounts, environment={**PATH, "ML": where})
        engine.start(job)
        wait(engine, job.directory)
        if not any("Read-only" in line for line in texts(job.directory)):  # a machine without such layers
            assert texts(job.directory)[-2:] == ["as storedx", "new"]
        assert {path.name: path.read_text() for path in source.rglob("*") if path.is_file()} == dict.fromkeys(
            ("changed", "removed", "kept"), "as stored"
        )

    def test_a_companion_runs_until_the_program_has_ended(self, engine: Engine, task: Any, tmp_path: Path) -> None:
        code = f"import os; os.mkdir({str(tmp_path / 'up')!r}); os.read(0, 1); os.mkdir({str(tmp_path / 'over')!r})"
        job = task(["sh", "-c", "read line < wait"], companion=python(code))
        (job.directory / "ml").mkdir(parents=True)
        os.mkfifo(job.directory / "ml/wait")
        engine.start(job)
        wait(engine, job.directory, (tmp_path / "up").exists)
        assert not (tmp_path / "over").exists()
        (job.directory / "ml/wait").write_text("go\n")
        progress = wait(engine, job.directory)
        assert (progress.exit_code, progress.abandoned) == (0, False)

    def test_a_task_whose_companion_fails_is_killed_and_says_so(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "trap '' TERM; echo up; sleep 60"], companion=python("import sys; sys.exit(3)"))
        engine.start(job)
        progress = wait(engine, job.directory, timeout=50)
        assert progress.abandoned
        assert progress.exit_code == 137

    def test_a_companion_that_leaves_in_good_order_disturbs_nobody(self, engine: Engine, task: Any) -> None:
        job = task(["sh", "-c", "read line < wait"], companion=python(""))
        (job.directory / "ml").mkdir(parents=True)
        os.mkfifo(job.directory / "ml/wait")
        engine.start(job)
        (job.directory / "ml/wait").write_text("go\n")
        progress = wait(engine, job.directory)
        assert (progress.exit_code, progress.abandoned) == (0, False)

    def test_a_mount_outside_of_opt_ml_is_where_the_engine_says(
        self, engine: Engine, task: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "runtime").mkdir()
        (tmp_path / "runtime/module").write_text("code")
        mounts = [Mount(tmp_path / "runtime", "/opt/clary")]
        job = task(["cat", engine.where(task(["true"], mounts=mounts), "/opt/clary/module")], mounts=mounts)
        engine.start(job)
        wait(engine, job.directory)
        assert texts(job.directory) == ["code"]

    @pytest.mark.parametrize("target", ["/opt/ml/../../etc/x", "opt/ml/x", "/opt/ml//x", "/", "/opt", "/opt/ml/./x"])
    def test_a_mount_that_leads_elsewhere_is_refused(
        self, engine: Engine, task: Any, tmp_path: Path, target: str
    ) -> None:
        job = task(["true"], mounts=[Mount(tmp_path, target)])
        with pytest.raises(OSError, match="target"):
            engine.start(job)
        assert engine.poll(job.directory) is None

    def test_a_mount_over_a_symbolic_link_is_refused(self, engine: Engine, task: Any, tmp_path: Path) -> None:
        job = task(["true"], mounts=[Mount(tmp_path, "/opt/ml/input/x")])
        (job.directory / "ml").mkdir(parents=True)
        (job.directory / "ml/input").symlink_to("/etc")
        with pytest.raises(OSError, match="symbolic link"):
            engine.start(job)

    def test_a_mount_without_a_source_is_refused(self, engine: Engine, task: Any, tmp_path: Path) -> None:
        job = task(["true"], mounts=[Mount(tmp_path / "gone", "/opt/ml/x")])
        with pytest.raises(FileNotFoundError, match="gone"):
            engine.start(job)

    @pytest.mark.parametrize("network", [True, False])
    def test_the_listening_socket_answers(self, engine: Engine, task: Any, network: bool) -> None:
        if not network and not engine.isolation().network:
            pytest.skip("this engine cannot run without a network")
        code = (
            "import os, socket; s = socket.socket(fileno=int(os.environ['CLARY_LISTEN_FD'])); "
            "c, _ = s.accept(); c.sendall(b'from inside'); c.close()"
        )
        job = task(python(code), network=network, listen=True)
        engine.start(job)
        progress = engine.poll(job.directory)
        assert progress is not None
        assert progress.port
        with socket.create_connection(("127.0.0.1", progress.port), timeout=20) as client:
            assert client.recv(100) == b"from inside"
        assert wait(engine, job.directory).exit_code == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", progress.port), timeout=5)

    def test_whoever_unsubscribed_is_told_nothing(self, engine: Engine, task: Any) -> None:
        told: list[Path] = []
        engine.subscribe(told.append)()
        job = task(["echo", "x"])
        engine.start(job)
        wait(engine, job.directory)
        assert told == []
