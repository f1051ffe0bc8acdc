"""Filter patterns: which log events FilterLogEvents shows. Terms, space-delimited columns, JSON.

Source: CloudWatch Logs' documentation "Filter pattern syntax".
"""

from __future__ import annotations

from clary.services.logs.patterns import columns, documents, terms
from clary.services.logs.patterns.texts import Matcher


def read(text: str) -> Matcher:
    """The pattern as a function of a message: what it takes out of it, or None where it does not match.

    ``InvalidParameterException`` if it is no pattern.
    """
    stripped = text.strip()
    if stripped.startswith("["):
        return columns.read(stripped)
    if stripped.startswith("{"):
        return documents.read(stripped)
    return terms.read(stripped)
