"""The sandbox of a task: bubblewrap's command line, and whether bubblewrap works here.

A task sees the system's folders, the server's Python and its mounts read-only, its own folder as ``/opt/ml``, a
``/tmp`` and a process tree of its own, and nothing else of this machine: no home, no data folder. Without a network
it has a loopback interface of its own that nobody else is on (or the hosts of its job alone, ``shared_network.py``);
``relay.py`` leads ports of it to the server where a task asks for that.

Not covered: the kernel is shared, and with a network a task reaches whatever this machine reaches.
Options: https://github.com/containers/bubblewrap (bwrap(1)), 0.4 and later.
"""

# ruff: noqa: S108 - the /tmp here is each task's own
from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clary.engines.base import CannotIsolate, Mount, Task
from clary.engines.supervision import ARGUMENTS_FD, BINDINGS_FD, INFO_FD, READY_FD

_MANY = 100
"""From so many mounts on, ``bindings.py`` is quicker than bubblewrap (see there)."""

_MOST = 2500
"""bubblewrap takes 9,000 words, and a mount is three."""

_LAYERS = "layers"
"""The folder of a task's directory that takes what it writes to its layered mounts."""

_BINDINGS = Path(__file__).with_name("bindings.py")
_RELAY = Path(__file__).with_name("relay.py")
_SHARED_NETWORK = Path(__file__).with_name("shared_network.py")
_RELAY_INSIDE, _DOORS = "/run/clary/relay.py", "/run/clary/doors"

_SYSTEM = "usr bin sbin lib lib32 lib64 libx32 nix/store gnu/store sys/devices/system".split()
_ETC = (
    "alternatives ca-certificates ca-certificates.conf fonts gai.conf host.conf hosts java-11-openjdk java-17-openjdk "
    "java-21-openjdk ld.so.cache ld.so.conf ld.so.conf.d locale.alias locale.conf localtime mime.types nsswitch.conf "
    "os-release pki profile protocols resolv.conf services ssl timezone"
).split()

_KERNEL = "acpi bus fs irq mtrr scsi sys sysrq-trigger".split()

# The launcher says that the program's process is there to get a signal, and becomes the program.
_LAUNCHER = ["/bin/sh", "-c", f'echo >&{READY_FD}; exec {READY_FD}>&- "$@"', "sh"]

_APPARMOR = """\
Ubuntu 24.04 and later forbid it until AppArmor allows it. As administrator, write this to /etc/apparmor.d/bwrap and \
run `apparmor_parser -r /etc/apparmor.d/bwrap`:
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
  include if exists <local/bwrap>
}"""


@dataclass(frozen=True)
class Sandbox:
    """What works here. ``program``: of bubblewrap, "" if no sandbox does; ``options``: those that this machine needs.

    ``complaint``: why not, or why not without a network, and the way out.
    """

    program: str
    options: tuple[str, ...] = ()
    network: bool = False
    complaint: str = ""


def find() -> Sandbox:
    """The sandbox of this machine; found out by running one, once per process."""
    if sys.platform != "linux":
        return Sandbox(
            "", complaint="bubblewrap sandboxes need Linux; run Clary in a Linux virtual machine to have them"
        )
    return _probe(shutil.which("bwrap") or "")


@lru_cache
def _probe(program: str) -> Sandbox:
    if not program:
        return Sandbox("", complaint=f"bubblewrap is not installed: {_how_to_install()}")
    variants = [(), ("--unshare-user",)] if os.getuid() == 0 else [()]
    complaint = ""
    for options in variants:
        error = _try(program, [*options, "--unshare-net"], ["/bin/sh", "-c", ":"])
        if not error:
            return _with_python(Sandbox(program, options, network=True))
        complaint = complaint or error
    for options in variants:
        if not _try(program, [*options], ["/bin/sh", "-c", ":"]):
            why = f"a task cannot be cut off from the network: {_way_out(complaint)}"
            return _with_python(Sandbox(program, options, complaint=why))
    return Sandbox("", complaint=f"bubblewrap does not work here: {_way_out(complaint)}")


