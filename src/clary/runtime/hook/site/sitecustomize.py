"""Run by Python at its start, in the programs of a training job: waits for torch and xgboost.

A sitecustomize that stands behind this one is run too.
"""

# ruff: noqa: PTH120
# (pathlib is left out: its import takes milliseconds)
from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

from clary.runtime.hook import imports


def _next() -> None:
    here = os.path.dirname(__file__)
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if folder != here])
    if spec is not None and spec.loader is not None and os.path.dirname(spec.origin or "") != here:
        spec.loader.exec_module(type(sys)("sitecustomize"))


imports.watch()
_next()
