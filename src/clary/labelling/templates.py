"""Workers' templates: a customer's HTML with Liquid in it, unchanged, and what its task is about, made one page.

Sources: the developer guide on custom templates (its Liquid filters and that every output is escaped), the public sample
templates, and what DescribeHumanLoop tells of a template that fails. Liquid itself is python-liquid's; here is what differs:

* objects and lists are written as JSON (``{{ task.input.parts }}``), where plain Liquid runs a list's items together;
* a number finds an object's name (``class-map[box.class_id]``, with 0 for ``"0"``), as names of JSON are always text;
* ``to_json``, ``grant_read_access`` and ``skip_autoescape``; a quotation mark is ``&quot;``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from liquid import BoundTemplate, Environment, RenderContext

Grant = Callable[[str, str], str]
"""The address at which a browser may read an object for a short while, of its bucket and key."""

ASSETS = "/_/assets/latest/crowd"
"""The path of Clary's crowd elements, which the console serves."""

INVALID_PARAMETERS, INVALID_TEMPLATE, INVALID_INPUT = "InvalidParameters", "InvalidTemplate", "InvalidInput"
"""Codes of ``TemplateProblem``. The first is AWS's own; AWS documents no others."""

_TURNS, _LETTERS = 1_000_000, 16 * 2**20  # of loops, of the page: a template that runs away ends there
_KEPT = 32  # templates that are kept parsed: a job renders its one for every object
_GRANT = "grant_read_access()"  # what the filter finds the Grant under; no template spells a variable so

_CROWD_SCRIPT = re.compile(
    r"<script\b[^>]*\bsrc\s*=\s*[\"']?(?:https?:)?//assets\.crowd\.aws/[^\"'\s>]*\.js[\"']?[^>]*>\s*</script\s*>",
    re.IGNORECASE,
)
_CROWD_STYLE = re.compile(
    r"<link\b[^>]*\bhref\s*=\s*[\"']?(?:https?:)?//assets\.crowd\.aws/[^\"'\s>]*\.css[\"']?[^>]*>", re.IGNORECASE
)
_PATH_STYLE = re.compile(r"s3[.-]?[a-z0-9.-]*\.amazonaws\.com(\.cn)?")
_HOST_STYLE = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-]?[a-z0-9.-]*\.amazonaws\.com(\.cn)?")


class TemplateProblem(Exception):
    """A template that cannot be rendered, for the reason in ``message``; ``code`` is one of this module's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class JsonObject(dict[str, Any]):
    """An object of JSON, in which a number finds the name that it is written as."""

    def __missing__(self, key: object) -> Any:
        name = str(key)
        if isinstance(key, int) and not isinstance(key, bool) and name in self:
            return self[name]
        raise KeyError(key)


def task_input(text: str) -> Any:
    """The ``task.input`` that a JSON text holds."""
    try:
        found = json.loads(text, object_pairs_hook=JsonObject)
    except (ValueError, RecursionError) as error:
        raise TemplateProblem(INVALID_INPUT, f"The input of the task is not JSON: {error}.") from None
    return found


def render(template: str, given: Any, grant: Grant, assets: str) -> str:
    """The page's HTML. ``given``: ``task.input``, any value of JSON. ``assets``: the address of Clary's crowd elements.

    Where the template loads AWS's Crowd HTML Elements it loads Clary's. ``TemplateProblem`` says why it cannot be.
    """
    from liquid.exceptions import LiquidError  # noqa: PLC0415 (a page alone needs it)

    try:
        parsed = _parsed(_with_own_elements(template, assets))
        return parsed.render(task={"input": _as_objects(given)}, **{_GRANT: grant})
    except LiquidError as error:
        if isinstance(cause := error.__cause__, TemplateProblem):
            raise cause from None
        raise TemplateProblem(INVALID_TEMPLATE, _told(error)) from None


def frame_page(rendered: str, assets: str) -> str:
    """A rendered template as the document of the sandboxed frame: Clary's script goes before all of the template's own."""
    base = assets.rstrip("/")
    return (
        f'<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<script src="{base}/frame.js"></script><script type="module" src="{base}/crowd.js"></script>\n{rendered}'
    )


def object_of(address: str) -> tuple[str, str] | None:
    """The bucket and key that an address means: ``s3://``, or http(s) as S3 itself is asked; None if it is neither."""
    parts = urlsplit(address)
    host, path = parts.netloc.lower(), parts.path.lstrip("/")
    if parts.scheme == "s3":
        bucket, _, key = address[len("s3://") :].partition("/")
        return (bucket, key) if bucket and key else None
    if parts.scheme not in {"http", "https"}:
        return None
    if _PATH_STYLE.fullmatch(host):
        bucket, _, key = unquote(path).partition("/")
        return (bucket, key) if bucket and key else None
    if (found := _HOST_STYLE.fullmatch(host)) and path:
        return found["bucket"], unquote(path)
    return None


