"""A model of 1 GiB packed as model.tar.gz: Clary's packing beside `tar czf`, in turn in one run.

The model is what most models are: numbers with a normal distribution, float32, in four files. Both write the archive to the same
disk; then `tar tzf` reads Clary's. Usage: python bench/packing.py [--mib N] [--rounds N]
"""

from __future__ import annotations

import argparse
import array
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from clary.jobs import packing

_BLOCK = 16  # MiB that are drawn; gzip looks back 32 KiB, so that it never sees them a second time


def make(folder: Path, mib: int) -> None:
    chance = random.Random(0)
    block = array.array("f", (chance.gauss(0, 0.02) for _ in range(_BLOCK << 18))).tobytes()
    for number in range(4):
        with (folder / f"weights-{number}.bin").open("wb") as file:
            for _ in range(mib // 4 // _BLOCK):
                file.write(block)


def clary(model: Path, archive: Path) -> float:
    began = time.perf_counter()
    with archive.open("wb") as file:
        for piece in packing.archive(model):
            file.write(piece)
    return time.perf_counter() - began


def tar(model: Path, archive: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["tar", "czf", str(archive), "-C", str(model), "."], check=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model"
        model.mkdir()
        make(model, given.mib)
        found: dict[str, list[float]] = {"clary": [], "tar czf": []}
        sizes = {}
        for _ in range(given.rounds):
            for who, pack in (("clary", clary), ("tar czf", tar)):
                archive = Path(name) / "model.tar.gz"
                found[who].append(pack(model, archive))
                sizes[who] = archive.stat().st_size / (given.mib << 20)
                subprocess.run(["tar", "tzf", str(archive)], check=True, stdout=subprocess.DEVNULL)
    for who, times in found.items():
        print(
            f"{who:8} {statistics.median(times):7.2f} s ({min(times):.2f} to {max(times):.2f}), {sizes[who]:.3f} of the size"
        )
    ratios = [slow / quick for slow, quick in zip(found["tar czf"], found["clary"], strict=True)]
    print(f"tar czf / clary: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
