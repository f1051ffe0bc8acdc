"""``import smdebug.pytorch as smd``: the hook of a script in PyTorch."""

from __future__ import annotations

from typing import Any, ClassVar

import torch  # noqa: F401 - before the hook, which follows it

from clary.runtime.hook import pytorch, scripted
from clary.runtime.hook.scripted import collection as Collection  # noqa: N812 - smdebug's name of it
from smdebug import CollectionKeys, ReductionConfig, SaveConfig, SaveConfigMode, modes

__all__ = ["Collection", "CollectionKeys", "Hook", "ReductionConfig", "SaveConfig", "SaveConfigMode", "del_hook", "get_hook",
           "modes", "set_hook"]  # fmt: skip


class Hook(scripted.Hook):
    library: ClassVar[Any] = pytorch

    def register_module(self, module: Any) -> None:
        """Watch this model: its forward passes are the steps."""
        self.inner.register(module)

    register_hook = register_module

    def register_loss(self, loss_module: Any) -> None:
        """Save what a loss returns; those of torch are seen anyway."""
        self.inner.register_loss(loss_module)

    def record_tensor_value(self, tensor_name: str, tensor_value: Any) -> None:
        """Save what a function returned, as ``F.mse_loss``."""
        self.inner.record(tensor_name, tensor_value)


def get_hook(json_config_path: str | None = None, create_if_not_exists: bool = False) -> Any:
    return scripted.get_hook(Hook, json_config_path, create_if_not_exists)


def set_hook(custom_hook: Hook) -> None:
    pytorch.current = custom_hook.inner


def del_hook() -> None:
    pytorch.current = None
