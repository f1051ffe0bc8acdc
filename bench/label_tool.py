"""How smoothly the drawing tool works on a radiograph of 1,024 × 1,024: milliseconds between frames in a real Chromium.

Needs chromium and playwright (`make setup` brings it). Without a graphics processor Chromium draws on the processor, as here.
Usage: python bench/label_tool.py [--picture FILE] [--boxes N]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from playwright.sync_api import sync_playwright
from tests.browser.conftest import FLAGS, Task
from tests.browser.frames import png, serving

_TEMPLATE = """<crowd-form><crowd-bounding-box name="boxes" src="/radiograph.png" labels="['Trachea']"
 initial-value="{{ task.input.boxes | to_json }}"></crowd-bounding-box></crowd-form>"""
_BEGIN = """() => { const mine = (window.turn = (window.turn ?? 0) + 1); window.stamps = [];
  const next = (at) => { if (window.turn !== mine) return; stamps.push(at); requestAnimationFrame(next) };
  requestAnimationFrame(next) }"""
_END = """() => { window.turn += 1; return stamps.slice(1).map((at, place) => at - stamps[place]).sort((a, b) => a - b) }"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, help="a PNG; by default noise")
    parser.add_argument("--boxes", type=int, default=20, help="boxes that are there already")
    given = parser.parse_args()
    dice = random.Random(0)
    noise = [[dice.randrange(256) for _ in range(1024)] for _ in range(64)]
    with serving() as frames, sync_playwright() as playwright:
        picture = given.picture.read_bytes() if given.picture else png(1024, 1024, lambda x, y: (noise[y % 64][x],) * 3)
        frames.files["/radiograph.png"] = picture
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        task = Task(browser.new_page(viewport={"width": 1360, "height": 807}), frames)
        boxes = [
            {"label": "Trachea", "left": 20 * (i % 45), "top": 150 + 20 * (i // 45), "width": 60, "height": 40}
            for i in range(given.boxes)
        ]
        task.open(_TEMPLATE, {"boxes": boxes})
        print(f"Milliseconds between frames, {len(boxes)} boxes there: median, 95 %, longest")
        for name, do in (("draw", _draw), ("window and level", _level), ("zoom", _zoom), ("pan", _pan)):
            task.frame.evaluate(_BEGIN)
            do(task)
            times = task.frame.evaluate(_END)
            print(f"{name:18} {times[len(times) // 2]:6.1f} {times[int(len(times) * 0.95)]:6.1f} {times[-1]:6.1f}")
        browser.close()


def _drag(task: Any, button: str) -> None:
    x, y = task.point(300, 400)
    task.page.mouse.move(x, y)
    task.page.mouse.down(button=button)
    for step in range(120):
        task.page.mouse.move(x + 2 * step, y + 2 * step)
    task.page.mouse.up(button=button)


def _draw(task: Any) -> None:
    _drag(task, "left")


def _level(task: Any) -> None:
    _drag(task, "right")


def _pan(task: Any) -> None:
    _drag(task, "middle")


def _zoom(task: Any) -> None:
    task.page.mouse.move(*task.point(500, 500))
    for step in range(120):
        task.page.mouse.wheel(0, -12 if step < 60 else 12)


if __name__ == "__main__":
    main()
