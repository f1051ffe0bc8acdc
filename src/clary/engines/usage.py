"""What a task uses of the machine: measured by its supervisor while it runs, so that it goes on without the server.

A line of JSON for each measurement, in a file for each minute, ``usage/<epoch seconds of the minute>.jsonl``; only the newest
file still grows. Values are rates since the measurement before:

    at       epoch milliseconds
    cpus     percent of each core of the machine, by the core that a thread ran on last
    waits    percent of the time that each core waited for disks: the machine's, not the task's alone
    memory   percent of the task's limit, of the machine's where it has none: resident sets, so shared pages count twice
    disk     percent of the file system of the task's folder that is full
    io       [system calls that read or write, bytes read from disks, bytes written to them], each a second
    gpus     [[percent busy, percent of its memory in use], ...]: the machine's

By procfs(5) on Linux: every process that descends from the supervisor. Elsewhere by ps(1), which knows processor time and
memory alone; a core is then not known, and all counts for the first.
"""

# ruff: noqa: PTH103, PTH123, PTH208
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import Any

from clary.engines.gpus import Gpus

_FIRST = 0.02  # seconds after the start, then twice as long each time: a short task is measured too
_EVERY = "every"  # the file that holds the seconds between two measurements

Reading = tuple[dict[int, tuple[float, int]], float, int, tuple[int, int, int]]
"""Processor seconds and core by thread; of all with those that ended; resident bytes; the three counts of ``io``."""


