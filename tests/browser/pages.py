"""What tests of pages share. Their pictures go to tests/browser/pictures/, for somebody to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.conftest import Studio
from tests.waiting import until

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
WIDE, NARROW = {"width": 1360, "height": 860}, {"width": 390, "height": 844}

Opened = Callable[..., Page]
"""The fixture ``opened``."""


def link(studio: Studio, *arguments: str) -> str:
    """An address that signs in: what a command prints last."""
    found = studio.clary(*(arguments or ("console",)), "--data", str(studio.data))
    assert found.returncode == 0, found.stderr
    return found.stdout.split()[-1]


def shot(page: Page, name: str) -> None:
    """A picture of the page as it is."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def shots(page: Page, name: str) -> None:
    """Four pictures: light and dark, wide and narrow; nothing may stick out of the narrow one."""
    for size, view in (("wide", WIDE), ("narrow", NARROW)):
        page.set_viewport_size(view)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shot(page, f"{name}-{size}-{scheme}")
        beyond = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{name} is {beyond} px too wide for {view['width']} px"
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def loaded(pictures: Locator) -> None:
    """Wait until each of these pictures is there.

    Playwright's own ``wait_for_function`` looks from within the page, whose policy refuses that from the second look on.
    """
    until(
        lambda: pictures.evaluate_all("(all) => all.length && all.every((each) => each.complete && each.naturalWidth)")
    )


def accessible(page: Page) -> None:
    """axe finds nothing serious."""
    found = _axe(page)
    serious = [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
        if v["impact"] in {"serious", "critical"}
    ]
    assert not serious, serious


def _axe(page: Page) -> dict[str, Any]:
    session = page.context.new_cdp_session(page)  # the page's policy refuses scripts that are not the server's
    source = (HERE / "assets/axe.min.js").read_text()
    session.send("Runtime.evaluate", {"expression": source})
    asked = {"expression": "axe.run(document)", "awaitPromise": True, "returnByValue": True}
    result: dict[str, Any] = session.send("Runtime.evaluate", asked)["result"]["value"]
    session.detach()
    return result
