"""Watching over one task: what the process of ``supervisor.py`` does, from its claim to the record of the end."""

# ruff: noqa: PTH103, PTH106, PTH110, PTH123
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import socket
import time
from typing import Any

from clary.engines.durable import replace, replace_reserved, reserve
from clary.engines.output import Log
from clary.engines.processes import (
    accompany,
    become_subreaper,
    dismiss,
    empty,
    guardian,
    in_memory,
    kill_group,
    pidfd,
    reap,
    run_quietly,
    says_lines,
)
from clary.engines.usage import Usage

LISTEN_FD, READY_FD, INFO_FD, ARGUMENTS_FD, BINDINGS_FD = 3, 4, 5, 6, 7
"""The file descriptors that a program (the first), its launcher (the second) and what sandboxes them are given."""

CANNOT_START = 125
"""The exit code of a task whose sandbox could not be made: what Docker answers too."""

_PIECE = 256 << 10  # bytes read at a time
_TELL_EVERY = 0.05  # seconds between two hints about output
_ASK_AGAIN = 0.3  # seconds until a container whose program was not there to be asked to end is looked at again
_SLOW = 30.0  # seconds after its start after which it is asked anyway, should its processes not be listed
_LAST_WORDS = 5.0  # seconds that the killed may take to be gone


