"""The process that watches over one task: starts its program, writes its log, ends it, and records how it ended.

Run as ``python -I -S supervisor.py <task directory>``; it and the modules it takes import the standard library only, so
that it starts in milliseconds. It reads
``task.json`` (made by ``clary.engines.local``), returns once the task is certain to be found again, and goes on in a
session of its own: the server may die and come back. What it leaves in the directory, each file whole or not at all:

* ``lock``: held (flock) for the supervisor's whole life; whoever gets it knows that the supervisor is gone.
* ``started``: {pid, started, port}, on disk before the program runs; so a program runs at most once.
* ``output.log``: what the program wrote, each line stamped.
* ``usage/``: what the program used, if that was asked for (``usage.py``).
* ``exit.json``: {exit_code, started, ended, ran, out_of_memory, log_bytes_lost, log_error, abandoned}; its room is
  reserved at the start, so that a full disk cannot hide a task's end.

SIGTERM asks it to end the task: SIGTERM to the program's process group, after the grace SIGKILL to everything.
In a sandbox the program dies with its supervisor (bubblewrap's ``--die-with-parent``); else a guardian process, the
leader of the program's group, kills the group when the supervisor is gone. Not covered: a program without a sandbox
that left its group and whose supervisor was killed.
"""

# ruff: noqa: PTH100
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.abspath(f"{__file__}/../../.."))
    from clary.engines.supervision import main

    sys.exit(main(sys.argv[1]))
