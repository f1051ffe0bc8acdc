"""What AWS's instance types have: virtual CPUs and memory, by the rules that their names follow.

Source: the tables of https://aws.amazon.com/ec2/instance-types/ and https://aws.amazon.com/sagemaker/pricing/ (2026-11).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_NAME = re.compile(r"ml\.([a-z0-9-]+)\.(?:(\d*)x(?:large)|(large|medium))$")

# GiB for each virtual CPU, by family.
_MEMORY = {
    2.0: "c5 c5d c6g c6gd c6gn c6i c6id c6in c7g c7i c7i-flex c8g c8i c8i-flex inf1".split(),
    4.0: "t3 m4 m5 m5d m6g m6gd m6i m6id m7g m7i m7i-flex m8g m8i m8i-flex g4dn g5 g6 trn1 trn1n inf2".split(),
    8.0: "r5 r5d r6g r6gd r6i r6id r7g r7gd r7i r8g r8i r8i-flex g6e g7 g7e p3dn".split(),
    1.875: ["c4"],
    2.625: ["c5n"],
    7.625: ["r4", "p3"],
    12.0: ["p4d", "p4de"],
    15.25: ["p2"],
    2048 / 192: ["p5", "p5e", "p5en", "p6-b200", "trn2"],
    4096 / 192: ["p6-b300"],
    960 / 144: ["p6e-gb200"],
}
_GIB_PER_CPU = {family: gib for gib, families in _MEMORY.items() for family in families}

# Where a type does not follow the rule: (virtual CPUs, GiB).
_EXCEPTIONS = {
    "ml.t3.medium": (2, 4.0),
    "ml.c4.8xlarge": (36, 60.0),
    "ml.c5n.9xlarge": (36, 96.0),
    "ml.c5n.18xlarge": (72, 192.0),
    "ml.p2.16xlarge": (64, 732.0),
    "ml.p5.4xlarge": (16, 256.0),
}


@dataclass(frozen=True)
class Size:
    cpus: int
    gib: float

    @property
    def memory_bytes(self) -> int:
        return round(self.gib * (1 << 30))

    def __str__(self) -> str:
        return f"{self.cpus} CPUs, {self.gib:g} GiB"


@cache
def size(instance_type: str) -> Size | None:
    """Of ``ml.m5.large`` two CPUs and 8 GiB; None for a type that is not known here."""
    if instance_type in _EXCEPTIONS:
        return Size(*_EXCEPTIONS[instance_type])
    name = _NAME.match(instance_type)
    if name is None or name[1] not in _GIB_PER_CPU or name[3] == "medium":
        return None
    cpus = 2 if name[3] else 4 * int(name[2] or 1)
    return Size(cpus, cpus * _GIB_PER_CPU[name[1]])
