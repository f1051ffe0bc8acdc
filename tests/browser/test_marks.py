"""The other tools that work on a picture, by mouse and by keys: what their answers hold."""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Task
from tests.browser.frames import png

pytestmark = pytest.mark.slow

SIZE = {"height": 300, "width": 400}


def opened(task: Task, tag: str, more: str = "", labels: str = "['Cat', 'Dog']") -> Task:
    return task.open(
        f"<crowd-form><crowd-{tag} name='a' src='/picture.png' header='Mark' labels=\"{labels}\" {more}></crowd-{tag}></crowd-form>"
    )


def corner(x: int, y: int) -> dict[str, int]:
    return {"x": x, "y": y}


# Points.


def test_points_by_mouse_and_by_keys(task: Task) -> None:
    opened(task, "keypoint").click(50, 60)
    task.keys("2")  # the chosen one gets it
    task.keys("1")
    task.click(200, 100)
    task.keys("Escape", "2", "a", "ArrowRight", "ArrowUp", "ArrowUp")
    points = task.submit()["a"]
    assert points["inputImageProperties"] == SIZE
    assert points["keypoints"] == [
        {"label": "Cat", "x": 50, "y": 60},
        {"label": "Cat", "x": 200, "y": 100},
        {"label": "Dog", "x": 201, "y": 148},
    ]
    task.drag((50.5, 60.5), (70.5, 80.5))
    assert task.submit()["a"]["keypoints"][0] == {"label": "Cat", "x": 70, "y": 80}
    task.keys("Delete")
    assert len(task.submit()["a"]["keypoints"]) == 2


def test_points_that_were_there_before(task: Task) -> None:
    opened(task, "keypoint", "initial-value=\"[{label: 'Dog', x: 10, y: 20}, {label: 'Cat', x: 900, y: 20}]\"")
    answer = task.submit()["a"]
    assert answer["keypoints"] == [{"label": "Dog", "x": 10, "y": 20}, {"label": "Cat", "x": 399, "y": 20}]
    assert answer["initialValueModified"] is False


# Polygons and lines.


def test_a_polygon_by_mouse(task: Task) -> None:
    opened(task, "polygon")
    for x, y in [(50, 50), (150, 50), (150, 150), (50, 150), (50, 50)]:  # the first corner again closes it
        task.click(x, y)
    square = [corner(50, 50), corner(150, 50), corner(150, 150), corner(50, 150)]
    assert task.submit() == {"a": {"polygons": [{"label": "Cat", "vertices": square}], "inputImageProperties": SIZE}}
    task.drag((150, 150), (170, 160))
    task.drag((100, 50), (100, 20))  # the middle of an edge: a new corner
    assert task.submit()["a"]["polygons"][0]["vertices"] == [
        corner(50, 50),
        corner(100, 20),
        corner(150, 50),
        corner(170, 160),
        corner(50, 150),
    ]
    task.drag((100, 100), (110, 105))
    assert task.submit()["a"]["polygons"][0]["vertices"][0] == corner(60, 55)


def test_a_polygon_by_keys(task: Task) -> None:
    opened(task, "polygon")
    task.page.mouse.click(*task.point(5, 295))
    task.keys("Escape", "2", "a")
    before = task.submit()["a"]["polygons"][0]
    assert (before["label"], len(before["vertices"])) == ("Dog", 4)
    task.keys("v", "ArrowUp", "ArrowUp", "e", "Escape", "ArrowLeft")
    after = task.submit()["a"]["polygons"][0]["vertices"]
    assert len(after) == 5
    assert after[0] == corner(before["vertices"][0]["x"] - 1, before["vertices"][0]["y"] - 2)
    task.keys("v", "Delete")
    assert len(task.submit()["a"]["polygons"][0]["vertices"]) == 4


def test_a_polygon_does_not_cross_itself(task: Task) -> None:
    opened(task, "polygon")
    for x, y in [(50, 50), (150, 150), (150, 50), (50, 150)]:
        task.click(x, y)
    expect(task.frame.get_by_text("may not cross itself")).to_be_visible()
    assert "Finish the polygon" in task.refusal()
    task.keys("Backspace", "Enter")  # two corners are none
    expect(task.frame.get_by_text("at least 3 corners")).to_be_visible()
    task.keys("Escape")
    assert "Draw a polygon first" in task.refusal()


