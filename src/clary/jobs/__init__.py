"""The reconcilers: each brings the world to what the store says. One module per kind of work."""

from __future__ import annotations
