"""One program per figure, each beside its peer. docs/reference/figures.md tells what they found."""

from __future__ import annotations
