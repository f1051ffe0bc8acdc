"""STS: who one is, and temporary keys."""

from __future__ import annotations
