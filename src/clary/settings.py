"""The settings: one table of name, default and help, read from ``CLARY_*`` variables.

``docs/reference/settings.md`` shows the same table; a test compares them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Each field is read from ``CLARY_<FIELD>``; a flag of the command line wins over it."""

    data: Path = _setting(Path("~/.clary"), "The data folder: records, objects, keys, tasks.")
    cache: Path = _setting(Path("~/.cache/clary"), "Where image environments are kept, once per user.")
    port: int = _setting(8780, "The server's port; 0 picks a free one.")
    host: str = _setting("127.0.0.1", "The address to bind; another than loopback needs TLS.")
    tls_cert: str = _setting("", "A certificate (PEM, its chain behind it): the API speaks TLS. Needs CLARY_TLS_KEY.")
    tls_key: str = _setting("", "The certificate's key (PEM, without a password).")
    kms_key_file: str = _setting(
        "", "The file of KMS's root key, made at first use; kms.key in the data folder if none is named."
    )
    sandbox: str = _setting(
        "auto", "auto: bubblewrap where it works; required: refuse to run without; off: plain processes."
    )
    containers: str = _setting(
        "auto",
        "auto: Docker or Podman, whichever answers, runs images of your own; docker, podman: this one; off: none.",
    )
    audit_days: int = _setting(90, "How many days the audit trail is kept; 0 keeps it for ever.")
    audit_rows: int = _setting(
        1_000_000, "How many calls the audit trail keeps, about 0.6 KB each; 0 keeps all of CLARY_AUDIT_DAYS."
    )
    connections: int = _setting(
        2000, "How many connections are open at the same time; the idle ones give way to new ones."
    )
    head_seconds: int = _setting(20, "How long a client may take to send a request's line and headers.")
    body_seconds: int = _setting(60, "How long a client may send, or take, nothing of a body.")
    job_network: str = _setting(
        "on", "on: jobs reach what this machine reaches; off: Clary alone, and where that cannot be had they fail."
    )
    instances: int = _setting(
        20, "How many instances one job may ask for; each is a process, however large the type that it names."
    )
    template_sources: str = _setting(
        "",
        "Addresses that workers' templates may load from beside this server, with blanks between: https://cdn.example",
    )
    jobs: int = _setting(4, "How many jobs run at the same time; the others wait their turn.")
    notebook_idle_minutes: int = _setting(
        60, "JupyterLab of `clary studio` ends when nobody has used it, and no cell has run, for so long."
    )
    spot_interruptions: float = _setting(
        0.0, "How often an hour of a managed spot job is interrupted, on average; 0: only by `clary spot interrupt`."
    )
    spot_seed: str = _setting(
        "", "Any text: interruptions then come at the same moments of jobs of the same names each time."
    )

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        """The settings in force; ``ValueError`` names a variable that cannot be read and what it takes."""
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = f"CLARY_{item.name.upper()}"
            given = flags.get(item.name)
            value = environment.get(name) if given is None else given
            if value is None:
                value = item.default
            values[item.name] = _convert(name, type(item.default), value)
        for name in ("tls_cert", "tls_key", "kms_key_file"):  # where it is read, the working directory is another
            values[name] = str(Path(values[name]).expanduser().absolute()) if values[name] else ""
        return cls(**values)

    def sources(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Where each value came from: ``default``, the variable's name, or ``flag`` (of the command, which wins)."""
        found = {}
        for item in fields(self):
            name, value = f"CLARY_{item.name.upper()}", getattr(self, item.name)
            if name in environment and Settings.read({name: environment[name]}) == Settings.read(
                {}, **{item.name: value}
            ):
                found[item.name] = name
            else:
                found[item.name] = "default" if value == getattr(Settings.read({}), item.name) else "flag"
        return found


def _convert(name: str, kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value).expanduser().absolute()
    if kind is int:
        try:
            return int(value)
        except ValueError:
            raise ValueError(f"{name} is {value!r}; it takes a whole number, as in {name}=8780") from None
    if kind is float:
        return _number(name, value)
    return kind(value)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {value!r}; it takes a number from 0 on, as in {name}=0.5")
    return number
