"""Several people's answers made one, each kind in a module of its own: pure functions, from answers to a label."""

from __future__ import annotations
