"""The contract of an engine: run one program, say how it goes, stop it, find it again.

* ``start`` returns once the task is certain to be found again by ``poll``, in this process or a later one.
* ``start`` of a task that is there already (same directory) changes nothing: it may be repeated after a crash.
* A task outlives the server. Its output, stamped, is in ``task.directory / LOG``; its end in ``poll``.
* ``stop`` sends SIGTERM to the whole process group, SIGKILL after the grace; it returns at once.
* Whoever subscribed is told the directory of a task that wrote output or ended: a hint, which may come
  too often or, after a crash, not at all; ``poll`` is the truth. Once it was polled while it ran, its end is told even
  if its supervisor is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

LOG = "output.log"
"""The log of a task: lines ``<epoch milliseconds> <text>\\n``, UTF-8, undecodable bytes as U+FFFD."""


@dataclass(frozen=True)
class Mount:
    """A folder or file shown to the task at ``target`` (absolute); never written through unless ``writable``.

    ``layered``: of a folder below ``/opt/ml``, the task may change what it sees: what it writes goes to a layer of its
    own, where the machine has such layers (overlayfs); else the folder is read-only. Without a sandbox it gets a copy.
    """

    source: Path
    target: str
    writable: bool = False
    layered: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """One program to run.

    ``directory``: the task's own folder on this machine; ``directory/"ml"`` is what it sees as ``/opt/ml`` (writable).
    ``environment``: all of its variables; nothing is inherited from the server.
    ``image``: of a container that Docker or Podman run, by the name that they know it under; "" runs the command on this
    machine's own files. The command is then what follows the image's name, and ``entrypoint`` replaces the image's own.
    ``network``: False means that it reaches nothing but what is handed to it.
    ``doors``: ports of the loopback of a task without a network → the server's Unix sockets that answer there. They
    lie in one folder, which the task sees as a whole.
    ``hosts``: names by which it reaches itself and its like → their addresses, which a sandboxed task finds in a
    /etc/hosts of its own; ``hostname`` is its own among them.
    ``meeting``: a folder; tasks without a network that name the same one are on a loopback that they share, together
    with their ``doors``, and on nothing else.
    ``working_directory``: as the task sees it; "" is that of its image.
    ``listen``: the engine opens a loopback TCP socket and hands it down as the file descriptor named in
    ``CLARY_LISTEN_FD``; ``poll`` tells the port. So a serving process answers even without a network. A container listens
    on its port 8080 instead, and ``poll`` tells the port of this machine that leads there.
    ``memory_bytes``/``cpus``: limits, kept where the machine allows it; 0 is none.
    ``grace``: seconds between SIGTERM and SIGKILL.
    ``companion``: a program of Clary's own that runs beside this one, outside its sandbox, from before it starts until it
    has ended; it ends when its standard input does. If it fails, the task is killed.
    ``sampling``: seconds between two measurements of what it uses (see ``clary.engines.usage``); 0 takes none.
    """

    directory: Path
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    mounts: list[Mount] = field(default_factory=list)
    image: str = ""
    entrypoint: str = ""
    working_directory: str = "/opt/ml"
    network: bool = True
    doors: Mapping[int, Path] = field(default_factory=dict)
    hostname: str = "clary"
    hosts: Mapping[str, str] = field(default_factory=dict)
    meeting: Path | None = None
    listen: bool = False
    memory_bytes: int = 0
    cpus: int = 0
    grace: float = 120.0
    companion: list[str] = field(default_factory=list)
    sampling: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a task stands. Ended if ``ended`` is set; times are epoch seconds.

    ``exit_code``: as a shell shows it (128 + n for signal n); None while it runs, or when its end is unknown.
    ``lost``: the supervisor itself died (power loss, kill -9), so the task's end was not seen.
    ``out_of_memory``: the kernel killed in it, because it had filled the memory that it was given.
    ``port``: of the socket that ``listen`` asked for.
    ``abandoned``: its companion failed, and it was killed for that.
    """

    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    lost: bool = False
    out_of_memory: bool = False
    port: int | None = None
    abandoned: bool = False


@dataclass(frozen=True)
class Isolation:
    """What this engine separates: ``level`` in a word, ``uncovered`` in sentences a person can act on.

    ``opt_ml``: whether a task sees its folder as ``/opt/ml`` (else only through the ``SM_*`` variables).
    ``network``: whether it can run without a network. ``limits``: whether its memory is limited as the task says.
    """

    level: str
    opt_ml: bool
    network: bool
    uncovered: list[str] = field(default_factory=list)
    limits: bool = False


class CannotIsolate(Exception):
    """The task asks for a separation that this machine does not give; the message says the way out."""


class Engine(Protocol):
    def isolation(self) -> Isolation: ...

    def start(self, task: Task) -> None:
        """Start it; ``CannotIsolate`` if it asks for what cannot be had, ``OSError`` if nothing can be started."""

    def poll(self, directory: Path) -> Progress | None:
        """How the task of that directory stands; None if none was ever started there."""

    def stop(self, directory: Path) -> None:
        """Ask it to end; harmless if it has ended or never was."""

    def subscribe(self, listener: Callable[[Path], None]) -> Callable[[], None]: ...

    def where(self, task: Task, target: str) -> str:
        """Where the program itself sees ``target`` (``/opt/ml/...``): there in a sandbox, else the real path."""
