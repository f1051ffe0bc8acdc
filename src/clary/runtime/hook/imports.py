"""Acts when a library is imported: until then this costs nothing, and a job that imports neither has none of it.

What follows torch in any training is ``clary.runtime.ranks``; the hook follows in one that has something to save.

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

_RANKS = "clary.runtime.ranks"
_HOOKS = {"torch": "clary.runtime.hook.pytorch", "xgboost": "clary.runtime.hook.boosting"}
_CONFIGURATION = "/opt/ml/input/config/debughookconfig.json"


class _Then:
    """The library's own loader, and what follows it."""

    def __init__(self, loader: object, followers: list[str]) -> None:
        self._loader, self._followers = loader, followers

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)  # type: ignore[attr-defined]
        if (spec := module.__spec__) is not None:
            spec.loader = module.__loader__ = self._loader  # type: ignore[assignment]
        for follower in self._followers:
            try:
                importlib.import_module(follower).install()
            except Exception as error:  # noqa: BLE001 - the import of a library must not fail for its hook
                notice.tell(error)


class _Libraries:
    """Finds what others find, and lets modules of Clary's follow; ``followers``: their names by the library's."""

    def __init__(self, followers: dict[str, list[str]]) -> None:
        self._followers = followers

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._followers:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    spec.loader = _Then(spec.loader, self._followers[fullname])  # type: ignore[assignment]
                return spec
        return None


def watch() -> None:
    """Let the hooks follow their libraries, if the job has a configuration and no USE_SMDEBUG that says no."""
    followers = {"torch": [_RANKS]}
    if is_on():
        for library, hook in _HOOKS.items():
            followers.setdefault(library, []).append(hook)
    sys.meta_path.insert(0, _Libraries(followers))


def is_on() -> bool:
    """Whether the job has a configuration of the hook's, and does not say no."""
    off = os.environ.get("USE_SMDEBUG", "").strip().lower() in {"false", "0", "off", "no"}
    return not off and os.path.isfile(os.environ.get("SMDEBUG_CONFIG_FILE_PATH") or _CONFIGURATION)
