"""What experiments and lineage hold, as records: shared by those who are asked for them and the jobs that leave them."""

from __future__ import annotations
