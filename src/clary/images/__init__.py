"""Images: a program and its locked Python environment, found by the repository name in an image URI."""

from __future__ import annotations
