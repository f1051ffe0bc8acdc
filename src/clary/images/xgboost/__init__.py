"""The image of XGBoost: script mode, and the built-in algorithm where the job names no script."""

from __future__ import annotations
