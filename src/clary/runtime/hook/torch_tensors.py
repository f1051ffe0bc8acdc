"""Tensors of torch as the hook saves them; what they are reduced to is computed where they are."""

from __future__ import annotations

from typing import Any

import torch

from clary.formats.tensors.tensorboard import Histogram
from clary.formats.tensors.values import Value
from clary.runtime.hook import numbers

_AS_THEY_ARE = {torch.float16, torch.float32, torch.float64, torch.int32, torch.int64, torch.bool, torch.uint8,
                torch.int8, torch.int16, torch.complex64, torch.complex128}  # fmt: skip


class Tensors:
    """torch's tensors on any device, and whatever ``Arrays`` takes; the methods are its."""

    def value(self, tensor: Any) -> Value | None:
        if not isinstance(tensor, torch.Tensor):
            return numbers.Arrays().value(tensor)
        return numbers.of_array(_array(tensor)) if tensor.numel() else None

    def reduced(self, tensor: Any, operation: str) -> float:
        if not isinstance(tensor, torch.Tensor):
            return numbers.Arrays().reduced(tensor, operation)
        found = tensor.detach()
        if not found.is_floating_point() or found.dtype in {torch.float16, torch.bfloat16}:
            found = found.float()
        if operation.startswith("abs_"):
            found, operation = found.abs(), operation.removeprefix("abs_")
        match operation:
            case "l1" | "l2":
                return float(torch.linalg.vector_norm(found, ord=int(operation[1])))
            case "std" | "variance":
                spread = found.var(correction=int(found.numel() > 1))
                return float(spread.sqrt() if operation == "std" else spread)
        return float(getattr(found, operation)())

    def histogram(self, tensor: Any) -> Histogram | None:
        if not isinstance(tensor, torch.Tensor):
            return numbers.Arrays().histogram(tensor)
        return None if tensor.is_complex() else numbers.of_numbers(_array(tensor))


def _array(tensor: torch.Tensor) -> Any:
    found = tensor.detach().resolve_conj().resolve_neg()
    if found.dtype not in _AS_THEY_ARE:  # bfloat16, and what numpy has no name for
        found = found.float()
    return found.to_dense().cpu().numpy() if found.is_sparse else found.cpu().numpy()
