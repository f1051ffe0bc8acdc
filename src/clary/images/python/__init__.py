"""The image of plain Python: scripts that need no framework, and functions under ``@remote``."""

from __future__ import annotations
