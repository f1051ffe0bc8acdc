"""What a sandboxed task sees and can do, and what happens where there is no sandbox."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.engines import limits
from clary.engines.base import CannotIsolate, Mount, Task
from clary.engines.local import LocalEngine
from tests.contracts.engine import PATH, no_signals, python, texts, wait

SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tasks"


@pytest.fixture
def engine(root: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(root)
    if engine.isolation().level != "bubblewrap":
        pytest.skip(engine.isolation().uncovered[0])
    yield engine
    engine.close()


@pytest.fixture
def run(engine: LocalEngine, root: Path) -> Any:
    """Run a task; its exit code and its lines."""

    def run(command: list[str], **members: Any) -> tuple[int | None, list[str]]:
        task = Task(directory=root / "job", command=command, **{"environment": PATH, **members})
        engine.start(task)
        return wait(engine, task.directory).exit_code, texts(task.directory)

    return run


def test_neither_home_nor_data_folder_is_visible(run: Any, root: Path) -> None:
    secret = root.parent / "keys.json"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("secret")
    home = Path.home()
    code = "import os, sys, json; print(json.dumps([os.path.exists(p) and os.listdir(p) for p in sys.argv[1:]]))"
    _, lines = run([*python(code), str(root.parent), str(home), "/home", "/opt", "/var", "/mnt", "/srv"])
    data, home_seen, *others = json.loads(lines[0])
    assert data is False
    base = Path(sys.base_prefix).resolve()
    inside = [base.relative_to(home).parts[0]] if base.is_relative_to(home) else []
    assert (home_seen or []) == inside
    assert others == [False, ["ml"], ["tmp"], False, False]


def test_the_data_folder_is_hidden_even_below_a_folder_that_is_shown(tmp_path: Path, engine: LocalEngine) -> None:
    data = Path("/usr/local") / f"clary-test-{os.getpid()}"
    try:
        data.mkdir()
    except OSError as error:
        pytest.skip(f"/usr/local cannot be written: {error}")
    try:
        (data / "keys.json").write_text("secret")
        inner = LocalEngine(data / "tasks")
        task = Task(directory=data / "tasks/job", command=["ls", "-A", str(data)], environment=PATH)
        inner.start(task)
        assert wait(inner, task.directory).exit_code == 0
        assert texts(task.directory) == []
        inner.close()
    finally:
        subprocess.run(["rm", "-rf", str(data)], check=True)


@pytest.mark.parametrize("target", ["/usr/bin/x", "/lib/x", "/sys/devices/system/cpu/x"])
def test_the_system_cannot_be_changed(run: Any, target: str) -> None:
    code, _ = run(["sh", "-c", f"echo x > {target}"])
    assert code != 0


@pytest.mark.parametrize("target", ["/x", "/etc/x", "/opt/x", "/var/x"])
def test_other_folders_are_its_own(run: Any, target: str) -> None:
    run(["sh", "-c", f"echo x > {target}"])
    assert not Path(target).exists()


def test_no_setting_of_the_kernel_can_be_written(run: Any) -> None:
    code = "cd /proc; find sys sysrq-trigger irq bus fs acpi -writable 2>/dev/null"
    _, lines = run(["sh", "-c", code])
    assert lines == []


def test_it_sees_no_process_but_its_own(run: Any) -> None:
    _, lines = run(
        python("import os; print(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()) == [1, os.getpid()])")
    )
    assert lines == ["True"]


def test_it_has_no_capability_and_gains_none(run: Any) -> None:
    _, lines = run(["grep", "-E", "^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)", "/proc/self/status"])
    values = dict(line.split(":\t") for line in lines)
    assert values.pop("NoNewPrivs") == "1"
    values.pop("CapBnd")  # a bound only: nothing is gained where no new privileges are
    assert set(values.values()) == {"0" * 16}


def test_it_has_no_terminal_and_a_session_of_its_own(run: Any) -> None:
    code, _ = run(["sh", "-c", "exec 3<> /dev/tty"])
    assert code != 0


def test_tmp_is_its_own_and_gone_afterwards(run: Any, root: Path) -> None:
    code, lines = run(
        ["sh", "-c", "ls -A /tmp; mkdir -p /tmp/a/b; ln -s / /tmp/a/root; echo x > /tmp/a/b/c; cat /var/tmp/a/b/c"]
    )
    assert (code, lines) == (0, ["x"])
    with (root / "job/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    assert not (root / "job/tmp").exists()
    assert Path("/usr/bin").exists()


def test_without_a_network_nothing_is_reached(run: Any) -> None:
    code = "import socket; print([n for _, n in socket.if_nameindex()]); socket.create_connection(('1.1.1.1', 53), 2)"
    exit_code, lines = run(python(code), network=False)
    assert exit_code == 1
    assert lines[0] == "['lo']"
    assert "unreachable" in lines[-1]


def test_with_a_network_it_has_the_machine_s(run: Any) -> None:
    _, lines = run(python("import socket; print([name for _, name in socket.if_nameindex()])"))
    assert lines == [str([name for _, name in socket.if_nameindex()])]


def test_a_mounted_file_cannot_be_written_renamed_or_removed(run: Any, tmp_path: Path) -> None:
    source = tmp_path / "object"
    source.write_text("as stored")
    code = "cd input/data; (echo x > o; rm o; mv o p; chmod 777 o; ln o p; echo y >> ../data/o) 2>/dev/null; cat o"
    exit_code, lines = run(["sh", "-c", code], mounts=[Mount(source, "/opt/ml/input/data/o")])
    assert (exit_code, lines) == (0, ["as stored"])
    assert source.read_text() == "as stored"
    assert source.stat().st_nlink == 1


def test_a_link_out_of_its_folder_leads_nowhere(run: Any, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    code = (
        f"ln -s {tmp_path}/secret a; ln -s ../../../../../../../../{tmp_path}/secret b; cat a b ../../{tmp_path}/secret"
    )
    exit_code, lines = run(["sh", "-c", code])
    assert exit_code == 1
    assert "secret" not in [line for line in lines if not line.startswith("cat:")]


def test_variables_of_the_loader_act_inside_only(run: Any) -> None:
    _, lines = run(["true"], environment={**PATH, "LD_PRELOAD": "/no/such/library.so"})
    assert len(lines) == 2  # the launcher's and the program's complaint: bubblewrap itself did not see it


def test_its_variables_and_options_are_not_in_the_process_list(engine: LocalEngine, root: Path) -> None:
    task = Task(
        directory=root / "job", command=["sh", "-c", "echo up; sleep 60"], environment={**PATH, "TOKEN": "t0ken"}
    )
    engine.start(task)
    wait(engine, task.directory, lambda: texts(task.directory) == ["up"])
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "echo up; sleep 60" in listed
    assert "t0ken" not in listed
    engine.stop(task.directory)
    wait(engine, task.directory)


def test_a_sandbox_that_cannot_be_made_is_not_taken_for_the_program_s_failure(run: Any) -> None:
    code, lines = run(["true"], working_directory="/no/such/folder")
    assert code == 125
    assert "no/such/folder" in lines[0]


def test_a_thousand_files_are_mounted(engine: LocalEngine, root: Path, tmp_path: Path) -> None:
    mounts = []
    for number in range(1000):
        source = tmp_path / f"object-{number}"
        source.write_text("x")
        mounts.append(Mount(source, f"/opt/ml/input/data/train/file-{number}"))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    mounts.append(Mount(folder, "/opt/ml/checkpoints", writable=True))
    mounts.append(Mount(SOURCE, "/opt/clary"))
    code = (
        "cat input/data/train/* | wc -c; echo y > input/data/train/file-7 && echo written; "
        "echo z > input/data/train/new; "
        "echo c > checkpoints/c; ls /opt/clary; grep Sig[BI] /proc/self/status"
    )
    command = ["sh", "-c", code]
    task = Task(directory=root / "job", command=command, environment=PATH, mounts=mounts)
    engine.start(task)
    assert wait(engine, task.directory, timeout=60).exit_code == 0
    count, refused, *source, blocked, ignored = texts(task.directory)
    assert count == "1000"
    assert "Read-only" in refused
    assert source == ["clary"]
    assert no_signals(blocked)
    assert no_signals(ignored)
    assert {mount.source.read_text() for mount in mounts[:1000]} == {"x"}
    assert (task.directory / "ml/input/data/train/new").read_text() == "z\n"
    assert (folder / "c").read_text() == "c\n"


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_memory_limit_holds(root: Path, mode: str) -> None:
    if not limits.works():
        pytest.skip("this user may not make control groups")
    engine = LocalEngine(root, sandbox=mode)
    task = Task(
        directory=root / "job",
        command=python("print('up'); x = bytearray(300 << 20); print('too much')"),
        environment=PATH,
        memory_bytes=100 << 20,
    )
    engine.start(task)
    assert wait(engine, task.directory).exit_code == 137
    assert texts(task.directory)[0] == "up"
    assert "too much" not in texts(task.directory)
    assert json.loads((task.directory / "exit.json").read_text())["out_of_memory"]
    engine.close()


def test_a_limit_of_cpus_holds_and_leaves_nothing_behind(engine: LocalEngine, root: Path) -> None:
    groups = limits.groups(root / "job", 0, 1)
    if not groups:
        pytest.skip("this user may not make control groups, or there is one CPU")
    code = (
        "import os, time\n"
        "for _ in range(3):\n    if os.fork() == 0: break\n"
        "end = time.monotonic() + 0.5\nwhile time.monotonic() < end: pass\n"
        "os.write(1, f'{sum(os.times()[:2])}\\n'.encode())\n"
    )
    task = Task(directory=root / "job", command=python(code), environment=PATH, cpus=1)
    engine.start(task)
    assert wait(engine, task.directory).exit_code == 0
    assert sum(float(line) for line in texts(task.directory)) < 0.9  # of half a second, with a period's grain
    assert not Path(groups[0]["folder"]).exists()


# without a sandbox


def test_required_refuses_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotIsolate, match="bubblewrap is not installed"):
        LocalEngine(tmp_path / "tasks", sandbox="required")


def test_auto_names_the_level_and_what_it_does_not_cover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    isolation = LocalEngine(tmp_path / "tasks").isolation()
    assert (isolation.level, isolation.opt_ml, isolation.network) == ("process", False, False)
    assert "bubblewrap" in isolation.uncovered[0]


def test_a_bubblewrap_that_fails_is_not_used_and_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = tmp_path / "bin/bwrap"
    failing.parent.mkdir()
    failing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    failing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{failing.parent}:{os.environ['PATH']}")
    isolation = LocalEngine(tmp_path / "tasks").isolation()
    assert isolation.level == "process"
    assert "setting up uid map: Permission denied" in isolation.uncovered[0]


def test_no_network_without_a_sandbox_is_refused_with_the_way_out(root: Path) -> None:
    engine = LocalEngine(root, sandbox="off")
    task = Task(directory=root / "job", command=["true"], environment=PATH, network=False)
    with pytest.raises(CannotIsolate, match="CLARY_SANDBOX=auto"):
        engine.start(task)
    assert engine.poll(task.directory) is None


def test_an_unknown_mode_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="'required'"):
        LocalEngine(root, sandbox="maybe")


TRY = """
import json, os, sys, threading
from pathlib import Path
from clary.engines.base import CannotIsolate, Mount, Task
from clary.engines.local import LocalEngine
{before}
root = Path(sys.argv[1])
engine = LocalEngine(root)
isolation = engine.isolation()
hint = threading.Event()
engine.subscribe(lambda directory: hint.set())
source = root.parent / "object"
source.write_text("as stored")
mount = Mount(source, "/opt/ml/input/data/o")
task = Task(directory=root / "job", command=["sh", "-c", "id -u; cat input/data/o; echo; echo x > model"],
            environment={{"PATH": "/usr/bin:/bin"}}, mounts=[mount])