def _with_own_elements(template: str, assets: str) -> str:
    own = f'<script type="module" src="{assets.rstrip("/")}/crowd.js"></script>'
    return _CROWD_STYLE.sub("", _CROWD_SCRIPT.sub(own, template))


def _told(error: Any) -> str:
    """What Liquid says, with the line: "expected '}}', found end of file (line 3)"."""
    from liquid.exceptions import TemplateNotFoundError  # noqa: PLC0415

    where = error.context()
    if isinstance(error, TemplateNotFoundError):
        return f"a template cannot include another one: {error.message}"
    return f"{error.message}{f' (line {where[0]})' if where else ''}"


def _as_objects(value: Any) -> Any:
    if isinstance(value, Mapping):
        return JsonObject({str(name): _as_objects(each) for name, each in value.items()})
    if isinstance(value, list | tuple):
        return [_as_objects(each) for each in value]
    return value


@lru_cache(maxsize=_KEPT)
def _parsed(template: str) -> BoundTemplate:
    return _environment().from_string(template)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    import liquid  # noqa: PLC0415 (a page alone needs it)
    from liquid.builtin.output import Output, OutputNode  # noqa: PLC0415
    from liquid.filter import with_context  # noqa: PLC0415
    from liquid.stringify import to_liquid_string  # noqa: PLC0415

    class JsonOutputNode(OutputNode):
        def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
            value = self.expression.evaluate(context)
            return buffer.write(str(to_liquid_string(_text(value), autoescape=True)).replace("&#34;", "&quot;"))

    class JsonOutput(Output):
        node_class = JsonOutputNode

    class Workers(liquid.Environment):
        loop_iteration_limit = _TURNS
        output_stream_limit = _LETTERS

    @with_context
    def grant_read_access(value: object, *, context: RenderContext) -> str:
        return _granted(str(value), context.globals[_GRANT])  # type: ignore[arg-type]

    environment = Workers(autoescape=True)
    environment.add_tag(JsonOutput)
    environment.add_filter("to_json", lambda value: _json(None if liquid.is_undefined(value) else value))
    environment.add_filter("skip_autoescape", lambda value: liquid.Markup(_text(value)))
    environment.add_filter("grant_read_access", grant_read_access)
    return environment


def _granted(address: str, grant: Grant) -> str:
    if (found := object_of(address)) is not None:
        return grant(*found)
    if address.startswith("https://"):
        return address
    raise _as_liquid(
        TemplateProblem(INVALID_PARAMETERS, f'"grant_read_access" input is not a valid S3 URI: "{address}".')
    )


def _as_liquid(problem: TemplateProblem) -> Exception:
    """Liquid adds its place to errors of its own kind and lets them pass."""
    from liquid.exceptions import FilterError  # noqa: PLC0415

    error = FilterError(problem.message, token=None)
    error.__cause__ = problem
    return error


def _text(value: Any) -> Any:
    """What is written of a value; a string that is not to be escaped stays one."""
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any) -> str:
    # "</" would end the script that the JSON may stand in; "<\/" is the same to every parser of JSON.
    return json.dumps(value, ensure_ascii=False, default=str).replace("</", "<\\/")
