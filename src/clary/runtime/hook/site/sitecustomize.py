"""Run by Python at its start, in the programs of a job that has a DebugHookConfig: waits for torch and xgboost.

A sitecustomize that stands behind this one is run too.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

_here = Path(__file__).resolve().parent


def _next() -> None:
    others = [folder for folder in sys.path if folder and Path(folder).resolve() != _here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = type(sys)("sitecustomize")
        spec.loader.exec_module(module)


def _watch() -> None:
    from clary.runtime.hook import configuration, imports  # noqa: PLC0415 - only where there is a configuration

    if configuration.is_on():
        imports.watch()


_watch()
_next()
