"""AWS's own sample templates (tests/templates, MIT-0), unchanged: each opens without an error and takes a sane answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Task

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[1] / "templates"
PICTURE = "s3://bucket/picture.png"
GIVEN: dict[str, Any] = {
    "taskObject": PICTURE,
    "source": "The quick brown fox jumps over the lazy dog.",
    "labels": ["Cat", "Dog"],
    "image": PICTURE,
    "response": "A <b>fox</b> jumps.",
    "responses": ["one", "two"],
    "original": {"language": "en", "text": "The fox"},
    "translation": {"language": "de", "text": "Der Fuchs"},
    "highlightParts": ["fox"],
    "prompt": "Describe it",
    "modelResponse": "A fox.",
    "Pairs": [{"row": 1, "patientname": "A", "totalchol": 180, "a1c": 5, "biometricdate": "2020-01-01"}],
}
BOX = {"height": 60, "label": "Cat", "left": 100, "top": 100, "width": 80}
SQUARE = [(100, 100), (160, 100), (160, 160)]


def test_every_sample_is_tried() -> None:
    assert {path.name for path in FOLDER.glob("*.html")} == {f"{name}.liquid.html" for name in ANSWERS} - {
        "key-phrase-extraction.liquid.html"
    } | {"key-phrase-extraction.html"}


def draw_box(task: Task) -> None:
    task.drag((100, 100), (180, 160))


def draw_corners(task: Task) -> None:
    for x, y in SQUARE:
        task.click(x, y)
    task.keys("Enter")


def add_label(task: Task) -> None:
    task.frame.locator("#customLabel").locator("input").fill("Cat")
    task.frame.get_by_role("button", name="Add", exact=True).click()


def named(task: Task) -> None:
    add_label(task)
    draw_box(task)


def painted(task: Task) -> None:
    task.drag((100, 100), (150, 100))


def painted_as_named(task: Task) -> None:
    add_label(task)
    painted(task)


def marked(task: Task) -> None:
    task.frame.locator(".text").focus()
    task.keys("ArrowRight", "1")


def first_category(task: Task) -> None:
    task.keys("1")


def texts(task: Task) -> None:
    for field in task.frame.locator("crowd-text-area textarea, crowd-input input, textarea, input[type=text]").all():
        if field.is_visible() and field.is_editable():
            field.fill("3")


def sliders(task: Task) -> None:
    for slider in task.frame.get_by_role("slider").all():
        slider.focus()
        task.keys("ArrowRight", "ArrowRight")
    texts(task)


def evaluated(task: Task) -> None:
    task.frame.locator("#accuracy").select_option("4")
    task.frame.locator("#clarity5").check()
    task.frame.locator("#grammar").check()


def ranked(task: Task) -> None:
    for select in task.frame.locator("select").all():
        place = int(select.get_attribute("data-place"))
        select.select_option(str(place + 1))


def asked(task: Task) -> None:
    task.frame.get_by_label("Question 1").fill("Which fox?")
    task.frame.get_by_label("Answer").fill("The brown one.")


def agreed(task: Task) -> None:
    task.frame.locator("#agreeline1").check()


def chosen(task: Task) -> None:
    for select in task.frame.locator("select").all():
        select.select_option(index=1)
    texts(task)


ANSWERS: dict[str, Any] = {
    "bounding-box": (draw_box, lambda a: a["annotatedResult"]["boundingBoxes"] == [BOX]),
    "bounding-box-custom-labels": (named, lambda a: a["myTexts"]["boundingBoxes"] == [BOX]),
    "polygon": (draw_corners, lambda a: len(a["annotatedResult"]["polygons"][0]["vertices"]) == 3),
    "polyline": (draw_corners, lambda a: len(a["crowdPolyline"]["polylines"][0]["vertices"]) == 3),
    "line": (lambda task: task.drag((10, 10), (90, 90)), lambda a: len(next(iter(a.values()))["lines"]) == 1),
    "keypoint": (
        lambda task: task.click(50, 50),
        lambda a: a["annotatedResult"]["keypoints"] == [{"label": "Cat", "x": 50, "y": 50}],
    ),
    "keypoint-additional-answer-validation": (
        lambda task: task.click(50, 50),
        lambda a: len(a["annotatedResult"]["keypoints"]) == 1,
    ),
    "semantic-segmentation": (painted, lambda a: "Cat" in a["crowd-semantic-segmentation"]["labelMappings"]),
    "instance-segmentation": (painted, lambda a: next(iter(a.values()))["instances"][0]["color"] == "#2ca02c"),
    "instance-segmentation-custom-values": (
        painted_as_named,
        lambda a: a["myTexts"]["instances"] == [{"color": "#2ca02c", "label": "Cat"}],
    ),
    "image-classification": (first_category, lambda a: "label" in next(iter(a.values()))),
    "image-classification-with-dropdown-select": (chosen, lambda a: all(a.values())),
    "dynamic-two-tier-image-classification": (first_category, lambda a: a["image_category"] == {"label": "Landscape"}),
    "image-contains": (first_category, lambda a: "label" in next(iter(a.values()))),
    "named-entity-recognition-with-additional-classification": (
        marked,
        lambda a: (
            a["crowd-entity-annotation"]["entities"] == [{"label": "person", "startOffset": 0, "endOffset": 6}]
            and a["tech"] == {"tech": False}
        ),
    ),
    "key-phrase-extraction": (marked, lambda a: len(a["key-phrases"]["entities"]) == 1),
    "text-classification-multiselect": (first_category, lambda a: len(next(iter(a.values()))["labels"]) == 1),
    "sentiment-analysis": (first_category, lambda a: "label" in next(iter(a.values()))),
    "translation-quality": (sliders, lambda a: a["meaning"] == 3 and a["fluency"] == 3),
    "formatted-text-evaluation": (
        evaluated,
        lambda a: a["clarity"]["5"] and a["issues"]["grammar"] and a["accuracy"] == "4",
    ),
    "audio-transcription": (texts, lambda a: "3" in a.values()),
    "custom-instructions-width": (first_category, lambda a: a["category"] == {"labels": ["Music"]}),
    "tabular-data": (agreed, lambda a: a["ratingline1"] == {"agree": True, "disagree": False}),
    "text-ranking": (ranked, lambda a: a["textRanking"]["rankings"][0] == {"dimension": "Clarity", "ranks": [1, 2]}),
    "question-and-answer-pair": (
        asked,
        lambda a: a["questionAndAnswers"]["questionsAndAnswers"][0]["question"] == "Which fox?",
    ),
    "multi-modal-content-evaluation": (sliders, lambda a: a["accuracy"] == 3),
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_sample(task: Task, name: str) -> None:
    path = next(FOLDER.glob(f"{name}.*html"))
    work, is_sane = ANSWERS[name]
    task.open(path.read_text(), GIVEN)
    work(task)
    answer = task.submit()
    assert is_sane(answer), answer
    assert task.messages("clary:error") == []
    assert task.console == []
