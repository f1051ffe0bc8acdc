"""S3: objects of 1 KiB to 1 GiB up and down, 100,000 keys listed, gibibytes streamed through.

In turn in one run on this machine, by the same boto3 client: Clary, a bare socket server that only writes and flushes the
bytes or sends the file (bench/bare.py), and moto. What counts is the ratio of a round; its median is shown.
Usage: python bench/objects.py [--moto PYTHON] [--large MIB] [--rounds N] [--stream GIB] [--keys N]
(PYTHON: one with `moto[server]` installed)
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench import servers
from bench.servers import Server
from clary.store.database import Database
from clary.store.keys import Entry, put

_REPEATS = {"1 KiB": 100, "1 MiB": 20, "large": 1}
Figures = dict[str, float]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def objects(s3: Any, bodies: dict[str, bytes]) -> Figures:
    """Seconds of one put and one get: the median where a round makes several."""
    found: Figures = {}
    for name, body in bodies.items():

        def get(name: str = name, body: bytes = body) -> None:
            assert len(s3.get_object(Bucket="bench", Key=name.replace(" ", ""))["Body"].read()) == len(body)

        def put_(name: str = name, body: bytes = body) -> None:
            s3.put_object(Bucket="bench", Key=name.replace(" ", ""), Body=body)

        found[f"put {name}"] = statistics.median(timed(put_) for _ in range(_REPEATS[name]))
        found[f"get {name}"] = statistics.median(timed(get) for _ in range(_REPEATS[name]))
    return found


def compare(clients: dict[str, Any], large: int, rounds: int) -> None:
    """Prints each figure, and the others' time over Clary's: above 1 Clary is quicker."""
    bodies = {"1 KiB": os.urandom(1 << 10), "1 MiB": os.urandom(1 << 20), "large": os.urandom(large << 20)}
    for client in clients.values():
        objects(client, {"1 KiB": b"warm"})
    found = []
    for number in range(rounds):
        names = list(clients)
        order = names[number % len(names) :] + names[: number % len(names)]
        found.append({name: objects(clients[name], bodies) for name in order})
    print(f"{rounds} rounds, large is {large} MiB; milliseconds of one call, median (least to most)")
    for figure in found[0]["clary"]:
        for name in clients:
            values = sorted(1000 * each[name][figure] for each in found)
            ratios = sorted(each[name][figure] / each["clary"][figure] for each in found)
            beside = "" if name == "clary" else f"   clary has {statistics.median(ratios):.2f} of its speed"
            print(
                f"{figure:10} {name:6} {statistics.median(values):9.2f} ({values[0]:.2f} to {values[-1]:.2f}){beside}"
            )


def fill(folder: Path, count: int) -> None:
    """Keys that all name one blob, written into the index of a server that is not running."""
    database = Database(folder / "clary.db")

    def insert(db: Any) -> None:
        db.execute("INSERT INTO buckets (name, region, created, tags) VALUES ('many', 'us-east-1', 0, '{}')")
        for n in range(count):
            entry = Entry(bucket="many", key=f"patient-{n:07}/scan.dcm", blob="0" * 32, size=1, etag="0" * 32)
            put(db, entry, 0, (), None)

    database.write(insert)
    database.close()


_MOTO_FILLED = """
import sys
from moto.s3.models import s3_backends
backend = s3_backends["123456789012"]["aws"]
backend.create_bucket("many", "us-east-1")
for n in range(int(sys.argv.pop(1))):
    backend.put_object("many", f"patient-{n:07}/scan.dcm", b"x")
from moto.server import main
main()
"""


def listing(s3: Any, count: int) -> float:
    """Seconds to list them all, a thousand a page."""

    def all_pages() -> None:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="many")
        assert sum(page["KeyCount"] for page in pages) == count

    return timed(all_pages)


class Zeros:
    """A body that is not there before it is read; ``http.client`` takes it by ``read``."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._piece = bytes(1 << 20)

    def read(self, _: int = -1) -> bytes:
        piece = self._piece[: self._left] if self._left < len(self._piece) else self._piece
        self._left -= len(piece)
        return piece


def stream(server: Server, gib: int) -> None:
    """One object in parts of 5 GiB, up and down by presigned URLs; prints the server's memory on the way."""
    s3 = server.client("s3")
    name = {"Bucket": "bench", "Key": "stream"}
    upload = {**name, "UploadId": s3.create_multipart_upload(**name)["UploadId"]}
    before, parts, began = server.peak(), [], time.perf_counter()
    for number, size in enumerate(_parts(gib << 30), 1):
        url = s3.generate_presigned_url("upload_part", Params={**upload, "PartNumber": number})
        etag = _ask(url, "PUT", Zeros(size), size).headers["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
        print(f"stream: part {number} of {size >> 30} GiB in, at most {server.peak():.0f} MiB resident", flush=True)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    up, began = time.perf_counter() - began, time.perf_counter()
    response = _ask(s3.generate_presigned_url("get_object", Params=name), "GET")
    buffer, size = memoryview(bytearray(1 << 20)), 0
    while read := response.readinto(buffer):
        size += read
    assert size == gib << 30
    down = time.perf_counter() - began
    print(
        f"stream: {gib} GiB up in {up:.0f} s, down in {down:.0f} s; "
        f"at most {before:.0f} MiB before, {server.peak():.0f} MiB after"
    )
    s3.delete_object(**name)


def _parts(size: int) -> Iterator[int]:
    while size:
        yield min(size, 5 << 30)
        size -= min(size, 5 << 30)


def _ask(url: str, method: str, body: Any = None, size: int = 0) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=600, blocksize=1 << 20)
    headers = {"Content-Length": str(size)} if body else {}
    connection.request(method, f"{parts.path}?{parts.query}", body, headers)
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(response.read().decode())
    return response


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moto", metavar="PYTHON", help="a Python that has moto[server]")
    parser.add_argument("--large", type=int, default=256, metavar="MIB", help="the largest object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream", type=int, default=0, metavar="GIB", help="stream so much through, in 5 GiB parts")
    parser.add_argument("--keys", type=int, default=100_000, help="how many keys to list; 0 leaves it out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        if given.keys:
            fill(folder / "data", given.keys)
        running = {"clary": servers.clary(folder / "data"), "bare": servers.bare(folder / "bare")}
        if given.moto:
            running["moto"] = servers.moto(given.moto, "-c", _MOTO_FILLED, str(given.keys))
        try:
            measure(running, given)
        finally:
            for server in running.values():
                server.stop()


def measure(running: dict[str, Server], given: argparse.Namespace) -> None:
    clients = {name: server.client("s3") for name, server in running.items()}
    for client in without(clients, "bare"):
        client.create_bucket(Bucket="bench")
    if given.rounds:
        compare(clients, given.large, given.rounds)
        print(f"clary: at most {running['clary'].peak():.0f} MiB resident")
    if given.keys:
        for name, server in running.items():
            if name != "bare":
                values = sorted(listing(server.client("s3"), given.keys) for _ in range(3))
                print(f"list {given.keys} keys {name:6} {values[1]:.2f} s ({values[0]:.2f} to {values[2]:.2f})")
    if given.stream:
        stream(running["clary"], given.stream)


def without(clients: dict[str, Any], name: str) -> Iterable[Any]:
    return (client for key, client in clients.items() if key != name)


if __name__ == "__main__":
    main()
