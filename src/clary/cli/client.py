"""A botocore client for commands: the same API that everybody else uses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import botocore.session
import click
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from clary.cli import servers
from clary.cli.environment import environment
from clary.settings import Settings

_PATIENCE = 60  # seconds for an answer of one of Clary's own pages


def client(settings: Settings, service: str, *, patience: float = 120, tries: int = 3) -> Any:
    """A client of the folder's running server, as its owner; ``patience``: seconds for an answer, ``tries`` times."""
    variables = environment(settings.data)
    return botocore.session.Session().create_client(
        service,
        region_name=variables["AWS_DEFAULT_REGION"],
        endpoint_url=servers.require(settings.data).local,
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        verify=False,
        config=Config(
            connect_timeout=patience, read_timeout=patience, retries={"total_max_attempts": tries}, proxies={}
        ),
    )


def ask(settings: Settings, method: str, page: str, **query: str) -> dict[str, Any]:
    """What one of Clary's own pages (``/_/...``) answers its owner; ``ClickException`` with its words if it refuses."""
    variables = environment(settings.data)
    url = f"{servers.require(settings.data).local}/_/{page}" + (f"?{urlencode(query)}" if query else "")
    request = AWSRequest(method, url)
    key = Credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "clary", variables["AWS_DEFAULT_REGION"]).add_auth(request)
    response = URLLib3Session(verify=False, proxies={}, timeout=_PATIENCE).send(request.prepare())
    found: dict[str, Any] = json.loads(response.content)
    if response.status_code != 200:
        raise click.ClickException(found["message"])
    return found
