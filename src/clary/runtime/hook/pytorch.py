"""Watches a training in PyTorch: finds the model at its first step, and saves at the steps that are asked for.

The model is the outermost module that is called in training with gradients to come; a step is one of its forward passes,
its mode that of ``train()`` and ``eval()`` unless the script says one. Losses are what the modules of ``torch.nn.modules.loss``
return, or else what ``backward`` is called on. Hooks on layers and gradients are set at the steps that are saved, and removed.

Nothing is left on the model itself, which may be pickled or copied at any time: its class is what tells of its calls.
"""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch.utils.hooks import unserializable_hook

from clary.formats.tensors.layout import Mode
from clary.runtime.hook import configuration, workers
from clary.runtime.hook.configuration import Collection, Configuration
from clary.runtime.hook.guard import guarded
from clary.runtime.hook.notice import tell
from clary.runtime.hook.saving import Saver
from clary.runtime.hook.torch_tensors import Tensors

INTERVAL = 500
PATTERNS = {
    "all": [],
    "default": [],
    "weights": ["^(?!gradient).*weight"],
    "biases": ["^(?!gradient).*bias"],
    "gradients": ["^gradient"],
    "losses": ["[Ll]oss_(?!input).*output"],
}
"""The collections that there are, and what is in them: smdebug's."""

_Loss = torch.nn.modules.loss._Loss