class Usage:
    """``every``: seconds between two measurements; ``limit``: bytes of memory that are 100 percent, 0 for the machine's."""

    def __init__(self, directory: str, every: float, limit: int) -> None:
        self._directory, self._folder = directory, f"{directory}/usage"
        self._every, self._limit = every, limit or _machine_memory()
        self._cores = os.cpu_count() or 1
        self._gpus = Gpus()
        self._minute = 0
        with contextlib.suppress(OSError):
            change(directory, every)
        self._at = time.monotonic()
        self._reading, self._waits = _read(), _core_waits()
        self._pause = min(every, _FIRST)
        self.due = self._at + self._pause
        """The monotonic time of the next measurement."""

    def measure(self) -> bool:
        """Write down what was used since the last time; True if that began a new file, so the one before is whole."""
        now = time.monotonic()
        elapsed, before = max(now - self._at, 1e-3), self._reading
        waits_before = self._waits
        self._at, self._reading, self._waits = now, _read(), _core_waits()
        stamp = time.time_ns() // 1_000_000
        disk = os.statvfs(self._directory)
        used = disk.f_blocks - disk.f_bfree
        line = {
            "at": stamp,
            "cpus": _percents(self._cores, before, self._reading, elapsed),
            "waits": [
                round(100 * (wait - wait_before) / max(total - total_before, 1), 2)
                for (wait_before, total_before), (wait, total) in zip(waits_before, self._waits, strict=False)
            ],
            "memory": round(min(100.0, 100 * self._reading[2] / self._limit), 2),
            "disk": round(100 * used / max(used + disk.f_bavail, 1), 2),
            "io": [
                round(max(0, count - earlier) / elapsed)
                for count, earlier in zip(self._reading[3], before[3], strict=True)
            ],
            "gpus": self._gpus.read(),
        }
        began = self._write(stamp // 60_000 * 60, json.dumps(line, separators=(",", ":")) + "\n")
        self._pause = min(2 * self._pause, self._every)
        self.due = max(self.due + self._pause, time.monotonic())
        return began

    def _write(self, minute: int, line: str) -> bool:
        began, self._minute = minute != self._minute, minute
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(f"{self._folder}/{minute}.jsonl", "a", encoding="ascii") as file:
                file.write(line)
        except OSError:
            pass  # a full disk: the task matters more than what is known of it
        if began:
            self._every = interval(self._directory) or self._every
        return began


def interval(directory: str) -> float:
    """The seconds between two measurements that count from the task's next minute on; 0 if nobody measures."""
    try:
        with open(f"{directory}/usage/{_EVERY}", encoding="ascii") as file:
            return float(file.read())
    except (OSError, ValueError):
        return 0.0


def change(directory: str, every: float) -> None:
    """Let a running task be measured at another interval, from its next minute on."""
    os.makedirs(f"{directory}/usage", exist_ok=True)
    with open(f"{directory}/usage/{_EVERY}", "w", encoding="ascii") as file:
        file.write(str(every))


def _percents(cores: int, before: Reading, now: Reading, elapsed: float) -> list[float]:
    """Of each core. What threads used that are no more has no core of its own and goes with the busiest."""
    spent = [0.0] * cores
    for thread, (seconds, core) in now[0].items():
        spent[core % cores] += max(0.0, seconds - before[0].get(thread, (0.0, 0))[0])
    rest = max(0.0, now[1] - before[1] - sum(spent))
    spent[spent.index(max(spent))] += rest
    return [round(100 * seconds / elapsed, 2) for seconds in spent]


def _read() -> Reading:
    return _by_procfs() if sys.platform == "linux" else _by_ps()


def _by_procfs() -> Reading:
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    own = os.times()
    threads: dict[int, tuple[float, int]] = {}
    total, resident, calls = own.children_user + own.children_system, 0, [0, 0, 0]
    for pid in _descendants():
        try:
            fields = _stat(f"/proc/{pid}/stat")
            names = os.listdir(f"/proc/{pid}/task")
            each = {int(name): _stat(f"/proc/{pid}/task/{name}/stat") for name in names}
        except OSError:
            continue  # it has just ended
        total += sum(fields[11:15]) / tick  # its own and that of its children that ended
        resident += fields[21] * page
        for thread, numbers in each.items():
            threads[thread] = (numbers[11] + numbers[12]) / tick, numbers[36]
        for place, count in enumerate(_io(pid)):
            calls[place] += count
    return threads, total, resident, (calls[0], calls[1], calls[2])


def _stat(path: str) -> list[int]:
    """The numbers behind the program's name, from its state on (which counts as 0); proc_pid_stat(5) counts from 3."""
    with open(path, "rb") as file:
        return [0, *map(int, file.read().rpartition(b")")[2].split()[1:])]


def _io(pid: int) -> tuple[int, int, int]:
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            counts = dict(line.split(": ") for line in file)
    except (OSError, ValueError):
        return 0, 0, 0
    return int(counts["syscr"]) + int(counts["syscw"]), int(counts["read_bytes"]), int(counts["write_bytes"])


def _descendants() -> list[int]:
    """The processes below this one."""
    found, waiting = [], [os.getpid()]
    parents: dict[int, list[int]] | None = None
    while waiting:
        pid = waiting.pop()
        try:
            children = [
                int(child)
                for thread in os.listdir(f"/proc/{pid}/task")
                for child in _text(f"/proc/{pid}/task/{thread}/children").split()
            ]
        except OSError:  # a kernel without these lists, or it has just ended
            parents = _parents() if parents is None else parents
            children = parents.get(pid, [])
        found += children
        waiting += children
    return found


def _parents() -> dict[int, list[int]]:
    """All processes by their parent's id."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found.setdefault(_stat(f"/proc/{name}/stat")[1], []).append(int(name))
            except OSError:
                continue
    return found


def _text(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()


def _core_waits() -> list[tuple[int, int]]:
    """Ticks that each core waited for disks, and all ticks it had."""
    try:
        lines = _text("/proc/stat").splitlines()
    except OSError:
        return []
    cores = [list(map(int, line.split()[1:9])) for line in lines if line.startswith("cpu") and line[3] != " "]
    return [(ticks[4], sum(ticks)) for ticks in cores]


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _by_ps() -> Reading:
    import subprocess  # noqa: PLC0415 - slow, and needed only where there is no procfs

    done = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,rss=,time="], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    rows: dict[int, tuple[int, int, float]] = {}
    for line in done.stdout.splitlines():
        pid, parent, kilobytes, spent = line.split()
        rows[int(pid)] = int(parent), int(kilobytes), _seconds(spent)
    own, below = os.getpid(), {os.getpid()}
    while more := {pid for pid, row in rows.items() if row[0] in below} - below:
        below |= more
    found = {pid: rows[pid] for pid in below - {own} if pid in rows}
    threads = {pid: (seconds, 0) for pid, (_, _, seconds) in found.items()}
    times = os.times()
    total = times.children_user + times.children_system + sum(seconds for seconds, _ in threads.values())
    return threads, total, 1024 * sum(kilobytes for _, kilobytes, _ in found.values()), (0, 0, 0)


def _seconds(spent: str) -> float:
    """``[days-][hours:]minutes:seconds``"""
    days, _, clock = spent.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + int(days or 0) * 86_400


def lines(text: str) -> list[dict[str, Any]]:
    """The measurements of a file; a line that a crash tore is left out."""
    found = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
