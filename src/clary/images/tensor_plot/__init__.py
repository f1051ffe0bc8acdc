"""A picture of what a training saved: the environment of ``clary debugger plot`` and its program."""

from __future__ import annotations
