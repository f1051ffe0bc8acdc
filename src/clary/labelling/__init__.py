"""Labelling by people: what their tasks look like."""

from __future__ import annotations
