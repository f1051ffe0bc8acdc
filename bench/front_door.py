"""How quick the front door is: Create, Describe and List of models beside moto's server, in turn in one run.

The requests are signed beforehand and sent as bytes by one thread over bare sockets, so the client's own cost stays
out; the first line tells how many a second that client could send at most, to a server that does nothing.
Every one of Clary's writes is on the disk before it is answered; moto's are in memory.
Usage: python bench/front_door.py [--moto PYTHON] [--rounds N]   (PYTHON: one with `moto[server]` installed)
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from botocore.credentials import Credentials
from tests import jobs
from tests.wire import JSON, Wire

from bench import servers
from bench.servers import Server

_COUNTS = {1: 400, 16: 2000}  # requests by connections
_LONGEST = 4.0  # seconds of one series
_NOTHING = """
import asyncio, sys
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}")
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class _Client:
    """One connection with one request under way; made anew where the server closes it after each answer (moto does)."""

    def __init__(self, wire: Wire, selector: selectors.BaseSelector) -> None:
        self._wire, self._selector = wire, selector
        self._connection: socket.socket | None = None
        self._answer = bytearray()
        self.began = 0.0

    def send(self, request: bytes) -> None:
        self.began = time.perf_counter()
        if self._connection is None:
            self._connection = self._wire.connect()
            self._selector.register(self._connection, selectors.EVENT_READ, self)
        self._answer.clear()
        self._connection.sendall(request)

    def receive(self) -> bool:
        """Take in what is there; whether that is the whole answer."""
        assert self._connection is not None
        self._answer += self._connection.recv(1 << 18)
        if not _is_whole(self._answer):
            return False
        assert self._answer[8:12] == b" 200", bytes(self._answer)
        if b"\r\nconnection: close\r\n" in bytes(self._answer).lower():
            self.close()
        return True

    def close(self) -> None:
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None


def drive(wire: Wire, requests: Iterator[bytes], count: int, connections: int) -> tuple[list[float], float]:
    """Seconds of each answer, and of all: as many requests under way as there are connections."""
    selector = selectors.DefaultSelector()
    clients = [_Client(wire, selector) for _ in range(connections)]
    taken: list[float] = []
    start = time.perf_counter()
    for client in clients:
        client.send(next(requests))
    sent = connections
    while len(taken) < sent:
        for key, _ in selector.select():
            client = key.data
            if client.receive():
                taken.append(time.perf_counter() - client.began)
                if sent < count and time.perf_counter() - start < _LONGEST:
                    client.send(next(requests))
                    sent += 1
    total = time.perf_counter() - start
    for client in clients:
        client.close()
    selector.close()
    return taken, total


def _is_whole(answer: bytearray) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return len(answer) >= end + 4 + length


def request(wire: Wire, operation: str, members: dict[str, object]) -> bytes:
    given = {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": JSON}
    return wire.signed("sagemaker", "POST", "/", given, json.dumps(members).encode())


def measure(wire: Wire, series: str) -> dict[str, tuple[float, float, float]]:
    """Figure → (p50 ms, p99 ms, requests a second)."""
    found = {}
    for connections, count in _COUNTS.items():
        container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
        names = [f"m-{series}-{connections}-{number}" for number in range(count)]
        model = {"ExecutionRoleArn": jobs.ROLE, "PrimaryContainer": container}
        creates = [request(wire, "CreateModel", {"ModelName": name, **model}) for name in names]
        kinds: dict[str, Iterator[bytes]] = {
            "create": iter(creates),
            "describe": repeat(request(wire, "DescribeModel", {"ModelName": names[0]})),
            "list": repeat(request(wire, "ListModels", {"MaxResults": 10, "SortBy": "Name"})),
        }
        for kind, requests in kinds.items():
            taken, total = drive(wire, requests, count, connections)
            cuts = statistics.quantiles(taken, n=100)
            found[f"{kind}, {connections} connections"] = (1000 * cuts[49], 1000 * cuts[98], len(taken) / total)
    return found


def ceiling() -> float:
    """Requests a second that this client sends to a server that only answers."""
    process = subprocess.Popen([sys.executable, "-c", _NOTHING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    wire = Wire("127.0.0.1", int(process.stdout.readline()), Credentials("x", "x"))
    taken, total = drive(wire, repeat(request(wire, "ListModels", {})), 20_000, 16)
    process.kill()
    process.wait()
    return len(taken) / total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moto", metavar="PYTHON", help="a Python that has moto[server]")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"client alone {ceiling():9.0f} requests/s")
    with tempfile.TemporaryDirectory() as folder:
        running = {"clary": servers.clary(Path(folder) / "data")}
        if given.moto:
            running["moto"] = servers.moto(given.moto)
        try:
            compare(running, given.rounds)
        finally:
            for server in running.values():
                server.stop()


def compare(running: dict[str, Server], rounds: int) -> None:
    wires = {}
    for name, server in running.items():
        wires[name] = Wire("127.0.0.1", int(server.url.rpartition(":")[2]), Credentials(*server.keys))
        print(f"{name:6} ready after {server.ready:.2f} s", flush=True)
    time.sleep(3)  # what a server does beside its start is done
    for name, server in running.items():
        print(f"{name:6} idle {server.memory():.0f} MiB", flush=True)
    found = [{name: measure(wire, str(number)) for name, wire in wires.items()} for number in range(rounds)]
    for figure in found[0]["clary"]:
        for name in running:
            p50, p99, rate = (statistics.median(each[name][figure][n] for each in found) for n in range(3))
            low, high = (f(each[name][figure][0] for each in found) for f in (min, max))
            spread = f"(p50 {low:.2f} to {high:.2f})"
            print(f"{name:6} {figure:26} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {rate:6.0f} requests/s  {spread}")
    for name, server in running.items():
        print(f"{name:6} after all of it {server.memory():.0f} MiB")


if __name__ == "__main__":
    main()
