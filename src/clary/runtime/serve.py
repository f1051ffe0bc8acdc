"""The program inside a serving task: loads the model, answers GET /ping and POST /invocations.

Run as ``python -m clary.runtime.serve``. The user's ``inference.py`` may bring model_fn, input_fn, predict_fn and
output_fn, or transform_fn in place of the last three; what it leaves out the image's handlers do. Source: the SageMaker
inference toolkit's documentation. Where output_fn or transform_fn returns a generator, its pieces are sent as they come.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from clary.formats import archives
from clary.runtime import contract
from clary.runtime.http_server import Request, Response, listener, serve

_NAMES = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


class UnsupportedContent(Exception):
    """A content type or an accept type that the handlers do not know; the client gets a 415."""


class Transformer:
    """The model and the functions around it: one request in, one response out."""

    def __init__(self, functions: dict[str, Callable[..., Any]], default_accept: str) -> None:
        if "transform_fn" in functions and {"input_fn", "predict_fn", "output_fn"} & functions.keys():
            raise ValueError("transform_fn takes the place of input_fn, predict_fn and output_fn: define it alone")
        self._functions = {name: _fitting(function) for name, function in functions.items()}
        self._default_accept = default_accept
        self._model = self._functions["model_fn"](str(contract.MODEL))

    def transform(self, request: Request) -> Response:
        content = request.headers.get("content-type", "") or self._default_accept
        accept = request.headers.get("accept", "")
        accept = self._default_accept if accept in {"", "*/*"} else accept
        body: Any = request.body
        if content.partition(";")[0] in {"application/json", "text/csv", "text/plain"}:
            body = body.decode("utf-8")
        if "transform_fn" in self._functions:
            result = self._functions["transform_fn"](self._model, body, content, accept)
        else:
            data = self._functions["input_fn"](body, content)
            prediction = self._functions["predict_fn"](data, self._model)
            result = self._functions["output_fn"](prediction, accept)
        answer, kind = result if isinstance(result, tuple) else (result, accept)
        if isinstance(answer, Iterator):
            return Response(200, b"", kind, _begun(answer))
        return Response(200, _bytes(answer), kind)


def _begun(pieces: Iterator[Any]) -> Iterator[bytes]:
    """The pieces, the first of them made already: what it raises can still be told by a status."""
    first = [_bytes(piece) for piece in islice(pieces, 1)]
    return chain(first, _rest(pieces))


def _rest(pieces: Iterator[Any]) -> Iterator[bytes]:
    try:
        for piece in pieces:
            yield _bytes(piece)
    except Exception as error:
        print("the answer broke off:", *traceback.format_exception(error), file=sys.stderr, flush=True)
        raise BrokenPipeError from error  # the connection is cut, so that nobody takes the pieces for the whole


def _bytes(answer: Any) -> bytes:
    return answer.encode() if isinstance(answer, str) else bytes(answer)


def main() -> None:
    signal.signal(signal.SIGTERM, _leave)
    try:
        transformer = _load()
    except Exception:  # noqa: BLE001 - whatever the user's code raises is told, and ends the process
        traceback.print_exc()
        print("The model could not be loaded; the endpoint will not answer.", file=sys.stderr, flush=True)
        sys.exit(1)
    print("Model loaded; serving.", flush=True)
    serve(lambda request: _answer(transformer, request), listener())


def _answer(transformer: Transformer, request: Request) -> Response:
    path = request.path.partition("?")[0]
    if path == "/ping":
        return Response(200)
    if path == "/execution-parameters":
        return Response(
            200, b'{"MaxConcurrentTransforms":1,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}', "application/json"
        )
    if path != "/invocations" or request.method != "POST":
        return Response(404, b"only GET /ping and POST /invocations are here", "text/plain")
    try:
        return transformer.transform(request)
    except Exception as error:  # noqa: BLE001 - the user's code may raise anything; the client and the log are told
        status = 415 if type(error).__name__ == "UnsupportedContent" else int(getattr(error, "status_code", 500))
        text = str(error) if status < 500 else f"{error}\n{''.join(traceback.format_exception(error))}"
        print(f"{status}: {text}", file=sys.stderr, flush=True)
        return Response(status, text.encode(), "text/plain")


def _load() -> Transformer:
    handlers = importlib.import_module(os.environ["CLARY_HANDLERS"])
    functions = {name: getattr(handlers, name) for name in _NAMES if hasattr(handlers, name)}
    own = _user_module()
    if own is not None:
        given = {name: getattr(own, name) for name in _NAMES if hasattr(own, name)}
        if "transform_fn" in given:
            functions = {"model_fn": functions["model_fn"]} if "model_fn" in functions else {}
        functions |= given
    default = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or getattr(handlers, "DEFAULT_ACCEPT", "")
    return Transformer(functions, default or "application/json")


def _user_module() -> ModuleType | None:
    """``SAGEMAKER_PROGRAM`` in the model's ``code`` folder; its neighbours can be imported."""
    program = os.environ.get("SAGEMAKER_PROGRAM")
    if not program:
        return None
    given = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if contract.SOURCE_ARCHIVE.is_file() and not any(contract.CODE.glob("*")):
        archives.unpack(contract.SOURCE_ARCHIVE, contract.CODE)
    folders = [
        contract.MODEL / "code",
        *([Path(given)] if given.startswith("/") else []),
        contract.CODE,
        contract.MODEL,
    ]
    for folder in folders:
        if (folder / program).is_file():
            sys.path.insert(0, str(folder))
            spec = importlib.util.spec_from_file_location(Path(program).stem, folder / program)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
            return module
    looked = ", ".join(map(str, folders))
    raise FileNotFoundError(f"SAGEMAKER_PROGRAM names {program!r}, which is in none of: {looked}")


def _fitting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A handler may take a last argument ``context``; it gets None."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return function
    if names and names[-1] == "context":
        return lambda *given: function(*given, None)
    return function


def _leave(*_: int | FrameType | None) -> None:
    os._exit(0)  # threads that answer are daemons; nothing is left to write


if __name__ == "__main__":
    main()