class Supervisor:
    def __init__(self, directory: str, spec: dict[str, Any], wake: int, listener: socket.socket | None) -> None:
        self._directory, self._spec, self._wake, self._listener = directory, spec, wake, listener
        self._started = time.time()
        self._log = Log(f"{directory}/output.log")
        self._pipes: dict[str, int] = {}  # the ends we read: output, ready, info
        self._info = b""
        self._ready = not spec["sandboxed"]
        self._group = 0  # the program's process group, as this process sees it
        self._inner: int | None = None  # a pidfd of the sandbox's first process
        self._child = 0
        self._status: int | None = None
        self._stopping: float | None = None  # the monotonic time of the SIGKILL
        self._termed = self._killed = False
        self._told, self._news = 0.0, False
        self._groups: list[str] = []  # the folders of the control groups that keep the limits
        self._companion = 0
        self._leash: int | None = None  # the companion ends when this is closed
        self._abandoned = False
        self._usage: Usage | None = None

    def run(self) -> None:
        self._limit()
        self._attend()
        if not self._spec["sandboxed"]:
            if not self._spec.get("kill"):  # what belongs to a container is its engine's to end
                become_subreaper()
            self._group = guardian()
        if self._spec.get("companion"):
            self._companion, self._leash = accompany(self._spec["companion"])
        self._spawn()
        if wanted := self._spec.get("usage"):
            self._usage = Usage(self._directory, wanted["every"], wanted["memory"])
        while self._status is None:
            self._step()
        ended = time.time()
        self._end_all()
        self._record(ended)
        self._tell()
        empty(f"{self._directory}/tmp")  # noqa: S108 - the task's own

    # starting

    def _limit(self) -> None:
        for group in self._spec.get("groups", []):
            try:
                os.makedirs(group["folder"], exist_ok=True)
                for name, value, needed in group["files"]:
                    try:
                        _put(f"{group['folder']}/{name}", value)
                    except OSError:
                        if needed:
                            raise
                self._groups.append(group["folder"])
            except OSError as error:
                self._log.feed(f"clary: a limit of the instance type is not kept: {error}\n".encode())

    def _attend(self) -> None:
        """Keep the network that tasks share there for as long as this one lives (see ``shared_network.py``)."""
        if meeting := self._spec.get("meeting"):
            os.makedirs(meeting, exist_ok=True)
            tasks = os.open(f"{meeting}/tasks", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(tasks, fcntl.LOCK_SH)  # held until this process ends
            holder = self._spec["holder"]
            os.waitpid(os.posix_spawn(holder[0], holder, {}), 0)  # if it fails, so does the task, and says why

    def _spawn(self) -> None:
        given = {}
        for name, number in (("output", 1), ("ready", READY_FD), ("info", INFO_FD)):
            if name == "output" or self._spec["sandboxed"]:
                reader, writer = os.pipe()
                os.set_blocking(reader, False)
                self._pipes[name], given[number] = reader, writer
        given[2] = given[1]
        for number, text in self._spec["handed"].items():
            given[int(number)] = in_memory(os.fsencode(text))
        if self._listener is not None:
            given[LISTEN_FD] = self._listener.fileno()
        everything = signal.valid_signals()
        signal.pthread_sigmask(signal.SIG_BLOCK, everything)  # else a SIGTERM before exec would be lost
        self._child = os.fork()
        if self._child == 0:
            self._become(given)
        with contextlib.suppress(OSError):  # the child does so too; whoever is first, a stop meets it in its group
            os.setpgid(self._child, self._group)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, everything)
        for writer in set(given.values()):
            os.close(writer)
        if self._listener is not None:
            self._listener.detach()  # the program's now: when it dies, clients are refused at once

    def _become(self, given: dict[int, int]) -> None:
        """In the child: take the descriptors, the group and the limits, and become the program. Never returns."""
        try:
            os.setpgid(0, self._group)  # in a sandbox a group of bubblewrap's own; the program gets another
            _put("/proc/self/oom_score_adj", "500", missing_ok=True)  # rather the job than the server
            for folder in self._groups:
                _put(f"{folder}/cgroup.procs", "0")
            high = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64) for number, fd in given.items()}
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, fd in high.items():
                os.dup2(fd, number)
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            os.chdir(self._spec["working_directory"])
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            command = self._spec["command"]
            os.execvpe(command[0], command, self._spec["environment"])  # noqa: S606 - what a supervisor is for
        except OSError as error:
            os.write(2, f"clary: cannot run {self._spec['command'][0]!r}: {error.strerror}\n".encode())
            os._exit(127 if error.errno == errno.ENOENT else 126)
        finally:
            os._exit(126)

    # running

    def _step(self) -> None:
        """Wait for output, a signal or a deadline, and deal with it."""
        now = time.monotonic()
        deadlines = [self._stopping] if self._stopping is not None and not self._killed else []
        if self._news:
            deadlines.append(self._told + _TELL_EVERY)
        if self._usage is not None:
            deadlines.append(self._usage.due)
        if self._stopping is not None and not self._termed and self._spec.get("stop"):
            deadlines.append(now + _ASK_AGAIN)
        timeout = max(0.0, min(deadlines) - now) if deadlines else None
        if self._take(timeout):
            self._stopping = self._stopping or time.monotonic() + self._spec["grace"]
        if self._stopping is not None:
            self._terminate()
        if self._usage is not None and time.monotonic() >= self._usage.due and self._usage.measure():
            self._news = True
        if self._news and time.monotonic() >= self._told + _TELL_EVERY:
            self._tell()
        self._collect()
        if self._status is None and self._companion:
            self._watch_companion()

    def _take(self, timeout: float | None) -> bool:
        """Wait until there is output or a signal, or the time is over, and take it; whether a SIGTERM came."""
        readable, _, _ = select.select([self._wake, *self._pipes.values()], [], [], timeout)
        for name, fd in list(self._pipes.items()):
            if fd in readable:
                self._read(name)
        return self._wake in readable and signal.SIGTERM in os.read(self._wake, 512)

    def _collect(self) -> None:
        if self._status is None:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid:
                self._status = status

    def _read(self, name: str) -> bool:
        """Read what is there; False when it is all, or for good."""
        try:
            piece = os.read(self._pipes[name], _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            os.close(self._pipes.pop(name))
            return False
        if name == "output":
            self._log.feed(piece)
            self._news = True
        elif name == "ready":
            self._ready = True
        else:
            self._info += piece
            if b"}" in self._info and not self._group:
                self._group = json.loads(self._info)["child-pid"]
                self._inner = pidfd(self._group)
        return True

    def _terminate(self) -> None:
        """SIGTERM once the program is there to get it; SIGKILL when the grace is over."""
        if not self._termed and self._ready and self._group:
            self._termed = self._ask_to_end()
        if not self._killed and self._stopping is not None and time.monotonic() >= self._stopping:
            self._killed = True
            self._kill()

    def _ask_to_end(self) -> bool:
        """False if it may not have heard."""
        if command := self._spec.get("stop"):
            return self._is_inside() and run_quietly(command, self._spec["environment"]) == 0
        kill_group(self._group, signal.SIGTERM)
        return True

    def _is_inside(self) -> bool:
        """Whether a container's program runs: before, a signal is lost, or ends what sets the container up."""
        if time.time() > self._started + _SLOW:
            return True
        return says_lines(self._spec["top"], self._spec["environment"], 3)  # a heading, the init, the program

    def _kill(self) -> None:
        if self._spec.get("kill") and (self._status is None or os.WIFSIGNALED(self._status)):
            self._kill_container()
        if self._group:
            kill_group(self._group, signal.SIGKILL)  # a sandbox's first process dies of it, and all of it with it
        if self._status is None:
            os.kill(self._child, signal.SIGKILL)

    def _watch_companion(self) -> None:
        """A program that goes on without what stands by it would take half of its data for the whole: kill it."""
        pid, status = os.waitpid(self._companion, os.WNOHANG)
        if pid:
            self._companion = 0
            self._abandoned = status != 0
        if self._abandoned and not self._killed:
            self._killed = True
            self._kill()

    def _kill_container(self) -> None:
        """Kill what runs behind the command of Docker or Podman, and give that the time to end."""
        run_quietly(self._spec["kill"], self._spec["environment"])
        if self._status is not None:
            return
        deadline = time.monotonic() + _LAST_WORDS
        while self._status is None and time.monotonic() < deadline:
            self._take(max(0.0, deadline - time.monotonic()))
            self._collect()
        self._status = int(signal.SIGKILL)  # whatever the command says of a container that it lost

    # ending

    def _end_all(self) -> None:
        """Kill what the program left behind, wait until it is gone, and read its last words."""
        self._kill()
        if self._companion:
            dismiss(self._companion, self._leash)
        deadline = time.monotonic() + _LAST_WORDS
        if self._inner is not None:
            select.select([self._inner], [], [], _LAST_WORDS)
            os.close(self._inner)
        if not self._spec["sandboxed"]:
            reap(deadline)
        while self._pipes.get("output") is not None and time.monotonic() < deadline:
            select.select([self._pipes["output"]], [], [], max(0.0, deadline - time.monotonic()))
            while self._read("output"):
                pass
        while "ready" in self._pipes and self._read("ready"):
            pass
        self._log.close()

    def _record(self, ended: float) -> None:
        code = os.waitstatus_to_exitcode(self._status or 0)
        code = 128 - code if code < 0 else code
        if not self._ready and code == 1 and not self._stopping:
            code = CANNOT_START
        record = {
            "exit_code": code,
            "started": self._started,
            "ended": ended,
            "ran": self._ready,
            "out_of_memory": self._out_of_memory(),
            "log_bytes_lost": self._log.lost,
            "log_error": self._log.error,
            "abandoned": self._abandoned,
        }
        replace_reserved(f"{self._directory}/exit.json", json.dumps(record))

    def _out_of_memory(self) -> bool:
        """Whether the kernel killed for the memory limit; the control groups are removed."""
        killed = False
        for folder in self._groups:
            for name in ("memory.events", "memory.oom_control"):
                try:
                    with open(f"{folder}/{name}", encoding="ascii") as file:
                        counts = dict(line.split() for line in file)
                except OSError:
                    continue
                killed = killed or counts.get("oom_kill", "0") != "0"
            with contextlib.suppress(OSError):  # something is still leaving it; an empty group costs nothing
                os.rmdir(folder)
        return killed

    def _tell(self) -> None:
        """Tell the server, if one listens, that there is something to see."""
        self._told, self._news = time.monotonic(), False
        try:
            fifo = os.open(self._spec["events"], os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.write(fifo, os.fsencode(self._directory) + b"\n")
        except OSError:
            pass  # a full pipe: the server has hints enough
        finally:
            os.close(fifo)


def _put(path: str, text: str, *, missing_ok: bool = False) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        if missing_ok:
            return
        raise
    try:
        os.write(fd, text.encode())
    except OSError:
        if not missing_ok:
            raise
    finally:
        os.close(fd)


def _wakeup() -> int:
    """Turn signals into bytes of a pipe; the handlers do nothing, and exec gives the program the defaults."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _listen() -> socket.socket:
    # The protocol is named because a program that takes the socket over by its number may look at it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    return listener


def main(directory: str) -> int:
    """Claim the task, go on in the background; returns once it is certain to be found, or was there already."""
    claim = os.open(f"{directory}/task.json", os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(claim, fcntl.LOCK_EX)  # one at a time: whoever comes second sees ``started``
    if os.path.exists(f"{directory}/started"):
        return 0
    with open(claim, encoding="utf-8", closefd=False) as file:
        spec = json.load(file)
    lock = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # a poll holds it for an instant only
    wake = _wakeup()
    listener = _listen() if spec["listen"] else None
    reserve(f"{directory}/exit.json")
    gate, opener = os.pipe()
    pid = os.fork()
    if pid:
        port = listener.getsockname()[1] if listener else spec.get("port")
        try:
            replace(f"{directory}/started", json.dumps({"pid": pid, "started": time.time(), "port": port}))
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        os.write(opener, b"!")
        return 0
    os.close(claim)
    os.close(opener)
    if not os.read(gate, 1) and not os.path.exists(f"{directory}/started"):
        return 1  # the first process died before it had said that the task runs
    Supervisor(directory, spec, wake, listener).run()
    return 0
