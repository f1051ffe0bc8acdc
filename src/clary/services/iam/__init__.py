"""IAM: roles and policies, kept as they are given.

Not covered: policies are not evaluated. Who holds a key of this Clary may do everything, whatever policies say, so
requests that would take rights away (permission boundaries, session policies) are refused and not quietly dropped.
"""

from __future__ import annotations
