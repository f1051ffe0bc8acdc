"""How busy the machine's GPUs are, by NVIDIA's own library (NVML), where there is one.

https://docs.nvidia.com/deploy/nvml-api/
"""

# ruff: noqa: PTH110
# (pathlib is left out: the supervisor starts with every task, and its import takes milliseconds)
from __future__ import annotations

import os
from typing import Any

_DEVICE, _LIBRARY = "/dev/nvidiactl", "libnvidia-ml.so.1"


class Gpus:
    """Without a GPU, or its library, there are none."""

    def __init__(self) -> None:
        self._library: Any = None
        self._handles: list[Any] = []
        if not os.path.exists(_DEVICE):
            return
        import ctypes  # noqa: PLC0415 - slow, and needed only where there is a GPU

        self._ctypes = ctypes
        try:
            library = ctypes.CDLL(_LIBRARY)
            count = ctypes.c_uint()
            if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
                return
        except (OSError, AttributeError):
            return
        self._library = library
        for number in range(count.value):
            handle = ctypes.c_void_p()
            if not library.nvmlDeviceGetHandleByIndex_v2(number, ctypes.byref(handle)):
                self._handles.append(handle)

    def read(self) -> list[tuple[float, float]]:
        """Of each GPU: percent of the time that it was busy, percent of its memory in use."""
        found = []
        for handle in self._handles:
            rates = (self._ctypes.c_uint * 2)()  # nvmlUtilization_t: gpu, memory
            memory = (self._ctypes.c_ulonglong * 3)()  # nvmlMemory_t: total, free, used
            busy = 0.0 if self._library.nvmlDeviceGetUtilizationRates(handle, rates) else float(rates[0])
            full = 0.0
            if not self._library.nvmlDeviceGetMemoryInfo(handle, memory) and memory[0]:
                full = round(100 * memory[2] / memory[0], 2)
            found.append((busy, full))
        return found
