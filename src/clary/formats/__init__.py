"""File formats: standard library only, used by the server and inside tasks alike."""

from __future__ import annotations
