"""CloudTrail: looking up what the audit trail holds.

Not covered: trails into buckets, event data stores and insights; the trail of this server is always on.
"""

from __future__ import annotations
