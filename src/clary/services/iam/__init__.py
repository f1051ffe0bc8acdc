"""IAM: roles, users, groups and the policies that say what they may do (``clary.rights`` evaluates them)."""

from __future__ import annotations
