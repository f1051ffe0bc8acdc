"""What is no AWS call: ``GET /`` of a browser, ``GET /health``, the clock, and the credentials of tasks under
``/_/``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from clary import __version__
from clary.gateway.health import OK, Health
from clary.gateway.http import HttpAnswer, HttpRequest

Page = Callable[[HttpRequest], HttpAnswer]

_WELCOME = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Clary</title>
<style>
  body {{ font: 15px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1rem; color: #1f2a24 }}
  code, pre {{ background: #f3f5f2; padding: .1em .3em; border-radius: 3px }}
  pre {{ padding: .8em 1em; overflow: auto }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #171c19; color: #dfe6e1 }} code, pre {{ background: #232a26 }}
  }}
</style>
<h1>Clary is up</h1>
<p>This address speaks the API of SageMaker, S3, STS, IAM and CloudWatch Logs. Clients reach it so:</p>
<pre>eval "$(clary env)"
python -c "import boto3; print(boto3.client('sagemaker').list_training_jobs())"</pre>
<p>Next: <code>clary project run hospital_costs</code>, or for a table of your own
<code>clary autopilot FILE --target COLUMN</code>. <code>clary status</code> shows what runs. Version {version}.</p>
</html>
"""


class Pages:
    """``credentials`` answers a task that asks for its role's keys (the path's rest, the Authorization header).

    ``own`` are Clary's own pages by their path: each answers a status and a document.
    """

    def __init__(
        self,
        credentials: Callable[[str, str], dict[str, str] | None],
        health: Health,
        own: Mapping[str, Callable[[HttpRequest], tuple[int, dict[str, Any]]]],
    ) -> None:
        self._credentials = credentials
        self._look = health.look
        self._own = own

    def find(self, request: HttpRequest) -> Page | None:
        """The page of this address; None if the request is an AWS call."""
        if request.path == "/" and request.method == "GET" and self._is_browser(request):
            return self._welcome
        if request.path == "/_/health" or (request.path == "/health" and self._is_probe(request)):
            return self._health
        if (own := self._own.get(request.path)) is not None:
            return lambda asked: _json(*own(asked))
        if request.path.startswith("/_/credentials/"):
            return self._task_credentials
        if request.path.startswith("/_/"):
            return self._nothing
        return None

    @staticmethod
    def _is_browser(request: HttpRequest) -> bool:
        unsigned = "authorization" not in request.headers and not request.query
        return unsigned and "text/html" in request.headers.get("accept", "")

    @staticmethod
    def _welcome(_: HttpRequest) -> HttpAnswer:
        return HttpAnswer(
            200, {"Content-Type": "text/html; charset=utf-8"}, _WELCOME.format(version=__version__).encode()
        )

    @staticmethod
    def _is_probe(request: HttpRequest) -> bool:
        """Not a client that reads a bucket of that name: without a signature that would be refused anyway."""
        unsigned = "authorization" not in request.headers and not request.query
        return unsigned and request.method in {"GET", "HEAD"}

    def _health(self, _: HttpRequest) -> HttpAnswer:
        found = self._look()
        return _json(200 if found["status"] == OK else 503, found)

    @staticmethod
    def _nothing(request: HttpRequest) -> HttpAnswer:
        return _json(404, {"message": f"There is no page {request.path}."})

    def _task_credentials(self, request: HttpRequest) -> HttpAnswer:
        task = request.path.removeprefix("/_/credentials/")
        found = self._credentials(task, request.headers.get("authorization", ""))
        if found is None:
            return _json(
                403, {"message": "These credentials are a running task's own; its token is wrong or it has ended."}
            )
        return _json(200, found)


def _json(status: int, value: dict[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())
