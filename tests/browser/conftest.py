"""A real Chromium, and a task in it as a worker has it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.frames import Frames, serving
from tests.browser.pages import WIDE

# What a page waits for comes late on a busy machine, and is waited for no longer than it takes on another.
PATIENCE_MS = 60_000

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Of these tests alone: Playwright's event loop would be in the way of others that run one."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine: install it to run the tests of pages")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def frames() -> Iterator[Frames]:
    with serving() as server:
        yield server


class Task:
    """A template that a worker has open: the page around it, its frame, and what they told each other."""

    def __init__(self, page: Any, frames: Frames) -> None:
        self.page, self.frames = page, frames
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)

    def open(self, template: str, given: dict[str, Any] | None = None, *, picture: bool = True) -> Task:
        self.frames.show(template, given)
        self.page.goto(f"{self.frames.url}/host")
        self.wait("clary:ready")
        if picture and "clary-picture" in self.frame.evaluate(
            "document.querySelector('.clary-picture')?.className ?? ''"
        ):
            self.frame.wait_for_function(
                "Array.from(document.querySelectorAll('.clary-picture')).every((each) => each.isLoaded)"
            )
        return self

    @property
    def frame(self) -> Any:
        return next(frame for frame in self.page.frames if frame.url.endswith("/frame"))

    def messages(self, kind: str) -> list[dict[str, Any]]:
        found = self.page.evaluate("window.messages")
        return [message for message in found if message["type"] == kind]

    def wait(self, kind: str) -> dict[str, Any]:
        """The last message of this kind, once there is one."""
        self.page.wait_for_function("(kind) => window.messages.some((each) => each.type === kind)", arg=kind)
        return self.messages(kind)[-1]

    def forget(self) -> None:
        self.page.evaluate("window.messages.length = 0")

    def tell(self, kind: str, **members: Any) -> None:
        self.page.evaluate("(message) => window.tell(message)", {"type": kind, **members})

    def submit(self) -> dict[str, Any]:
        """The answer to the portal's Submit."""
        self.forget()
        self.tell("clary:submit")
        self.page.wait_for_function(
            "window.messages.some((each) => ['clary:answer', 'clary:refused'].includes(each.type))"
        )
        refused = self.messages("clary:refused")
        assert not refused, refused
        return self.messages("clary:answer")[-1]["answer"]

    def refusal(self) -> str:
        """What is said instead of taking the answer."""
        self.forget()
        self.tell("clary:submit")
        words = self.wait("clary:refused")["message"]
        assert not self.messages("clary:answer")
        return words

    def point(self, x: float, y: float, tag: str = ".clary-picture") -> tuple[float, float]:
        """Where a natural pixel of the tool's picture is on the page."""
        found = self.frame.evaluate(
            """([tag, x, y]) => { const tool = document.querySelector(tag); const at = tool.view.toStage(x, y);
            const box = tool.stage.getBoundingClientRect(); return [box.left + at.x, box.top + at.y] }""",
            [tag, x, y],
        )
        return found[0], found[1]

    def drag(self, start: tuple[float, float], end: tuple[float, float], button: str = "left") -> None:
        """From one natural pixel to another."""
        mouse = self.page.mouse
        begin, finish = self.point(*start), self.point(*end)  # before the drag, which may move the picture
        mouse.move(*begin)
        mouse.down(button=button)
        mouse.move((begin[0] + finish[0]) / 2, (begin[1] + finish[1]) / 2)
        mouse.move(*finish)
        mouse.up(button=button)

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.point(x, y))

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


@pytest.fixture
def task(chromium: Any, frames: Frames) -> Iterator[Task]:
    context = chromium.new_context(viewport={"width": 1360, "height": 860}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield Task(page, frames)
    context.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Callable[..., Any]]:
    """``opened(address, dark=True)``: a page of a browser of its own, that must report no error at the end."""
    contexts: list[Any] = []
    problems: list[str] = []

    def open_(address: str, *, dark: bool = False, errors: bool = False, **given: Any) -> Any:
        context = chromium.new_context(
            viewport=given.pop("viewport", WIDE), color_scheme="dark" if dark else "light", **given
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        if not errors:
            page.on(
                "console",
                lambda m: problems.append(f"{m.text} {m.location}") if m.type in {"error", "warning"} else None,
            )
            page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not problems, problems
