"""Who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Identity:
    """Who asks: the principal's ARN as STS tells it, and the id of the key that signed.

    ``owner``: everything is allowed. Told by the key and never by the ARN, which a session may be named like.
    ``session``: policies (JSON) that limit a session; None if none were given. ``tags``: the session's own.
    """

    arn: str
    user_id: str = ""
    access_key: str = ""
    owner: bool = False
    session: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    issued: str = ""  # when a temporary key was (ISO 8601)

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def name(self) -> str:
        """Of the role or user behind it; "" if it is neither."""
        kind, _, rest = self.arn.rpartition(":")[2].partition("/")
        return rest.partition("/")[0] if kind == "assumed-role" else ""
