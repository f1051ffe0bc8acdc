"""Markdown as HTML: the guides of projects, and notebooks' texts. Raw HTML in it is shown as text, never taken as HTML."""

from __future__ import annotations

import posixpath
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markupsafe import Markup


def html(text: str, pictures: str = "") -> Markup:
    """The text for a template. A link to another project's guide leads to its page; others within the repository are words.

    ``pictures`` is the address below which those lie that stand beside the text.
    """
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja, when a first page asks

    renderer = _renderer()
    tokens = renderer.parse(text)
    for token in tokens:
        if token.children:
            token.children = _relinked(token.children)
            for image in (child for child in token.children if child.type == "image" and pictures):
                if not set(":/") & set(source := str(image.attrs["src"])):
                    image.attrs["src"] = f"{pictures}/{source}"
    return Markup(renderer.renderer.render(tokens, renderer.options, {}))  # noqa: S704 - raw HTML is off


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 30 ms, for pages alone

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _relinked(children: list[Any]) -> list[Any]:
    """Without links that lead nowhere from here; a link opens and closes by tokens of their own."""
    kept, dropped = [], 0
    for token in children:
        if token.type == "link_open":
            page = _page(str(token.attrs.get("href", "")))
            if not page:
                dropped += 1
                continue
            token.attrs["href"] = page
        if token.type == "link_close" and dropped:
            dropped -= 1
            continue
        kept.append(token)
    return kept


def _page(target: str) -> str:
    if target.startswith(("http:", "https:", "#", "/_/")):
        return target
    folder, name = posixpath.split(target.partition("#")[0])
    return f"/_/projects/{posixpath.basename(folder)}" if name == "guide.md" and folder else ""
