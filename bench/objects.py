"""S3: 64 MiB up and down, beside moto, in turn in one run on this machine.

Usage: python bench/objects.py [--moto PYTHON]   (PYTHON: one with `moto[server]` installed)
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import servers

_SIZE = 64  # MiB
_ROUNDS = 5


def measure(s3: Any, body: bytes) -> dict[str, float]:
    """MiB a second."""
    began = time.perf_counter()
    s3.put_object(Bucket="bench", Key="large", Body=body)
    put = _SIZE / (time.perf_counter() - began)
    began = time.perf_counter()
    got = s3.get_object(Bucket="bench", Key="large")["Body"].read()
    assert len(got) == len(body)
    return {"put, MiB/s": put, "get, MiB/s": _SIZE / (time.perf_counter() - began)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moto", metavar="PYTHON", help="a Python that has moto[server]")
    given = parser.parse_args()
    body = os.urandom(_SIZE << 20)
    with tempfile.TemporaryDirectory() as folder:
        running = {"clary": servers.clary(Path(folder) / "data")}
        if given.moto:
            running["moto"] = servers.moto(given.moto)
        try:
            clients = {name: server.client("s3") for name, server in running.items()}
            for client in clients.values():
                client.create_bucket(Bucket="bench")
            rounds = [{name: measure(client, body) for name, client in clients.items()} for _ in range(_ROUNDS)]
        finally:
            for server in running.values():
                server.stop()
    for name in running:
        for figure in rounds[0][name]:
            values = sorted(r[name][figure] for r in rounds)
            print(f"{name:6} {figure:12} {statistics.median(values):7.0f}   ({values[0]:.0f} to {values[-1]:.0f})")


if __name__ == "__main__":
    main()
