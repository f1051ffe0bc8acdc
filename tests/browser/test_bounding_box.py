"""crowd-bounding-box in a real browser: what a worker does by mouse and by keys, and what the answer then holds."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Task
from tests.browser.frames import Frames

pytestmark = pytest.mark.slow

TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boxes" src="{{ task.input.taskObject | grant_read_access }}"
 header="Draw a box around each cat" labels="%s" %s><short-instructions>All cats.</short-instructions>
 <full-instructions header="Of cats"><p>Every one.</p></full-instructions></crowd-bounding-box></crowd-form>"""
GIVEN = {"taskObject": "s3://bucket/picture.png"}
SIZE = {"height": 300, "width": 400}


def opened(task: Task, labels: str = "['Cat', 'Dog']", more: str = "") -> Task:
    return task.open(TEMPLATE % (labels, more), GIVEN)


def boxes(task: Task) -> list[dict[str, object]]:
    found: list[dict[str, object]] = task.frame.evaluate(
        "document.querySelector('crowd-bounding-box').value.boundingBoxes"
    )
    return found


def box(label: str, left: int, top: int, width: int, height: int) -> dict[str, object]:
    return {"height": height, "label": label, "left": left, "top": top, "width": width}


def test_a_box_by_mouse(task: Task) -> None:
    opened(task).drag((50, 60), (150, 160))
    assert task.submit() == {"boxes": {"boundingBoxes": [box("Cat", 50, 60, 100, 100)], "inputImageProperties": SIZE}}
    assert task.console == []


