"""Lets go of torch's process groups before Python ends, in a training of several ranks over gloo.

Each backward under ``DistributedDataParallel`` leaves an object of Python's with a thread of gloo, which needs Python's lock to
drop it, and holds a lock of its own meanwhile. A script that ends at that moment is aborted ("terminate called without an
active exception", exit code 134) or stays for ever, as Python's own clean-up takes the last reference to the group with its lock
held. A group whose last reference is Python's waits for its threads without it; so that is what this sees to.
"""

# Every Python of a training loads this with torch, so it imports next to nothing.
from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # typing's own would cost the import of typing
if TYPE_CHECKING:
    from typing import Any

_FUNCTION = type(lambda: None)


def install() -> None:
    """Watch the end of this process; what the script does at its exit comes before."""
    atexit.register(_leave, os.getpid())


def _leave(process: int) -> None:
    torch, distributed = sys.modules.get("torch"), sys.modules.get("torch.distributed")
    if torch is None or distributed is None or not distributed.is_available():
        return
    if os.getpid() != process:  # a copy of a process has no threads to wait for
        return
    if not distributed.is_initialized() and "MASTER_ADDR" not in os.environ:  # there was none
        return
    if torch.cuda.is_initialized():  # the end of NCCL's groups takes all ranks, and they may not be there
        return
    _let_go(torch.nn.parallel.DistributedDataParallel, distributed.ProcessGroup)
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _let_go(model: Any, group: Any) -> None:
    """What holds a group beside torch's own list of them: models, and torch.distributed.nn by arguments that it defaults to."""
    models = []
    for each in gc.get_objects():
        if issubclass(type(each), model):
            models.append(each)
        elif type(each) is _FUNCTION and (given := each.__defaults__) and group in map(type, given):
            each.__defaults__ = tuple(None if type(value) is group else value for value in given)
    for each in models:  # first what is not Python's and holds the group too
        each.__dict__.pop("reducer", None)
        each.__dict__.pop("logger", None)
    for each in models:
        each.__dict__.pop("process_group", None)
