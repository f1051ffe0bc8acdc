"""What a browser that opens an object may do with it: look at it, and nothing else.

Objects lie at the same address as the console, whose session a page there could use: what may hold a script gets an origin
of its own, without a network. Clients that are no browsers see no difference.
"""

from __future__ import annotations

from dataclasses import replace

from clary.gateway.http import HttpAnswer, HttpRequest

# What browsers show without running anything of it; a PDF's viewer does not open in a sandbox.
_INERT = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "audio/", "video/", "application/pdf")
SANDBOX = "sandbox allow-scripts; default-src 'unsafe-inline' data: blob:; form-action 'none'; base-uri 'none'"
"""The policy of a page that lies in S3: it may run what it holds itself, in an origin of its own."""


def harmless(request: HttpRequest, answer: HttpAnswer) -> HttpAnswer:
    """The answer of a call as a browser gets it."""
    if "sec-fetch-mode" not in request.headers and "text/html" not in request.headers.get("accept", ""):
        return answer
    kind = next((value for name, value in answer.headers.items() if name.lower() == "content-type"), "").lower()
    sealed = {} if kind.startswith(_INERT) else {"Content-Security-Policy": SANDBOX}
    return replace(answer, headers={**answer.headers, "X-Content-Type-Options": "nosniff", **sealed})
