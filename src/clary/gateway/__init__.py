"""The front door: one HTTP request becomes one operation and back."""

from __future__ import annotations