class Hook:
    """``off``: whether it does nothing any more; ``saves``: whether anything is saved at this step."""

    def __init__(self, configured: Configuration) -> None:
        self.off = False
        self._process = os.getpid()
        self.saves = False
        self.saver = Saver(configured, Tensors(), PATTERNS, ["losses"], self._worker)
        self.root: Any = None
        self._name = ""
        self._said: Mode | None = None
        self._watched: Any = None  # a class, and what its __call__ was
        self._layer_handles: list[Any] = []
        self._gradient_handles: list[Any] = []
        self._call: Any = None  # what nn.Module's was, while the model is looked for
        self._seen: dict[str, int] = {}
        self._has_loss = False
        self._plans: dict[tuple[Any, ...], tuple[list[Any], list[Any], list[Any]]] = {}
        atexit.register(self.close)

    def search(self) -> None:
        """Look for the model at each call of a module, until it is found."""
        call = self._call = torch.nn.Module.__call__

        def look(module: Any, *given: Any, **named: Any) -> Any:
            self._look(module)
            found = self._call is None
            return type(module).__call__(module, *given, **named) if found else call(module, *given, **named)

        torch.nn.Module.__call__ = look

    def set_mode(self, mode: Mode) -> None:
        """The mode of the steps from now on, whatever ``model.training`` says."""
        self._said = self.saver.mode = mode

    def register(self, module: Any) -> None:
        """Watch this model."""
        if module is self.root:
            return
        self._stop_searching()
        self._let_go()
        self.root, self._name = module, module._get_name()
        self._plans.clear()
        self._watch(type(module))

    @guarded
    def loss(self, module: Any, output: Any) -> None:
        """A module of a loss returned this."""
        self._has_loss = True
        self._outputs(module._get_name(), output, "output")

    @guarded
    def backward(self, tensor: Any) -> None:
        """A loss that no module made."""
        if not self._has_loss:
            self._outputs("Loss", tensor, "output")

    @guarded
    def record(self, name: str, tensor: Any) -> None:
        """Save the output of a function, as of a module of that name."""
        self._has_loss = True
        self._outputs(name, tensor, "output")

    def register_loss(self, module: Any) -> None:
        """Save what this module returns too; torch's own losses are seen anyway."""
        if not isinstance(module, _Loss):
            module.register_forward_hook(lambda loss, _, output: self.loss(loss, output))

    @guarded
    def tensor(self, name: str, tensor: Any) -> None:
        """Save a tensor of the script's own, if its collection is saved at this step."""
        self.saver.save(name, tensor)

    @guarded
    def scalar(self, name: str, number: Any, is_metric: bool, at: float | None) -> None:
        """Save a number of the script's own."""
        self.saver.scalar(name, float(number), is_metric=is_metric, at=at)

    @guarded
    def close(self) -> None:
        """Write what is left and let go of the model; nothing in a copy of the process."""
        if os.getpid() == self._process:  # a copy of this process has nothing to write
            self._clear()
            self.saver.close()

    def switch_off(self) -> None:
        """Let go of everything."""
        self.saves = False
        self._stop_searching()
        self._clear()
        self._let_go()

    # a step

    @guarded
    def _look(self, module: Any) -> None:
        """A module is called: is it the model?"""
        if torch.compiler.is_compiling() or isinstance(module, _Loss) or not torch.is_grad_enabled():
            return
        if module.training and any(parameter.requires_grad for parameter in module.parameters()):
            inner = module.module if isinstance(module, torch.nn.parallel.DistributedDataParallel) else module
            self.register(inner)

    def _watch(self, kind: Any) -> None:
        """Make each call of the model a step."""
        call = kind.__call__
        self._watched = kind, kind.__dict__.get("__call__")

        def watched(module: Any, *given: Any, **named: Any) -> Any:
            if module is not self.root or torch.compiler.is_compiling():
                return call(module, *given, **named)
            self._step(module)
            try:
                return call(module, *given, **named)
            finally:
                if self._layer_handles:
                    _remove(self._layer_handles)

        kind.__call__ = watched

    @guarded
    def _step(self, module: Any) -> None:
        if self._gradient_handles:
            _remove(self._gradient_handles)
        mode = self._said or (Mode.TRAIN if module.training else Mode.EVAL)
        active = self.saver.begin(mode)
        self.saves = bool(active)
        if not active:
            return
        self._seen.clear()
        self._has_loss = False
        weights, gradients, layers = self._plan(active)
        for name, parameter in weights:
            self.saver.save(name, parameter)
        for name, parameter in gradients:
            self._gradient_handles.append(parameter.register_hook(self._gradient(name)))
        for layer, name in layers:
            self._layer_handles.append(layer.register_forward_hook(self._layer(name)))

    def _plan(self, active: tuple[Collection, ...]) -> tuple[list[Any], list[Any], list[Any]]:
        """The parameters, gradients and layers that these collections ask for."""
        key = (self.saver.mode, *(id(each) for each in active))
        if key not in self._plans:
            self._name_modules()
            wants, named = self.saver.wants, [(f"{self._name}_{name}", p) for name, p in self.root.named_parameters()]
            weights = [(name, parameter) for name, parameter in named if wants(name)]
            gradients = [(f"gradient/{name}", p) for name, p in named if p.requires_grad and wants(f"gradient/{name}")]
            layers = [
                (layer, name) for name, layer in self._layers() if wants(f"{name}_input_0") or wants(f"{name}_output_0")
            ]
            self._plans[key] = weights, gradients, layers
        return self._plans[key]

    def _name_modules(self) -> None:
        """Take in by their names the modules that the script put into collections."""
        names = {id(layer): name or self._name for name, layer in self.root.named_modules()}
        for each in self.saver.collections.values():
            for module, inputs, outputs in each.modules:
                name = re.escape(names.get(id(module), module._get_name()))
                each.include_regex += [f"^{name}_input_"] * inputs + [f"^{name}_output_"] * outputs
            if each.modules:
                each.modules.clear()
                self.saver.changed()

    def _layers(self) -> Iterator[tuple[str, Any]]:
        for name, layer in self.root.named_modules():
            if not isinstance(layer, _Loss):  # these are watched on their own
                yield name or self._name, layer

    def changed(self) -> None:
        """Collections were changed by the script."""
        self.saver.changed()
        self._plans.clear()

    def _gradient(self, name: str) -> Any:
        def save(gradient: Any) -> None:
            self._save(name, gradient)

        return unserializable_hook(save)

    def _layer(self, name: str) -> Any:
        def save(_: Any, inputs: Any, outputs: Any) -> None:
            self._in_and_out(name, inputs, outputs)

        return save

    @guarded
    def _save(self, name: str, tensor: Any) -> None:
        self.saver.save(name, tensor)

    @guarded
    def _in_and_out(self, name: str, inputs: Any, outputs: Any) -> None:
        self._outputs(name, inputs, "input")
        self._outputs(name, outputs, "output")

    def _outputs(self, name: str, found: Any, side: str) -> None:
        """Each tensor in what a module takes or gives, numbered in their order over the whole step."""
        if isinstance(found, torch.Tensor):
            full = f"{name}_{side}_"
            number = self._seen.get(full, 0)
            self._seen[full] = number + 1
            self.saver.save(f"{full}{number}", found)
        elif isinstance(found, list | tuple):
            for each in found:
                self._outputs(name, each, side)
        elif isinstance(found, dict):  # as transformers' models return
            for each in found.values():
                self._outputs(name, each, side)

    # hooks

    def _clear(self) -> None:
        _remove(self._layer_handles)
        _remove(self._gradient_handles)

    def _let_go(self) -> None:
        if self._watched is not None:
            kind, before = self._watched
            if before is None:
                del kind.__call__
            else:
                kind.__call__ = before
            self._watched = None

    def _stop_searching(self) -> None:
        if self._call is not None:
            torch.nn.Module.__call__ = self._call
            self._call = None

    def _worker(self) -> workers.Worker:
        distributed = torch.distributed
        known = distributed.is_available() and distributed.is_initialized()
        rank, count = (distributed.get_rank(), distributed.get_world_size()) if known else (None, None)
        return workers.of_job(rank, count, all_workers=self.saver.configuration.all_workers)


def _remove(handles: list[Any]) -> None:
    for handle in handles:
        handle.remove()
    handles.clear()


current: Hook | None = None
"""The process's only one."""


def install() -> None:
    """Watch this process from now on."""
    global current  # noqa: PLW0603 - torch's classes are the process's too
    try:
        current = Hook(configuration.read(INTERVAL))
    except (configuration.Misconfigured, ValueError) as error:
        tell(error)
        return
    patch()
    current.search()


@cache
def patch() -> None:
    """Hear of losses: by the calls of their modules, and by ``backward``."""
    call, backward = torch.nn.Module.__call__, torch.Tensor.backward

    def called(self: Any, *given: Any, **named: Any) -> Any:
        output = call(self, *given, **named)
        if current is not None and current.saves and not torch.compiler.is_compiling():
            current.loss(self, output)
        return output

    def told(self: Any, *given: Any, **named: Any) -> Any:
        if current is not None and current.saves:
            current.backward(self)
        return backward(self, *given, **named)

    told.__doc__ = backward.__doc__
    _Loss.__call__ = called
    torch.Tensor.backward = told
