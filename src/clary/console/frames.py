"""The documents of the sandboxed frames in which workers' templates run, and the policy that they run under.

A frame has no origin: no cookie, no page of the console, no storage. It may load Clary's own elements, the objects that its
template was given addresses of, and what ``CLARY_TEMPLATE_SOURCES`` lists.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from clary.console.visit import Visit
from clary.gateway.http import HttpAnswer
from clary.labelling import object_addresses, templates
from clary.labelling.tasks import Input
from clary.labelling.templates import TemplateProblem

SANDBOX = "allow-scripts allow-forms"


def key(given: Any) -> str:
    """What tells whether a frame shows this ``task.input``."""
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:32]


def document(visit: Visit, shown: Input) -> HttpAnswer:
    """The frame of a task; if its template cannot be rendered, one that tells the worker and the page why."""
    assets = visit.origin + visit.assets.folder("crowd")
    grant = object_addresses.grant_of(visit.context, shown.role, url=visit.origin)
    try:
        page = templates.frame_page(templates.render(shown.template, shown.input, grant, assets), assets)
    except TemplateProblem as problem:
        page = templates.frame_page(_told(problem), assets)
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy(visit.origin, visit.context.settings.template_sources),
    }
    return HttpAnswer(200, headers, page.encode())


def policy(origin: str, listed: str) -> str:
    """``listed``: further sources, with blanks between them."""
    more = " ".join(["", *listed.split()])
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {origin}/_/assets/ 'unsafe-inline' 'unsafe-eval'{more}",
            f"style-src {origin}/_/assets/ 'unsafe-inline'{more}",
            f"img-src {origin} data: blob:{more}",
            f"media-src {origin} data: blob:{more}",
            f"font-src {origin}/_/assets/ data:{more}",
            f"connect-src {origin} data: blob:{more}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
            f"sandbox {SANDBOX}",
        )
    )


def _told(problem: TemplateProblem) -> str:
    words = json.dumps(f"The template cannot be shown: {problem.message}").replace("<", "\\u003c")
    return f'<script>claryFrame.report({words}, "", 0)</script>'
