"""Terms: all must occur; ``-term`` must not; of ``?term`` one must, unless others stand beside them. ``%regex%``."""

from __future__ import annotations

import re

from clary.services.logs.patterns.texts import Matcher, invalid, searcher

_TERM = re.compile(r'\s*(?P<sign>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<word>[^\s"]+))(?=\s|$)')


def read(text: str) -> Matcher:
    tests = {"": [], "-": [], "?": []}  # type: dict[str, list[Matcher]]
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise invalid(text, f"what is {text[position : position + 20].strip()!r}?")
        tests[found["sign"]].append(_term(found, text))
        position = found.end()
    every, never, some = tests[""], tests["-"], tests["?"]
    if every or never:  # as CloudWatch documents it: optional terms beside others are not looked at
        some = []

    def matches(message: str) -> dict[str, str] | None:
        right = (
            all(test(message) is not None for test in every)
            and not any(test(message) is not None for test in never)
            and (not some or any(test(message) is not None for test in some))
        )
        return {} if right else None

    return matches


def _term(found: re.Match[str], text: str) -> Matcher:
    if found["regex"]:
        search = searcher(found["regex"], text)
        return lambda message: {} if search(message) else None
    term = found["word"] or re.sub(r"\\(.)", r"\1", found["phrase"] or "")
    return lambda message: {} if term in message else None
