"""Engines: they run a program as a task, say how it goes, and stop it."""

from __future__ import annotations
