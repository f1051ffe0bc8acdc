"""Every tool by axe: names, roles, contrast. What is of the whole page (its main part, title, language) is around the frame."""

# ruff: noqa: E501 (templates, in lines as they are)
from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Task

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "assets/axe.min.js"
LABELS = "labels=\"['Cat', 'Dog']\""
CATEGORIES = "header='Which' categories=\"['Cat', 'Dog']\""
TEMPLATES = {
    **{
        tag: f"<crowd-form><crowd-{tag} name='a' src='/picture.png' header='Mark' {LABELS}><short-instructions>Do.</short-instructions></crowd-{tag}></crowd-form>"
        for tag in ("bounding-box", "polygon", "line", "keypoint", "semantic-segmentation", "instance-segmentation")
    },
    "image-classifier": f"<crowd-form><crowd-image-classifier name='a' src='/picture.png' {CATEGORIES}></crowd-image-classifier></crowd-form>",
    "classifier": f"<crowd-form><crowd-classifier name='a' {CATEGORIES}><classification-target>x</classification-target></crowd-classifier></crowd-form>",
    "entity-annotation": f"<crowd-entity-annotation name='a' header='Mark' text='Some words' {LABELS}></crowd-entity-annotation>",
    "fields": """<crowd-form><crowd-input name='a' label='A'></crowd-input><crowd-text-area name='b' label='B'></crowd-text-area>
      <crowd-checkbox name='c'>C</crowd-checkbox><crowd-slider name='d' label='D'></crowd-slider><crowd-alert type='warning'>W</crowd-alert>
      <crowd-radio-group><crowd-radio-button name='e' value='1'>E</crowd-radio-button></crowd-radio-group></crowd-form>""",
}


CASES = [
    (name, scheme)
    for name in TEMPLATES
    for scheme in ("light", "dark")
    if scheme == "dark" or "picture.png" not in TEMPLATES[name]
]


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_axe_finds_nothing(task: Task, name: str, scheme: str) -> None:
    task.page.emulate_media(color_scheme=scheme)
    task.open(TEMPLATES[name])
    if "src=" in TEMPLATES[name] and "labels" in TEMPLATES[name]:
        task.keys("a")
    task.frame.evaluate(AXE.read_text())
    found = task.frame.evaluate(
        """async () => (await axe.run(document, { rules: { "document-title": { enabled: false }, "html-has-lang": { enabled: false },
        "page-has-heading-one": { enabled: false }, region: { enabled: false },
        "landmark-one-main": { enabled: false } } })).violations
        .map((each) => [each.id, each.nodes.map((node) => node.html)])"""
    )
    assert found == []
