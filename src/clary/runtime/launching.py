"""The command line that runs a script: by Python, as a module, by the shell, or once for each rank by torchrun.

Source: the SageMaker training toolkit (entry point types, and its runner for ``torch_distributed``).
"""

from __future__ import annotations

import os
import shlex
import sys
import zlib
from pathlib import Path
from typing import Any

_TORCHRUN = ("sagemaker_torch_distributed_enabled", "sagemaker_pytorch_ddp_enabled")


class CannotLaunch(Exception):
    """The script cannot be run as it is asked for; the message says why."""


def command(program: str, folder: Path, arguments: list[str], values: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """``program`` in ``folder``; ``values``: all hyperparameters; ``own``: this host's ``contract.description``."""
    packaged = (folder / "setup.py").is_file() and not program.endswith(".sh")
    if any(values.get(name) is True for name in _TORCHRUN) and _takes_part(own):
        if packaged or not program.endswith(".py"):
            raise CannotLaunch(f"torch_distributed runs a Python script, and {program!r} is none")
        return [sys.executable, "-m", "torch.distributed.run", *_ranks(own), program, *arguments]
    if packaged:
        print(
            "Clary: setup.py is not run: its folder is on the path, and what install_requires names is not installed; "
            "name that in requirements.txt.",
            flush=True,
        )
        module = program.removesuffix(".py").replace("/", ".")
        return [sys.executable, "-m", module, *arguments]
    if program.endswith(".py"):
        return [sys.executable, program, *arguments]
    (folder / program).chmod(0o755)
    return ["/bin/sh", "-c", shlex.join([f"./{program}", *arguments])]


def _takes_part(own: dict[str, Any]) -> bool:
    groups = own["distribution_instance_groups"]
    return not groups or own["current_instance_group"] in groups


def _ranks(own: dict[str, Any]) -> list[str]:
    """torchrun's options: a process for each GPU of each host, or one where there is none.

    The port is the job's own: torch listens on all addresses, and jobs that run at the same time share this machine's.
    """
    hosts = own["distribution_hosts"] or own["hosts"]
    processes = ["--nproc_per_node", str(own["num_gpus"] or 1)]
    if len(hosts) == 1:
        return ["--standalone", *processes]
    port = 20000 + zlib.crc32(os.environ.get("TRAINING_JOB_ARN", "").encode()) % 10000
    rank = hosts.index(own["current_host"])
    there = ["--master_addr", hosts[0], "--master_port", str(port), "--node_rank", str(rank)]
    return ["--nnodes", str(len(hosts)), *processes, *there]
