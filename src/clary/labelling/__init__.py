"""Labelling by people: what they are asked, and what their tasks look like; below services, jobs and console alike."""

from __future__ import annotations