def _with_python(sandbox: Sandbox) -> Sandbox:
    """A sandbox that cannot run the server's Python is none: the images are built on it."""
    python = os.path.realpath(sys.executable)
    error = _try(sandbox.program, list(sandbox.options), [python, "-I", "-S", "-c", ""])
    if not error:
        return sandbox
    return Sandbox(
        "",
        complaint=f"a sandboxed task cannot run this server's Python ({python}): {error}. Install a Python that every "
        "user may read, such as /usr/bin/python3, or one in your own home, and run Clary with it",
    )


def _try(program: str, options: list[str], command: list[str]) -> str:
    """Run something in a sandbox; what it complains of, "" if it worked."""
    with tempfile.TemporaryDirectory() as scratch:
        words = [*_frame(Path(scratch) / "passwd", Path(scratch) / "group"), *options, "--", *command]
        try:
            done = subprocess.run(
                [program, *words],
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=30,
                check=False,
            )
        except OSError as error:
            return f"{program}: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"{program} did not end within 30 seconds"
    if done.returncode == 0:
        return ""
    return done.stderr.decode("utf-8", "replace").strip() or f"{program} ended with exit code {done.returncode}"


def _way_out(complaint: str) -> str:
    if _kernel("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return f"{complaint}. {_APPARMOR}"
    if _kernel("kernel/unprivileged_userns_clone") == "0":
        return f"{complaint}. As administrator: `sysctl -w kernel.unprivileged_userns_clone=1`"
    if _kernel("user/max_user_namespaces") == "0":
        return f"{complaint}. As administrator: `sysctl -w user.max_user_namespaces=10000`"
    return (
        f"{complaint}. This machine forbids user namespaces, as most containers do: run Clary outside the container, "
        "or start the container so that it allows them (Docker: --security-opt seccomp=unconfined --security-opt "
        "apparmor=unconfined --security-opt systempaths=unconfined)"
    )


def _kernel(name: str) -> str:
    try:
        return (Path("/proc/sys") / name).read_text().strip()
    except OSError:
        return ""


def _how_to_install() -> str:
    for program, command in (
        ("apt-get", "apt install bubblewrap"),
        ("dnf", "dnf install bubblewrap"),
        ("pacman", "pacman -S bubblewrap"),
        ("zypper", "zypper install bubblewrap"),
        ("apk", "apk add bubblewrap"),
    ):
        if shutil.which(program):
            return f"as administrator, `{command}`"
    return "install your system's package `bubblewrap`"


def command(sandbox: Sandbox, task: Task, environment: dict[str, str], data: Path) -> tuple[list[str], dict[int, str]]:
    """The command line of a task, and what it reads from which file descriptor; ``OSError`` if it has too many mounts.

    bubblewrap's options come by a descriptor: they may be many, and the variables in them secret. ``data``: Clary's
    data folder, hidden wherever it is.
    """
    own = ["--args", str(ARGUMENTS_FD), "--info-fd", str(INFO_FD)]
    line = [sandbox.program, *own, "--", *_LAUNCHER, *_relay(task), *task.command]
    prefix = shared(task)
    mounts = sorted(task.mounts, key=lambda mount: mount.target.count("/"))  # a folder before what is in it
    layered = any(mount.layered for mount in mounts) and _can_layer(str(data))
    if (len(mounts) < _MANY and not layered) or not _can_bind():
        if len(mounts) > _MOST:
            raise OSError(f"a task has {len(mounts)} mounts; a sandbox takes {_MOST} here, join them in folders")
        return prefix + line, {ARGUMENTS_FD: _words(sandbox, task, environment, data, mounts)}
    ml, inside = f"{task.directory}/ml", "/opt/ml/"
    early = [mount for mount in mounts if mount.target.startswith(inside)]
    late = [mount for mount in mounts if not mount.target.startswith(inside)]
    targets = []
    for number, mount in enumerate(early):
        source, layer = str(mount.source), ""
        relative = os.path.relpath(source, task.directory)
        if layered and mount.layered and not set(relative) & set(",:\\"):  # overlayfs's separators
            source, layer = relative, f"{_LAYERS}/{number}"
        targets.append((source, f"{ml}/{mount.target[len(inside) :]}", mount.writable, layer))
    return [*prefix, sys.executable, "-I", "-S", str(_BINDINGS), str(BINDINGS_FD), *line], {
        ARGUMENTS_FD: _words(sandbox, task, environment, data, late),
        BINDINGS_FD: json.dumps({"folder": ml, "home": str(task.directory), "mounts": targets}),
    }


def _relay(task: Task) -> list[str]:
    """What stands before the command of a task that reaches the server's sockets and nothing else."""
    if task.network or task.meeting or not task.doors:
        return []
    doors = [f"{port}={_DOORS}/{path.name}" for port, path in task.doors.items()]
    return [os.path.realpath(sys.executable), "-I", "-S", _RELAY_INSIDE, *doors, "--"]


def shared(task: Task) -> list[str]:
    """What stands before all of it where tasks share a network; ``CannotIsolate`` if they cannot."""
    if task.network or not task.meeting:
        return []
    if complaint := _sharing_complaint():
        raise CannotIsolate(f"the hosts of a job without a network cannot be given one that they share: {complaint}")
    doors = [f"{port}={path}" for port, path in task.doors.items()]
    return [sys.executable, "-I", "-S", str(_SHARED_NETWORK), str(task.meeting), *doors, "--"]


@lru_cache
def _sharing_complaint() -> str:
    """Why ``shared_network.py`` does not work here; "" if it does."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "tasks").open("w") as tasks:
        fcntl.flock(tasks, fcntl.LOCK_SH)  # as a supervisor does
        program = [sys.executable, "-I", "-S", str(_SHARED_NETWORK), folder, "--", "/bin/true"]
        done = subprocess.run(program, capture_output=True, timeout=30, check=False)
    return "" if done.returncode == 0 else _way_out(done.stderr.decode("utf-8", "replace").strip())


@lru_cache
def _can_bind() -> bool:
    """Whether ``bindings.py`` works here."""
    with tempfile.TemporaryDirectory() as folder:
        return _tried(folder, ["/bin/sh", f"{folder}/probe", False, ""])


@lru_cache
def _can_layer(data: str) -> bool:
    """Whether ``bindings.py`` can lay layers over folders below ``data``: its file system must be one that takes them."""
    with tempfile.TemporaryDirectory(dir=data, prefix=".layers-") as folder:
        (Path(folder) / "lower").mkdir()
        return _tried(folder, ["lower", f"{folder}/probe", False, "layer"])


def _tried(folder: str, mount: list[object]) -> bool:
    program = [sys.executable, "-I", "-S", str(_BINDINGS), "0", "/bin/true"]
    wanted = json.dumps({"folder": folder, "home": folder, "mounts": [mount]})
    done = subprocess.run(program, input=wanted.encode(), capture_output=True, timeout=30, check=False)
    return done.returncode == 0


def _words(sandbox: Sandbox, task: Task, environment: dict[str, str], data: Path, mounts: list[Mount]) -> str:
    words = [*_frame(task.directory / "passwd", task.directory / "group"), *sandbox.options]
    if any(data.resolve().is_relative_to(shown) for shown in _shown()):
        words += ["--tmpfs", str(data.resolve())]
    words += ["--bind", str(task.directory / "tmp"), "/tmp", "--bind", str(task.directory / "ml"), "/opt/ml"]
    for mount in mounts:
        words += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
    if task.hosts:
        _hosts(task)
        words += ["--ro-bind", str(task.directory / "hosts"), "/etc/hosts"]
    words += ["--hostname", task.hostname]
    if not task.network and not task.meeting:
        words += ["--unshare-net"]
        if task.doors:
            folder = next(iter(task.doors.values())).parent
            words += ["--ro-bind", str(folder), _DOORS, "--ro-bind", str(_RELAY), _RELAY_INSIDE]
    words += ["--chdir", task.working_directory, "--clearenv"]
    for name, value in environment.items():
        words += ["--setenv", name, value]
    return "".join(f"{word}\0" for word in words)


def _hosts(task: Task) -> None:
    """The task's own /etc/hosts: its names before those of this machine."""
    own = "".join(f"{address}\t{name}\n" for name, address in task.hosts.items())
    try:
        machine = Path("/etc/hosts").read_text()
    except OSError:
        machine = "127.0.0.1\tlocalhost\n"
    (task.directory / "hosts").write_text(own + machine)


def remove_layers(directory: Path) -> None:
    """What a task that has ended wrote to its layered mounts."""
    for work in (directory / _LAYERS).glob("*/scratch/work"):
        with contextlib.suppress(OSError):
            work.chmod(0o700)  # overlayfs leaves it without any right
    shutil.rmtree(directory / _LAYERS, ignore_errors=True)


def check(mounts: list[Mount], ml: Path) -> None:
    """Refuse what would be mounted elsewhere than it says; ``OSError`` names it."""
    for mount in mounts:
        parts = mount.target.split("/")
        hides = parts[1:] in ([], ["opt"])  # what is below /opt/ml
        if parts[0] or hides or any(part in {"", ".", ".."} for part in parts[1:]) or "\0" in mount.target:
            raise OSError(f"a task's mount has the target {mount.target!r}; it takes an absolute path without '..'")
        if not mount.source.exists():
            raise FileNotFoundError(f"a task's mount has the source {mount.source}, which is not there")
        if parts[1:3] == ["opt", "ml"]:
            path = ml
            for part in parts[3:]:
                path /= part
                if path.is_symlink():  # else the mount would be made wherever the link leads
                    raise OSError(f"a task's mount has the target {mount.target!r}, and {path} is a symbolic link")


def _frame(passwd: Path, group: Path) -> list[str]:
    """What every task sees: the system, read-only, and fresh /proc, /dev and /tmp."""
    words = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--tmpfs", "/"]
    for name in _SYSTEM:
        words += _shown_as_it_is(Path("/") / name)
    for name in _ETC:
        words += _shown_as_it_is(Path("/etc") / name)
    uid, gid = os.getuid(), os.getgid()
    passwd.write_text(f"clary:x:{uid}:{gid}:clary:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    group.write_text(f"clary:x:{gid}:\nnogroup:x:65534:\n")
    words += ["--ro-bind", str(passwd), "/etc/passwd", "--ro-bind", str(group), "/etc/group"]
    for folder in _python():
        words += ["--ro-bind", str(folder.resolve()), str(folder)]
    words += ["--proc", "/proc", "--dev", "/dev"]
    if uid == 0:  # root needs no capability to write the kernel's settings, and /proc would let it
        for name in _KERNEL:
            words += _shown_as_it_is(Path("/proc") / name)
    for device in [*Path("/dev").glob("nvidia*"), *(Path("/dev") / name for name in ("dri", "kfd"))]:
        if device.exists():
            words += ["--dev-bind", str(device), str(device)]
    return [*words, "--dir", "/tmp", "--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run"]


def _shown_as_it_is(path: Path) -> list[str]:
    if path.is_symlink() and (path.parent == Path("/") or path.resolve().is_relative_to("/usr")):
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path.resolve()), str(path)] if path.exists() else []


def _python() -> list[Path]:
    """The folders of the server's Python, by the names that environments built on it may use."""
    base = Path(sys.base_prefix)
    folders = [folder for folder in dict.fromkeys((base.resolve(), base)) if not folder.is_relative_to("/usr")]
    return [folder for folder in folders if os.access(folder, os.R_OK | os.X_OK)]


def _shown() -> list[Path]:
    return [*(Path("/") / name for name in _SYSTEM), *_python()]
