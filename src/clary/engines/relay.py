"""Run in a sandbox without a network: listens on the sandbox's own loopback and hands each connection to a Unix socket.

Usage: ``python -I -S relay.py PORT=SOCKET ... -- COMMAND ...``. It listens, leaves a process behind that relays, and
becomes the command. Standard library only. The relaying process is nobody's child that the command might wait for; it
ends with the sandbox.
"""

# (pathlib is left out: this starts with every task, and its import takes milliseconds)
from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Sequence

_PIECE = 64 << 10


def main(arguments: Sequence[str]) -> None:
    split = arguments.index("--")
    doors = [argument.split("=", 1) for argument in arguments[:split]]
    listeners = [(listen(int(port)), path) for port, path in doors]
    if os.fork() == 0:
        if os.fork() == 0:
            _relay(listeners)
        os._exit(0)
    os.wait()
    for listener, _ in listeners:
        listener.close()
    command = [*arguments[split + 1 :]]
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


def listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def _relay(listeners: Sequence[tuple[socket.socket, str]]) -> None:
    """Never returns."""
    os.setsid()  # a signal for the command's group is none for this
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    kept = {listener.fileno() for listener, _ in listeners}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > 2 and int(name) not in kept:  # what is the command's own: a serving task's listening socket
            with contextlib.suppress(OSError):
                os.close(int(name))
    threads = [threading.Thread(target=accept, args=pair) for pair in listeners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def accept(listener: socket.socket, path: str) -> None:
    while True:
        near, _ = listener.accept()
        threading.Thread(target=_serve, args=(near, path), daemon=True).start()


def _serve(near: socket.socket, path: str) -> None:
    with near, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as far:
        try:
            far.connect(path)
        except OSError:  # the server is away: the client sees its connection close, and tries again as ever
            return
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on until the end, which is handed on too."""
    try:
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    except OSError:
        pass
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    main(sys.argv[1:])
