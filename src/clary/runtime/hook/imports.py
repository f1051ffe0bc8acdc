"""Acts when a library is imported: until then the hook costs nothing, and a job that imports neither has none."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from clary.runtime.hook import guard

_HOOKS = {"torch": "clary.runtime.hook.pytorch", "xgboost": "clary.runtime.hook.boosting"}


class _Then(Loader):
    """The library's own loader, and what follows it."""

    def __init__(self, loader: Loader, hook: str) -> None:
        self._loader, self._hook = loader, hook

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if (spec := module.__spec__) is not None:
            spec.loader = module.__loader__ = self._loader
        try:
            importlib.import_module(self._hook).install()
        except Exception as error:  # noqa: BLE001 - the import of a library must not fail for its hook
            guard.tell(error)


class _Libraries(MetaPathFinder):
    """Finds what others find, and lets the hook follow."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _HOOKS:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    spec.loader = _Then(spec.loader, _HOOKS[fullname])
                return spec
        return None


def watch() -> None:
    """Let the hooks follow their libraries."""
    sys.meta_path.insert(0, _Libraries())
