"""One row of a scikit-learn model at 1 and 16 connections: Clary's serving program beside bare uvicorn.

Both run in the image of scikit-learn (uvicorn from this environment is put on its path), on the same model, in turn.
Usage: python bench/serving.py
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvicorn

import clary
from clary.images import catalog
from clary.images.environments import Environments
from clary.settings import Settings

_SECONDS = 3.0
_ROUNDS = 3

_TRAIN = """
import joblib, sys, numpy as np
from sklearn.linear_model import LogisticRegression
x = np.random.default_rng(7).random((200, 4))
joblib.dump(LogisticRegression().fit(x, x.sum(axis=1) > 2), sys.argv[1])
"""
_INFERENCE = "import joblib, os\ndef model_fn(folder): return joblib.load(os.path.join(folder, 'model.joblib'))\n"
_BARE = """
import io, joblib, json, os, sys
import numpy as np
model = joblib.load(os.environ["MODEL"])
async def app(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    rows = np.atleast_2d(np.genfromtxt(io.StringIO(body.decode()), dtype=np.float32, delimiter=","))
    answer = json.dumps(model.predict(rows).tolist()).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
import asyncio, socket, uvicorn
server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", loop="asyncio", http="h11"))
# Not by fd=: uvicorn would make a socket of protocol 0 of it, and Nagle's algorithm cost 40 ms a call.
asyncio.run(server.serve(sockets=[socket.socket(fileno=int(sys.argv[1]))]))
"""


def rate(port: int, connections: int) -> float:
    """Requests a second."""
    done = [0] * connections
    end = time.perf_counter() + _SECONDS

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while time.perf_counter() < end:
            connection.request("POST", "/invocations", b"0.1,0.2,0.3,0.4\n", {"Content-Type": "text/csv"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            done[number] += 1
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / _SECONDS


def start(
    command: list[str], environment: dict[str, str], body: bytes = b"0.1,0.2,0.3,0.4\n", kind: str = "text/csv"
) -> tuple[subprocess.Popen[bytes], int]:
    """A serving program and its port, once it has answered ``body``."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    number = listener.fileno()
    filled = [part.replace("FD", str(number)) for part in command]
    process = subprocess.Popen(
        filled, env={**environment, "CLARY_LISTEN_FD": str(number)}, pass_fds=[number], stdout=subprocess.DEVNULL
    )
    port = listener.getsockname()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", "/invocations", body, {"Content-Type": kind})
    connection.getresponse().read()
    connection.close()
    listener.close()
    return process, port


def main() -> None:
    environments = Environments(Settings.read().cache)
    image = catalog.find("sagemaker-scikit-learn")
    python = str(environments.build(image.lock))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model/code").mkdir(parents=True)
        (Path(folder) / "model/code/inference.py").write_text(_INFERENCE)
        model = f"{folder}/model/model.joblib"
        subprocess.run([python, "-c", _TRAIN, model], check=True)
        site = str(Path(uvicorn.__file__).parent.parent)
        contenders = {
            "clary": (
                [python, "-m", "clary.runtime.serve"],
                {
                    "PYTHONPATH": str(Path(clary.__file__).parent.parent),
                    "CLARY_ML": folder,
                    "CLARY_HANDLERS": image.handlers,
                    "SAGEMAKER_PROGRAM": "inference.py",
                },
            ),
            # Behind the image's own libraries, so that only uvicorn and h11 are taken from there.
            "uvicorn": ([python, "-c", f"import sys; sys.path.append({site!r})\n{_BARE}", "FD"], {"MODEL": model}),
        }
        for name, (command, given) in contenders.items():
            process, port = start(command, {"PATH": os.environ["PATH"], **given})
            for connections in (1, 16):
                rates = sorted(rate(port, connections) for _ in range(_ROUNDS))
                print(
                    f"{name:8} {connections:2} connections {rates[1]:7.0f} requests/s   ({rates[0]:.0f} to {rates[-1]:.0f})",
                    flush=True,
                )
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
