"""Starting Clary, and moto beside it, for the programs that measure them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


@dataclass
class Server:
    """A running server; ``ready`` is the seconds from its start to its first word or open port."""

    process: subprocess.Popen[str]
    url: str
    keys: tuple[str, str]
    ready: float

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
            config=Config(retries={"max_attempts": 1}, proxies={}, max_pool_connections=32),
        )

    def memory(self) -> float:
        """Resident MiB."""
        command = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1024

    def peak(self) -> float:
        """The most resident MiB so far; what it is now where the system does not tell (macOS)."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return self.memory()
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def cpu(self) -> float:
        """Seconds of processor time so far, its children's not counted (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def clary(folder: Path) -> Server:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    command = [sys.executable, "-m", "clary", "up", "--data", str(folder), "--port", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    url = next(line for line in process.stdout if line.startswith("ready")).split()[1]
    ready = time.perf_counter() - began
    keys = json.loads((folder / "keys.json").read_text())
    return Server(process, url, (keys["AccessKeyId"], keys["SecretAccessKey"]), ready)


def moto(python: str, *program: str) -> Server:
    """``program``: what Python runs in place of moto's own server, which it ends in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    command = [python, *(program or ("-m", "moto.server")), "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.05).close()
            break
        except OSError:
            time.sleep(0.005)
    return Server(process, f"http://127.0.0.1:{port}", ("x", "x"), time.perf_counter() - began)


def bare(folder: Path) -> Server:
    """A socket server that only moves bytes: bench/bare.py."""
    folder.mkdir()
    began = time.perf_counter()
    command = [sys.executable, str(Path(__file__).parent / "bare.py"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    return Server(process, f"http://127.0.0.1:{port}", ("x", "x"), time.perf_counter() - began)
