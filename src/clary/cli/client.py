"""A botocore client for commands: the same API that everybody else uses."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

from clary.cli import servers
from clary.cli.environment import environment
from clary.settings import Settings


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
