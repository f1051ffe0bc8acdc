"""What a caller may do: policies read, evaluated as IAM does, and kept at hand.

``documents`` reads a policy, ``patterns`` and ``conditions`` compare, ``evaluation`` decides: all pure. ``holders`` finds
out of the store who holds which policies; ``rights`` joins them. Source of the rules: IAM's user guide (policy
grammar, evaluation logic, global condition keys).

Not covered: service control policies, access points, grants across accounts (there is one).
"""

from __future__ import annotations
