"""Settings: each with its value in force, where that came from, and what it does."""

from __future__ import annotations

import os
from dataclasses import fields

from clary.console.page import Nav, page
from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer
from clary.settings import Settings


@page("/_/settings", nav=Nav("Keep", "Settings", order=90))
def settings(visit: Visit) -> HttpAnswer:
    in_force = visit.context.settings
    wanted = visit.query.get("contains", "").lower()
    sources = in_force.sources(os.environ)
    rows = [
        {
            "name": f"CLARY_{item.name.upper()}",
            "value": str(getattr(in_force, item.name)),
            "default": str(item.default),
            "source": sources[item.name],
            "help": item.metadata["help"],
        }
        for item in fields(Settings)
    ]
    shown = [row for row in rows if wanted in f"{row['name']} {row['help']}".lower()]
    return visit.show("settings.html", rows=shown, wanted=visit.query.get("contains", ""), all=len(rows))
