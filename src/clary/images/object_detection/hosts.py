"""Several hosts train one model: after each batch they average their gradients, over gloo. One host needs none of it."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

_PATIENCE = timedelta(minutes=10)  # the hosts read their channels at their own pace


class Hosts:
    """``name`` of this one; ``rank`` 0 is the first, which keeps the model."""

    def __init__(self, resources: dict[str, Any]) -> None:
        names: list[str] = resources.get("hosts", ["algo-1"])
        self.name: str = resources.get("current_host", names[0])
        self.rank, self.count = names.index(self.name), len(names)
        if self.count > 1:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", resources.get("network_interface_name", "eth0"))
            # The job's own: jobs that run at the same time share this machine's ports.
            port = 20000 + zlib.crc32(os.environ.get("TRAINING_JOB_ARN", "").encode()) % 10000
            where = f"tcp://{names[0]}:{port}"
            distributed.init_process_group(
                "gloo", init_method=where, rank=self.rank, world_size=self.count, timeout=_PATIENCE
            )

    @property
    def is_first(self) -> bool:
        """Whether this is the host that keeps the model."""
        return self.rank == 0

    def average(self, parameters: Iterable[torch.nn.Parameter], *, stop: bool) -> bool:
        """Give every host the mean of all gradients; whether any of them is to stop, so that all do after the same batch."""
        if self.count == 1:
            return stop
        gradients = [each.grad for each in parameters if each.grad is not None]
        flat = torch.cat([each.flatten().cpu() for each in gradients] + [torch.tensor([float(stop)])])
        distributed.all_reduce(flat)
        begin = 0
        for each in gradients:
            each.copy_(flat[begin : begin + each.numel()].view_as(each) / self.count)
            begin += each.numel()
        stopping: bool = flat[-1].item() > 0
        return stopping

    def most(self, value: int) -> int:
        """The highest that any host has."""
        if self.count == 1:
            return value
        found = torch.tensor([value])
        distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
        return int(found)

    def of_first(self, value: float) -> float:
        """What the first host has."""
        if self.count == 1:
            return value
        found = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(found, src=0)
        return float(found)

    def close(self) -> None:
        """Leave the group; what was averaged stays."""
        if self.count > 1:
            distributed.destroy_process_group()
