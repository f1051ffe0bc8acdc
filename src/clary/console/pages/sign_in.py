"""Signing in by a link, and out."""

from __future__ import annotations

from dataclasses import replace

from clary.console import labellers
from clary.console.page import action, page
from clary.console.sessions import LinkProblem
from clary.console.signing_in import SIGN_IN, note
from clary.console.visit import Visit
from clary.errors import AccessDenied
from clary.gateway.http import HttpAnswer

PORTAL = "/_/portal"


@page(SIGN_IN, who="anyone")
def sign_in(visit: Visit) -> HttpAnswer:
    """Asks whether to, which a script answers at once: whatever only looks at a link must not use it up."""
    token = visit.query.get("token", "")
    try:
        found = visit.sessions.peek(token)
    except LinkProblem as problem:
        return _refused(visit, problem)
    who = labellers.find(visit.context, found.worker).name if found.worker else "yourself"
    return visit.show("sign_in.html", token=token, who=who)


@action(SIGN_IN, who="anyone")
def enter(visit: Visit) -> HttpAnswer:
    """Uses the link up and begins the session."""
    try:
        secret, session = visit.sessions.enter(visit.form.get("token", ""))
    except LinkProblem as problem:
        return _refused(visit, problem)
    note(visit.context, visit.request, visit.identify(session), "ConsoleLogin")
    answer = visit.go(PORTAL if session.worker else "/_/")
    cookie = visit.cookies.header(visit.request, secret, worker=bool(session.worker))
    return replace(answer, headers={**answer.headers, "Set-Cookie": cookie})


@action("/_/sign-out")
def sign_out(visit: Visit) -> HttpAnswer:
    return _ended(visit)


@action(f"{PORTAL}/sign-out", who="worker")
def leave_portal(visit: Visit) -> HttpAnswer:
    return _ended(visit)


def _ended(visit: Visit) -> HttpAnswer:
    visit.sessions.end(visit.session)
    note(visit.context, visit.request, visit.context.identity, "ConsoleLogout")
    answer = visit.go(PORTAL if visit.session.worker else "/_/")
    cookie = visit.cookies.header(visit.request, "", worker=bool(visit.session.worker))
    return replace(answer, headers={**answer.headers, "Set-Cookie": cookie})


def _refused(visit: Visit, problem: LinkProblem) -> HttpAnswer:
    error = AccessDenied(str(problem), code="LinkProblem")
    return visit.show("signed_out.html", 401, error=error)
