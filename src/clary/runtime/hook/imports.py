"""Acts when a library is imported: until then the hook costs nothing, and a job that imports neither has none.

Every Python of the job loads this at its start, so it imports next to nothing.
"""

# ruff: noqa: PTH113
# (pathlib is left out: its import takes milliseconds)
from __future__ import annotations

import importlib
import os
import sys

from clary.runtime.hook import notice

TYPE_CHECKING = False  # typing's own would cost the import of typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_HOOKS = {"torch": "clary.runtime.hook.pytorch", "xgboost": "clary.runtime.hook.boosting"}
_CONFIGURATION = "/opt/ml/input/config/debughookconfig.json"


class _Then:
    """The library's own loader, and what follows it."""

    def __init__(self, loader: object, hook: str) -> None:
        self._loader, self._hook = loader, hook

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)  # type: ignore[attr-defined]
        if (spec := module.__spec__) is not None:
            spec.loader = module.__loader__ = self._loader  # type: ignore[assignment]
        try:
            importlib.import_module(self._hook).install()
        except Exception as error:  # noqa: BLE001 - the import of a library must not fail for its hook
            notice.tell(error)


class _Libraries:
    """Finds what others find, and lets the hook follow."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _HOOKS:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    spec.loader = _Then(spec.loader, _HOOKS[fullname])  # type: ignore[assignment]
                return spec
        return None


def watch() -> None:
    """Let the hooks follow their libraries, if the job has a configuration and no USE_SMDEBUG that says no."""
    if is_on():
        sys.meta_path.insert(0, _Libraries())


def is_on() -> bool:
    """Whether the job has such a configuration, and does not say no."""
    off = os.environ.get("USE_SMDEBUG", "").strip().lower() in {"false", "0", "off", "no"}
    return not off and os.path.isfile(os.environ.get("SMDEBUG_CONFIG_FILE_PATH") or _CONFIGURATION)
