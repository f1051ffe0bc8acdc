"""The services. A function here that says ``@operation`` is thereby part of the API."""

from __future__ import annotations

import importlib
import pkgutil

from clary.context import Handler

_operations: dict[tuple[str, str], Handler] = {}

# Packages whose service has a name that Python cannot spell; all others change "_" to "-".
_NAMES = {"lambda_": "lambda"}


def operation(function: Handler) -> Handler:
    """Serve the operation that botocore gives this function's name (create_model is CreateModel).

    The service is the package the module lies in: ``clary.services.sagemaker_runtime.invocations`` serves
    ``sagemaker-runtime``. A plain function runs in a thread and returns a dict of wire names; an ``async`` one is for
    bodies that stream: it finds ``request["Body"]`` as an async iterator of bytes and may return one.
    """
    package = function.__module__.split(".")[2]
    _operations[_NAMES.get(package, package.replace("_", "-")), function.__name__] = function
    return function


def discover() -> dict[tuple[str, str], Handler]:
    """Every operation that is served, by (service, snake_case name)."""
    for module in pkgutil.walk_packages(__path__, __name__ + "."):
        importlib.import_module(module.name)
    return dict(_operations)