def test_a_polyline_ends_with_enter_or_a_double_click(task: Task) -> None:
    opened(task, "polyline", "label-colors=\"['#ff0000', 'blue']\"")
    for x, y in [(20, 20), (100, 40), (200, 20)]:
        task.click(x, y)
    task.keys("Enter", "Escape")
    task.click(20, 200)
    task.page.mouse.dblclick(*task.point(120, 220))
    assert task.submit()["a"]["polylines"] == [
        {"label": "Cat", "vertices": [corner(20, 20), corner(100, 40), corner(200, 20)]},
        {"label": "Cat", "vertices": [corner(20, 200), corner(120, 220)]},
    ]
    assert task.frame.locator("svg.marks g").first.get_attribute("stroke") == "#ff0000"


def test_a_line_by_drag_by_clicks_and_by_keys(task: Task) -> None:
    opened(task, "line").drag((20, 20), (120, 60))
    task.keys("Escape")
    task.click(30, 200)
    task.click(130, 220)
    task.keys("Escape", "a", "Delete", "a")
    lines = task.submit()["a"]["lines"]
    assert lines[:2] == [
        {"label": "Cat", "vertices": [corner(20, 20), corner(120, 60)]},
        {"label": "Cat", "vertices": [corner(30, 200), corner(130, 220)]},
    ]
    assert [len(line["vertices"]) for line in lines] == [2, 2, 2]


def test_lines_that_were_there_before(task: Task) -> None:
    value = "{lines: [{label: 'Dog', vertices: [{x: 1, y: 2}, {x: 3, y: 4}]}]}"
    opened(task, "line", f'initial-value="{value}"')
    assert task.submit()["a"]["lines"] == [{"label": "Dog", "vertices": [corner(1, 2), corner(3, 4)]}]


# Masks.


def pixels(mask: dict[str, Any]) -> tuple[int, int, int, list[bytes]]:
    """Width, height, PNG's colour type and the pixels of a mask, which must be RGB of 8 bits."""
    data = base64.b64decode(mask["pngImageData"])
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) == (8, 2), "a mask is RGB of 8 bits, without transparency"
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        packed += data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    rows, before, found = zlib.decompress(packed), bytearray(width * 3), []
    for y in range(height):
        line = bytearray(rows[y * (width * 3 + 1) + 1 : (y + 1) * (width * 3 + 1)])
        unfilter(rows[y * (width * 3 + 1)], line, before)
        found += [bytes(line[x * 3 : x * 3 + 3]) for x in range(width)]
        before = line
    return width, height, kind, found


