"""The programs that run inside a task. Standard library only; imports nothing of the server but formats."""

from __future__ import annotations