engine.start(task)
while (progress := engine.poll(task.directory)).ended is None:
    hint.wait(0.1)
    hint.clear()
log = (task.directory / "output.log").read_text()
print(json.dumps([isolation.level, isolation.network, isolation.uncovered, progress.exit_code, log]))
engine.close()
"""


def attempt(tmp_path: Path, before: str = "", python: str = sys.executable, prefix: tuple[str, ...] = ()) -> list[Any]:
    """Run ``TRY`` in a process of its own; what it printed."""
    program = tmp_path / "try.py"
    program.write_text(TRY.format(before=textwrap.dedent(before)))
    source = tmp_path / "src"
    subprocess.run(["cp", "-r", str(SOURCE), str(source)], check=True)
    (tmp_path / "data").mkdir()
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path.is_relative_to("/tmp/pytest-of-root"):
            path.chmod(0o755)
    (tmp_path / "data").chmod(0o777)
    done = subprocess.run(
        [*prefix, python, str(program), str(tmp_path / "data/tasks")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: list[Any] = json.loads(done.stdout)
    return result


REFUSE_NAMESPACES = """
import ctypes, platform, struct
# A filter as container runtimes set it: unshare, mount and clone with a namespace's flag give EPERM, clone3 ENOSYS.
unshare, mount, clone = {{"x86_64": (272, 165, 56), "aarch64": (97, 40, 220)}}[platform.machine()]
def op(code, k, jt=0, jf=0): return struct.pack("HBBI", code, jt, jf, k)
LOAD, EQUAL, ANY, RETURN = 0x20, 0x15, 0x45, 0x06
program = b"".join([
    op(LOAD, 0), op(EQUAL, unshare, 5, 0), op(EQUAL, mount, 4, 0), op(EQUAL, 435, 4, 0), op(EQUAL, clone, 0, 4),
    op(LOAD, 16), op(ANY, 0x7E020000, 0, 2), op(RETURN, 0x50000 | 1), op(RETURN, 0x50000 | 38), op(RETURN, 0x7FFF0000),
])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, program)), 0, 0) == 0, ctypes.get_errno()
assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == 1
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_where_namespaces_are_refused_it_runs_plain_processes_and_says_so(tmp_path: Path) -> None:
    level, network, uncovered, code, log = attempt(tmp_path, REFUSE_NAMESPACES.replace("{{", "{").replace("}}", "}"))
    assert (level, network, code) == ("process", False, 0)
    assert "container" in uncovered[0] or "apparmor" in uncovered[0]
    assert "as stored" in log