def unfilter(kind: int, line: bytearray, before: bytearray) -> None:
    for i in range(len(line)):
        a, b, c = (line[i - 3] if i >= 3 else 0), before[i], (before[i - 3] if i >= 3 else 0)
        p = a + b - c
        nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = (line[i] + [0, a, b, (a + b) // 2, nearest][kind]) & 255


WHITE, GREEN, BLUE = b"\xff\xff\xff", bytes.fromhex("2ca02c"), bytes.fromhex("1f77b4")


def test_a_mask_by_brush_outline_and_eraser(task: Task) -> None:
    opened(task, "semantic-segmentation").drag((50, 50), (100, 50))
    task.keys("2", "l")
    begin = task.point(200, 100)
    task.page.mouse.move(*begin)
    task.page.mouse.down()
    for x, y in [(300, 100), (300, 200), (200, 200)]:
        task.page.mouse.move(*task.point(x, y))
    task.page.mouse.up()
    task.keys("e")
    task.drag((250, 100), (250, 200))
    answer = task.submit()["a"]
    assert answer["inputImageProperties"] == SIZE
    assert answer["labelMappings"] == {"Cat": {"color": "#2ca02c"}, "Dog": {"color": "#1f77b4"}}
    width, height, _, found = pixels(answer["labeledImage"])
    assert (width, height) == (400, 300)
    assert set(found) == {WHITE, GREEN, BLUE}  # exactly these: no antialiasing
    assert found[50 * 400 + 75] == GREEN
    assert found[150 * 400 + 210] == BLUE
    assert found[150 * 400 + 250] == WHITE
    assert Counter(found)[BLUE] == pytest.approx(100 * 100 - 16 * 100, rel=0.03)
    task.keys("Control+z")
    assert Counter(pixels(task.submit()["a"]["labeledImage"])[3])[BLUE] == pytest.approx(100 * 100, rel=0.02)


def test_a_mask_by_keys(task: Task) -> None:
    opened(task, "semantic-segmentation")
    task.page.mouse.move(*task.point(5, 5))
    task.frame.evaluate("document.querySelector('.clary-picture').focus()")
    task.keys("[", "[", "[", "a", "Shift+ArrowRight", "Shift+ArrowRight")
    found = Counter(pixels(task.submit()["a"]["labeledImage"])[3])
    assert 60 < found[GREEN] < 400
    task.keys("e", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft")
    assert "Paint something first" in task.refusal()


def test_a_mask_that_was_there_before_and_a_draft(task: Task) -> None:
    task.frames.files["/mask.png"] = png(400, 300, lambda x, y: (0x1F, 0x77, 0xB4) if x < 100 else (255, 255, 255))
    value = "{labelMappings: {Dog: {color: '#1f77b4'}}, src: '/mask.png'}"
    opened(task, "semantic-segmentation", f'initial-value="{value}"')
    task.frame.wait_for_function("document.querySelector('.clary-picture').mask.used().size > 0")
    answer = task.submit()["a"]
    assert Counter(pixels(answer["labeledImage"])[3]) == {BLUE: 100 * 300, WHITE: 300 * 300}
    assert answer["initialValueModified"] is False
    task.drag((200, 150), (250, 150))
    changed = task.submit()["a"]
    assert changed["initialValueModified"] is True
    opened(task, "semantic-segmentation").tell("clary:restore", draft={"a": changed})
    task.frame.wait_for_function("document.querySelector('.clary-picture').mask.used().size > 1")
    assert pixels(task.submit()["a"]["labeledImage"]) == pixels(changed["labeledImage"])


def test_instances_have_colours_of_their_own(task: Task) -> None:
    opened(task, "instance-segmentation").drag((50, 50), (100, 50))
    task.keys("Escape")
    task.drag((50, 150), (100, 150))
    task.keys("2")  # the chosen one is a dog
    task.keys("Escape")
    task.drag((50, 250), (100, 250))
    task.keys("Delete")
    answer = task.submit()["a"]
    assert answer["instances"] == [{"color": "#2ca02c", "label": "Cat"}, {"color": "#1f77b4", "label": "Dog"}]
    assert set(pixels(answer["labeledImage"])[3]) == {WHITE, GREEN, BLUE}
    opened(task, "instance-segmentation").tell("clary:restore", draft={"a": answer})
    task.frame.wait_for_function("document.querySelector('.clary-picture').mask.used().size > 1")
    assert task.submit()["a"] == answer
    task.forget()
    task.tell("clary:nothing")
    assert task.wait("clary:answer")["answer"]["a"]["instances"] == []


# Pictures in classes.


def test_a_picture_s_class(task: Task) -> None:
    template = """<crowd-form><crowd-image-classifier name="c" src="/picture.png" categories="['Cat', 'Dog']" header="Which">
    <worker-comment header="Why" link-text="Say more" placeholder="text"></worker-comment></crowd-image-classifier></crowd-form>"""
    task.open(template)
    assert "Choose a category" in task.refusal()
    task.keys("2")
    assert task.submit() == {"c": {"label": "Dog"}}
    task.frame.get_by_role("button", name="Cat").click()
    task.frame.get_by_text("Say more").click()
    task.frame.get_by_label("Why").fill("whiskers")
    assert task.submit() == {"c": {"label": "Cat", "workerComment": "whiskers"}}


def test_a_picture_s_classes_and_none_of_them(task: Task) -> None:
    template = """<crowd-form><crowd-image-classifier-multi-select name="c" src="/picture.png" categories='["Cat", "Dog", "Cow"]'
    exclusion-category="{ text: 'None of these' }" header="Which"></crowd-image-classifier-multi-select></crowd-form>"""
    task.open(template)
    assert "Choose at least one" in task.refusal()
    task.keys("3", "1")
    assert task.submit() == {"c": {"labels": ["Cat", "Cow"]}}
    task.frame.get_by_role("button", name="None of these").click()
    assert task.submit() == {"c": {"labels": []}}
    task.keys("2", "x")
    assert task.submit() == {"c": {"labels": []}}


def test_boxes_of_before_lie_on_the_picture(task: Task) -> None:
    overlay = '{"boundingBox": {"labels": ["Cat"], "value": [{"label": "Cat", "left": 10, "top": 20, "width": 100, "height": 50}]}}'
    task.open(
        f"<crowd-form><crowd-image-classifier name='c' src='/picture.png' categories='[\"good\", \"bad\"]' overlay='{overlay}'>"
        "</crowd-image-classifier></crowd-form>"
    )
    box = task.frame.locator("svg.marks rect")
    expect(box).to_have_count(1)
    task.keys("h")
    expect(box).to_be_hidden()
