"""The built-in algorithm object-detection: a single-shot detector (SSD) by PyTorch."""

from __future__ import annotations
