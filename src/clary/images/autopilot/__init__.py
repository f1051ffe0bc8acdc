"""Autopilot's image: from a table to candidates, reports and a model that answers raw rows."""

from __future__ import annotations
