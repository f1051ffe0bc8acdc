"""The wire protocols: each module parses a request and serializes an answer or an error, from the model alone."""

from __future__ import annotations
