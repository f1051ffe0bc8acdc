"""What is known of a request: values by condition key, found out when a policy asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Value = str | Sequence[str]
Known = Value | None | Callable[[], "Value | None"]
Tags = Callable[[], Mapping[str, str]]


class Facts:
    """``known`` by key, in any case; ``tags`` by the part of a key before its slash (``aws:ResourceTag``).

    A value may be a function, which is called at most once. ``missing`` collects the keys that were asked for and have
    no value.
    """

    def __init__(self, known: Mapping[str, Known], tags: Mapping[str, Tags] | None = None) -> None:
        self._known = {key.lower(): value for key, value in known.items()}
        self._tags = {key.lower(): value for key, value in (tags or {}).items()}
        self.missing: set[str] = set()

    def get(self, key: str) -> tuple[str, ...] | None:
        """The values of a key; None if it has none."""
        name = key.lower()
        found = self._known.get(name)
        if callable(found):
            found = self._known[name] = found()
        if found is None:
            group, slash, tag = name.partition("/")
            if slash and group in self._tags:
                found = self._tag(group, tag)
        if found is None:
            self.missing.add(key)
            return None
        return (found,) if isinstance(found, str) else tuple(found)

    def one(self, key: str) -> str | None:
        """The value of a key that has exactly one."""
        values = self.get(key)
        return values[0] if values is not None and len(values) == 1 else None

    def joined(self, other: Facts) -> Facts:
        """Both; where both know a key, this one's value."""
        joined = Facts({**other._known, **self._known}, {**other._tags, **self._tags})
        joined.missing = self.missing
        return joined

    def _tag(self, group: str, tag: str) -> str | None:
        tags = {name.lower(): value for name, value in self._tags[group]().items()}
        self._known |= {f"{group}/{name}": value for name, value in tags.items()}
        self._tags[group] = lambda: tags
        return tags.get(tag)


NOTHING = Facts({})
