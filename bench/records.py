"""Image RecordIO read from its file: Clary's reader, each record parsed and its image in hand, beside a plain read of the file and
MXNet's own reader, in turn in one run.

Records of 100, 10 and 3 KB stand for photographs, thumbnails and icons; each has a packed label of one box. The file is in
the machine's cache. MB are 10^6 bytes. Usage: python bench/records.py [--mxnet PYTHON] [--mib N] [--rounds N]
``--mxnet``: a Python with mxnet 1.9.1 (tests/golden/image_records/make.py says how).
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from clary.formats import detection_labels, image_records

SIZES = (100_000, 10_000, 3_000)
_LABELS = detection_labels.pack(detection_labels.DetectionLabel(((0, 0.25, 0.25, 0.75, 0.75),)))
_MXNET = """
import sys, time, warnings
warnings.simplefilter("ignore")
from mxnet import recordio
began = time.perf_counter()
reader, count = recordio.MXRecordIO(sys.argv[1], "r"), 0
while (payload := reader.read()) is not None:
    header, image = recordio.unpack(payload)
    count += 1
print(count, time.perf_counter() - began)
"""


def make(path: Path, size: int, mib: int) -> int:
    image = random.Random(0).randbytes(size)
    records = (image_records.labelled(number, _LABELS, image) for number in range((mib << 20) // size))
    return image_records.write(path, records)


def plain(path: Path) -> int:
    with path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
    return 0


def clary(path: Path) -> int:
    count = 0
    for record in image_records.read(path):
        count += bool(record.image and record.labels)
    return count


def clary_fifo(path: Path) -> int:
    fifo = path.with_suffix(".fifo")
    os.mkfifo(fifo)
    with subprocess.Popen(f"exec cat {path} > {fifo}", shell=True) as feeder:
        count = clary(fifo)
        feeder.wait()
    fifo.unlink()
    return count


def seconds(read: Callable[[Path], int], path: Path) -> tuple[int, float]:
    began = time.perf_counter()
    return read(path), time.perf_counter() - began


def mxnet(python: str, path: Path) -> tuple[int, float]:
    done = subprocess.run([python, "-c", _MXNET, str(path)], check=True, capture_output=True, text=True)
    count, took = done.stdout.split()
    return int(count), float(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mxnet")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "a.rec"
            count = make(path, size, given.mib)
            found: dict[str, list[float]] = {}
            for _ in range(given.rounds):
                timed = {
                    "plain read": seconds(plain, path),
                    "Clary": seconds(clary, path),
                    "Clary, from a FIFO": seconds(clary_fifo, path),
                }
                if given.mxnet:
                    timed["mxnet"] = mxnet(given.mxnet, path)
                for who, (seen, took) in timed.items():
                    assert seen in {0, count}
                    found.setdefault(who, []).append(path.stat().st_size / took / 1e6)
        print(f"{count:,} records of {size // 1000} KB")
        for who, speeds in found.items():
            print(f"  {who:19} {statistics.median(speeds):8,.0f} MB/s ({min(speeds):,.0f} to {max(speeds):,.0f})")


if __name__ == "__main__":
    main()
