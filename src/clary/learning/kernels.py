"""JupyterLab's configuration: a notebook runs in the Python of the project in whose folder it lies.

Jupyter reads this file in a Python of its own (``clary.learning.notebooks`` names it by ``--config``), so nothing of Clary is
imported here. Notebooks ask for the kernel ``python3``, as everywhere; which Python that is, their folder says.
"""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

KERNELS = frozenset(os.environ.get("CLARY_KERNELS", "").split())  # names of projects


class ByFolder(AsyncMappingKernelManager):  # type: ignore[misc] # Jupyter is in another environment
    """Starts the kernel of the project whose folder a notebook lies in."""

    async def _async_start_kernel(self, *, kernel_id: Any = None, path: Any = None, **given: Any) -> Any:
        folder = (path or "").strip("/").partition("/")[0]
        if given.get("kernel_name") in {None, "python3"} and folder in KERNELS:
            given["kernel_name"] = folder
        return await super()._async_start_kernel(kernel_id=kernel_id, path=path, **given)

    start_kernel = _async_start_kernel


c = get_config()  # type: ignore[name-defined] # noqa: F821, Jupyter's own
c.ServerApp.kernel_manager_class = ByFolder
c.LabApp.news_url = None  # nothing is asked of the world outside