def ordinary_user() -> tuple[tuple[str, ...], str]:
    """How to run as an ordinary user here, and a Python that this one may read."""
    if os.getuid() != 0:
        return (), sys.executable
    prefix = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    check = "import os, sys; sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))"
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if subprocess.run([*prefix, candidate, "-c", check], capture_output=True, check=False).returncode == 0:
                return prefix, candidate
        except FileNotFoundError:
            break
    pytest.skip("no Python 3.11 here that an ordinary user may read, or no setpriv")


@pytest.mark.skipif(sys.platform != "linux", reason="sandboxes are Linux's")
def test_an_ordinary_user_has_a_sandbox_too(tmp_path: Path) -> None:
    prefix, candidate = ordinary_user()
    level, _, uncovered, code, log = attempt(tmp_path, python=candidate, prefix=prefix)
    if level == "process":
        pytest.skip(f"namespaces are forbidden to ordinary users here: {uncovered[0]}")
    assert code == 0
    lines = [line.partition(" ")[2] for line in log.splitlines()]
    assert lines == [str(os.getuid() or 65534), "as stored"]


@pytest.mark.skipif(
    os.getuid() != 0 or Path(sys.base_prefix).is_relative_to("/usr"), reason="needs root and a Python in /root"
)
def test_a_python_that_the_user_cannot_read_is_named(tmp_path: Path) -> None:
    if Path(sys.base_prefix).resolve().parts[1] != "root":
        pytest.skip("this Python is not in /root")
    program = tmp_path / "try.py"
    program.write_text(
        "import os, tempfile, subprocess, encodings.ascii, encodings.latin_1\n"
        "from clary.engines import sandbox\nsubprocess.run(['true'])\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\nprint(sandbox.find())\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cannot run this server's Python" in done.stdout, done.stderr
