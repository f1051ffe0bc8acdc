"""pip's settings, handed to uv: index, certificates, proxy. uv reads none of pip's files.

Read in pip's order, the later winning: the files of the machine, of the user, of the environment, then ``PIP_*``.
Source: the chapter "Configuration" of pip's user guide. A ``UV_*`` variable that is set stays as it is.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# pip's option → uv's variable
_OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "HTTPS_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
}
_LISTS = ("UV_INDEX", "UV_FIND_LINKS", "UV_INSECURE_HOST")


def uv_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables to run uv with, beside those that are set already."""
    environment = os.environ if environment is None else environment
    found: dict[str, str] = {}
    for options in [*map(_read, _files(environment)), _variables(environment)]:
        for option, value in options.items():
            if option in _OPTIONS and value.strip():
                name = _OPTIONS[option]
                # pip separates by white space; uv's find-links by commas.
                separator = "," if name == "UV_FIND_LINKS" else " "
                found[name] = separator.join(value.split()) if name in _LISTS else value.strip()
    if "UV_INDEX" in found:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's: the best of all indexes, not of the first
    if found.get("UV_NO_INDEX", "").lower() in {"0", "false", "no", "off"}:
        del found["UV_NO_INDEX"]
    return {name: value for name, value in found.items() if name not in environment}


def _files(environment: Mapping[str, str]) -> list[Path]:
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environment.get("HOME", "~")).expanduser()
    site = Path(sys.prefix) / "pip.conf"
    if sys.platform == "darwin":
        files = [Path("/Library/Application Support/pip/pip.conf"), home / "Library/Application Support/pip/pip.conf"]
        files += [home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    else:
        config = Path(environment.get("XDG_CONFIG_HOME", home / ".config"))
        system = environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        files = [*(Path(folder) / "pip/pip.conf" for folder in system), Path("/etc/pip.conf")]
        files += [home / ".pip/pip.conf", config / "pip/pip.conf"]
    return [*files, site, *([Path(named)] if named else [])]


def _read(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}  # pip itself will complain of it
    sections = [dict(parser[name]) for name in ("global", "install") if parser.has_section(name)]
    return {key.replace("_", "-"): value for section in sections for key, value in section.items()}


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith("PIP_")
    }
