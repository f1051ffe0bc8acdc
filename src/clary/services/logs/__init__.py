"""CloudWatch Logs: groups, streams and events, as the SDK's log follower reads them."""

from __future__ import annotations
