"""Debugger's built-in model rules, by family; what they take is in ``clary.images.debugger_rules.table``."""

from __future__ import annotations
