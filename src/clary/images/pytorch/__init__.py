"""The framework image of PyTorch."""

from __future__ import annotations