def test_a_box_by_keys(task: Task) -> None:
    opened(task)
    task.page.mouse.click(*task.point(5, 5))
    task.keys("2", "a")
    first = boxes(task)[0]
    assert first["label"] == "Dog"
    task.keys("ArrowLeft", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown")
    left, top, width, height = (first[name] for name in ("left", "top", "width", "height"))
    wanted = box("Dog", left - 2, top - 1, width + 1, height + 2)  # type: ignore[operator]
    assert task.submit()["boxes"]["boundingBoxes"] == [wanted]


def test_moved_resized_and_relabelled(task: Task) -> None:
    opened(task).drag((100, 100), (200, 200))
    task.drag((150, 150), (170, 140))  # in the chosen box: it moves
    assert boxes(task) == [box("Cat", 120, 90, 100, 100)]
    task.drag((220, 190), (260, 230))  # its lower right handle
    assert boxes(task) == [box("Cat", 120, 90, 140, 140)]
    task.drag((120, 160), (100, 160))  # its left handle
    assert boxes(task) == [box("Cat", 100, 90, 160, 140)]
    task.keys("2")
    assert boxes(task) == [box("Dog", 100, 90, 160, 140)]


def test_every_handle_moves_its_edges(task: Task) -> None:
    opened(task, more="initial-value=\"[{label: 'Cat', left: 100, top: 100, width: 100, height: 100}]\"")
    at = {"left": 100, "right": 200, "middle": 150}
    for across, down in [
        ("left", "left"),
        ("middle", "left"),
        ("right", "left"),
        ("right", "middle"),
        ("right", "right"),
        ("middle", "right"),
        ("left", "right"),
        ("left", "middle"),
    ]:
        task.click(150, 150)
        task.drag((at[across], at[down]), (at[across] + 10, at[down] + 20))
        left, right = 100 + 10 * (across == "left"), 200 + 10 * (across == "right")
        top, bottom = 100 + 20 * (down == "left"), 200 + 20 * (down == "right")
        assert boxes(task) == [box("Cat", left, top, right - left, bottom - top)]
        task.keys("Control+z", "Escape")


def test_undo_redo_delete_and_tab(task: Task) -> None:
    opened(task).drag((20, 20), (60, 60))
    task.keys("Escape")
    task.drag((100, 100), (160, 160))
    assert len(boxes(task)) == 2
    task.keys("Control+z")
    assert len(boxes(task)) == 1
    task.keys("Control+y")
    assert len(boxes(task)) == 2
    task.keys("Escape", "Tab", "Delete")
    assert boxes(task) == [box("Cat", 100, 100, 60, 60)]
    task.keys("Control+z")
    assert len(boxes(task)) == 2


def test_boxes_stay_inside_and_turn_over(task: Task) -> None:
    opened(task).drag((380, 280), (440, 302))
    task.drag((50, 50), (20, 10))
    assert boxes(task) == [box("Cat", 380, 280, 20, 20), box("Cat", 20, 10, 30, 40)]
    task.keys(*["ArrowUp"] * 15, *["ArrowLeft"] * 25)
    assert boxes(task)[1] == box("Cat", 0, 0, 30, 40)


def test_coordinates_are_the_files_however_it_is_shown(task: Task) -> None:
    opened(task)
    task.page.mouse.move(*task.point(100, 100))
    task.page.mouse.wheel(0, -600)
    task.drag((80, 90), (120, 125))
    task.keys("9")
    task.drag((180, 150), (230, 170))
    task.keys("0")
    assert boxes(task) == [box("Cat", 80, 90, 40, 35), box("Cat", 180, 150, 50, 20)]


def test_zoom_keeps_what_is_under_the_pointer(task: Task) -> None:
    opened(task)
    before = task.point(300, 200)
    task.page.mouse.move(*before)
    task.page.mouse.wheel(0, -500)
    after = task.point(300, 200)
    assert after == pytest.approx(before, abs=1)
    assert task.frame.evaluate("document.querySelector('crowd-bounding-box').view.scale") > 4


def test_pan_by_space_and_by_the_middle_button(task: Task) -> None:
    opened(task)
    x, y = task.point(200, 150)
    task.page.mouse.click(*task.point(5, 5))
    task.page.keyboard.down(" ")
    task.drag((200, 150), (240, 170))
    task.page.keyboard.up(" ")
    scale = task.frame.evaluate("document.querySelector('crowd-bounding-box').view.scale")
    assert task.point(200, 150) == pytest.approx((x + 40 * scale, y + 20 * scale), abs=2)
    task.drag((200, 150), (160, 130), button="middle")
    assert task.point(200, 150) == pytest.approx((x, y), abs=2)
    assert boxes(task) == []


SHOWN = """(x) => { const tool = document.querySelector('crowd-bounding-box'); const canvas = tool.levels.canvas;
 return canvas.hidden ? null : Array.from(canvas.getContext('2d').getImageData(x, 10, 1, 1).data) }"""


def test_invert_and_window_on_the_pixels(task: Task) -> None:
    """The picture is a ramp: the grey at column x is x·255/399."""
    opened(task)
    task.page.mouse.click(*task.point(5, 5))
    task.keys("i")
    task.frame.wait_for_function("!document.querySelector('crowd-bounding-box').levels.canvas.hidden")
    assert task.frame.evaluate(SHOWN, 0)[0] == 255
    assert task.frame.evaluate(SHOWN, 399)[0] == 0
    task.keys("i")
    task.frame.wait_for_function("document.querySelector('crowd-bounding-box').levels.canvas.hidden")
    x, y = task.point(200, 150)
    task.page.mouse.move(x, y)
    task.page.mouse.down(button="right")
    task.page.mouse.move(x - 128, y)  # 128 greys narrower: those below 64 are black, those above 192 white
    task.page.mouse.up(button="right")
    task.frame.wait_for_function("!document.querySelector('crowd-bounding-box').levels.canvas.hidden")
    assert [task.frame.evaluate(SHOWN, column)[0] for column in (80, 320)] == [0, 255]
    assert abs(task.frame.evaluate(SHOWN, 200)[0] - 128) < 3
    task.keys("r")
    task.frame.wait_for_function("document.querySelector('crowd-bounding-box').levels.canvas.hidden")


def test_a_picture_whose_bytes_may_not_be_read(task: Task) -> None:
    """It is shown and can be marked; the window is then a filter."""
    task.frames.unshared["/elsewhere.png"] = task.frames.files["/picture.png"]
    task.open(TEMPLATE % ("['Cat']", ""), {"taskObject": "s3://bucket/elsewhere.png"})
    task.drag((50, 60), (150, 160))
    assert task.submit()["boxes"] == {"boundingBoxes": [box("Cat", 50, 60, 100, 100)], "inputImageProperties": SIZE}
    task.keys("i")
    task.frame.wait_for_function(
        "document.querySelector('crowd-bounding-box').image.style.filter.includes('invert(1)')"
    )
    assert task.messages("clary:error") == []


def test_hidden_boxes_stay_in_the_answer(task: Task) -> None:
    opened(task).drag((20, 20), (60, 60))
    task.keys("h")
    expect(task.frame.locator("svg.marks")).to_be_hidden()
    assert len(task.submit()["boxes"]["boundingBoxes"]) == 1


def test_the_initial_value(task: Task) -> None:
    opened(task, more="initial-value=\"[{height: 401, label: 'Dog', left: 243, top: 117, width: 187},]\"")
    answer = task.submit()["boxes"]
    assert answer["boundingBoxes"] == [box("Dog", 243, 117, 157, 183)]  # brought inside the picture
    assert answer["initialValueModified"] is False
    task.click(300, 200)
    task.keys("Delete")
    task.tell("clary:nothing")
    assert task.submit()["boxes"]["initialValueModified"] is True


def test_nothing_must_be_said(task: Task) -> None:
    opened(task)
    assert "Draw a box first" in task.refusal()
    task.forget()
    task.tell("clary:nothing")
    assert task.wait("clary:answer")["answer"] == {"boxes": {"boundingBoxes": [], "inputImageProperties": SIZE}}


def test_a_draft_comes_back(task: Task) -> None:
    opened(task).drag((50, 60), (150, 160))
    draft = task.wait("clary:draft")["draft"]
    task.page.reload()
    task.wait("clary:ready")
    task.tell("clary:restore", draft=draft)
    task.frame.wait_for_function("document.querySelector('crowd-bounding-box').isLoaded")
    answer = task.submit()
    assert answer["boxes"]["boundingBoxes"] == [box("Cat", 50, 60, 100, 100)]
    opened(task).tell("clary:restore", draft=answer)  # an answer of before is a draft too
    assert task.submit() == answer


def test_the_page_asks_for_the_draft(task: Task) -> None:
    opened(task).drag((50, 60), (150, 160))
    task.tell("clary:keep")
    task.wait("clary:kept")
    kinds = [message["type"] for message in task.page.evaluate("window.messages")]
    assert kinds.index("clary:draft") < kinds.index("clary:kept")
    assert task.messages("clary:draft")[-1]["draft"]["fields"][0][1]["boundingBoxes"] == boxes(task)


def test_keys_work_from_the_start(task: Task) -> None:
    opened(task).keys("a", "Escape", "Tab", "Delete")
    assert boxes(task) == []


def test_keys_of_the_page(task: Task) -> None:
    opened(task)
    task.page.mouse.click(*task.point(5, 5))
    task.keys("p", "s", "n", "Enter", "x", "i")
    assert [each["key"] for each in task.messages("clary:key")] == ["p", "s", "n", "Enter"]


def test_keys_of_other_keyboards(task: Task) -> None:
    """A Russian one has ф where A is, a French one & where 1 is."""
    opened(task)
    script = "(key) => window.dispatchEvent(new KeyboardEvent('keydown', { ...key, bubbles: true, cancelable: true }))"
    task.frame.evaluate(script, {"key": "é", "code": "Digit2"})
    task.frame.evaluate(script, {"key": "ф", "code": "KeyA"})
    assert boxes(task)[0]["label"] == "Dog"


def test_instructions(task: Task) -> None:
    opened(task)
    expect(task.frame.get_by_text("All cats.")).to_be_visible()
    task.tell("clary:instructions")
    task.frame.get_by_text("Every one.").wait_for()
    task.keys("Escape")
    task.frame.get_by_text("Every one.").wait_for(state="hidden")


def test_what_is_spoken_and_shown_in_the_list(task: Task) -> None:
    opened(task).drag((50, 60), (150, 160))
    assert task.frame.locator("[data-live]").inner_text() == "Added: Cat, 50, 60 · 100 × 100. 1 in all"
    assert task.frame.locator(".marked").inner_text().split("\n") == ["Cat", "50, 60 · 100 × 100"]


def test_many_labels_can_be_found(task: Task) -> None:
    opened(task, labels=str([f"Finding {i}" for i in range(40)]))
    task.frame.get_by_placeholder("Find a label").fill("33")
    task.frame.get_by_role("button", name="Finding 33").click()
    task.drag((50, 60), (150, 160))
    assert boxes(task)[0]["label"] == "Finding 33"


def test_labels_set_by_a_script(task: Task) -> None:
    opened(task, labels="['placeholder']")
    task.frame.evaluate("document.querySelector('crowd-bounding-box').labels = []")
    task.drag((50, 60), (150, 160))
    assert boxes(task) == []
    task.frame.evaluate("document.querySelector('crowd-bounding-box').labels = ['Kidney']")
    task.drag((50, 60), (150, 160))
    assert boxes(task)[0]["label"] == "Kidney"


def test_a_picture_that_is_not_there(task: Task) -> None:
    task.open(TEMPLATE % ("['Cat']", ""), {"taskObject": "s3://bucket/gone.png"}, picture=False)
    assert "gone.png" in task.wait("clary:error")["message"]
    task.frame.get_by_text("The picture could not be loaded: it is not there").wait_for()
    assert "not there yet" in task.refusal()


def test_level_and_width_by_keys(task: Task) -> None:
    opened(task).keys("Alt+ArrowUp", "Alt+ArrowLeft", "Alt+ArrowLeft")
    level = "(() => { const levels = document.querySelector('crowd-bounding-box').levels; return [levels.level, levels.width] })()"
    assert task.frame.evaluate(level) == [124, 240]
    task.frame.get_by_text("124, 240").wait_for()
    task.keys("r")
    assert task.frame.evaluate(level) == [128, 256]


def touch(session: Any, kind: str, *points: tuple[float, float]) -> None:
    fingers = [{"x": x, "y": y, "id": place} for place, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


def test_on_a_narrow_screen_by_touch(chromium: Any, frames: Frames) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    task = Task(context.new_page(), frames)
    opened(task)
    assert task.frame.evaluate("document.documentElement.scrollWidth") == 390
    session = context.new_cdp_session(task.page)
    begin, end = task.point(50, 60), task.point(150, 160)
    touch(session, "touchStart", begin)
    touch(session, "touchMove", ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2))
    touch(session, "touchMove", end)
    touch(session, "touchEnd")
    assert len(boxes(task)) == 1
    scale = task.frame.evaluate("document.querySelector('crowd-bounding-box').view.scale")
    touch(session, "touchStart", (150, 200))
    touch(session, "touchStart", (150, 200), (250, 200))
    touch(session, "touchMove", (100, 200), (300, 200))  # two fingers apart: nothing is drawn
    touch(session, "touchEnd")
    assert task.frame.evaluate("document.querySelector('crowd-bounding-box').view.scale") == pytest.approx(
        2 * scale, rel=0.1
    )
    assert len(boxes(task)) == 1
    task.frame.get_by_role("button", name="Delete").click()
    assert boxes(task) == []
    task.frame.get_by_role("button", name="Undo").click()
    assert len(boxes(task)) == 1
    context.close()


EXIF = (  # of a JPEG: "turn me by 90 degrees" (orientation 6)
    b"\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
)


def test_a_camera_s_turn_is_ignored(task: Task) -> None:
    """The training job reads the stored pixels, which are not turned."""
    task.page.goto(f"{task.frames.url}/host")
    encoded = task.page.evaluate(
        """() => { const canvas = document.createElement('canvas'); canvas.width = 400; canvas.height = 200;
        const pen = canvas.getContext('2d'); pen.fillStyle = 'white'; pen.fillRect(0, 0, 100, 100);
        return canvas.toDataURL('image/jpeg') }"""
    )
    plain = base64.b64decode(encoded.partition(",")[2])
    task.frames.files["/turned.jpg"] = plain[:2] + EXIF + plain[2:]
    task.open(TEMPLATE % ("['Cat']", ""), {"taskObject": "s3://bucket/turned.jpg"})
    task.drag((50, 60), (150, 160))
    answer = task.submit()["boxes"]
    assert answer == {
        "boundingBoxes": [box("Cat", 50, 60, 100, 100)],
        "inputImageProperties": {"height": 200, "width": 400},
    }
    task.keys("i")
    task.frame.wait_for_function("!document.querySelector('crowd-bounding-box').levels.canvas.hidden")
    corners = task.frame.evaluate("[10, 390].map((x) => (%s)(x)[0])" % SHOWN)  # noqa: UP031 (braces)
    assert [value < 30 for value in corners] == [True, False]  # inverted: white is black, at the left as in the file
