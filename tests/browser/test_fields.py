"""Everything that is no picture: fields, choices, texts to mark, and what holds them together."""

# ruff: noqa: E501 (templates, in lines as they are)
from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Task

pytestmark = pytest.mark.slow


def form(inside: str) -> str:
    return f"<crowd-form>{inside}</crowd-form>"


def test_texts(task: Task) -> None:
    task.open(
        form("""<crowd-input name="one" label="One" required></crowd-input><crowd-input name="empty" label="Two"></crowd-input>
      <crowd-text-area name="long" label="Long" rows="4" max-length="20" char-counter></crowd-text-area>
      <crowd-input name="number" label="Number" type="number"></crowd-input>
      <crowd-input name="code" label="Code" allowed-pattern="[A-Z]{2}" error-message="Two letters."></crowd-input>""")
    )
    assert task.refusal() == "One is needed."
    expect(task.frame.get_by_text("One is needed.")).to_be_visible()
    task.frame.get_by_label("One").fill("first")
    task.frame.get_by_label("Long").press_sequentially("a")
    task.frame.get_by_label("Long").press("Enter")
    task.frame.get_by_label("Long").press_sequentially("b")
    task.frame.get_by_label("Number").fill("3.5")
    task.frame.get_by_label("Code").fill("a1")
    assert task.refusal() == "Two letters."
    task.frame.get_by_label("Code").fill("AB")
    assert task.submit() == {"one": "first", "long": "a\nb", "number": "3.5", "code": "AB"}


def test_ordinary_fields(task: Task) -> None:
    task.open(
        form("""<label>Text <input name="text"></label><label>Day <input name="day" type="date"></label>
      <label>Which <select name="which"><option value="">-</option><option>a</option><option>b</option></select></label>
      <label><input type="radio" name="r" value="1"> One</label><label><input type="radio" name="r" value="2"> Two</label>
      <label><input type="checkbox" name="c" value="x"> X</label><label><input type="checkbox" name="c" value="y"> Y</label>
      <label><input type="checkbox" name="plain"> Plain</label><textarea name="area" aria-label="Area"></textarea>
      <input type="hidden" name="hidden" value="h"><input name="off" value="o" disabled><input value="nameless"><input type="submit">""")
    )
    frame = task.frame
    frame.get_by_label("Text").fill("t")
    frame.get_by_label("Day").fill("2026-02-03")
    frame.get_by_label("Which").select_option("b")
    frame.get_by_label("Two").check()
    frame.get_by_label("Y", exact=True).check()
    frame.get_by_label("Plain").check()
    frame.get_by_label("Area").fill("some\nlines")
    wanted = {
        "text": "t",
        "day": "2026-02-03",
        "which": "b",
        "r": {"1": False, "2": True},
        "c": {"x": False, "y": True},
        "plain": {"on": True},
        "area": "some\nlines",
        "hidden": "h",
    }
    assert task.submit() == wanted
    task.forget()
    frame.locator("input[type=submit]").click()
    assert task.wait("clary:answer")["answer"] == wanted
    draft = task.wait("clary:draft")["draft"]
    task.page.reload()
    task.wait("clary:ready")
    task.tell("clary:restore", draft=draft)
    assert task.submit() == wanted


def test_a_required_field_of_the_browser_s_own(task: Task) -> None:
    task.open(
        form(
            '<label>Level <select name="level" required><option value="" selected>-</option><option>1</option></select></label>'
        )
    )
    assert task.refusal()
    task.frame.get_by_label("Level").select_option("1")
    assert task.submit() == {"level": "1"}


def test_checkboxes_toggles_and_radio_buttons(task: Task) -> None:
    task.open(
        form("""<crowd-checkbox name="c" value="a">A</crowd-checkbox><crowd-checkbox name="c" value="b" checked>B</crowd-checkbox>
      <crowd-checkbox name="sure" required>Sure</crowd-checkbox><crowd-toggle-button name="t">T</crowd-toggle-button>
      <crowd-radio-group><crowd-radio-button name="tech" value="tech">Tech</crowd-radio-button>
      <crowd-radio-button name="art" value="art">Art</crowd-radio-button></crowd-radio-group>""")
    )
    assert "check this" in task.refusal()
    frame = task.frame
    frame.get_by_role("checkbox", name="A").check()
    frame.get_by_role("checkbox", name="Sure").check()
    frame.get_by_role("switch").check()
    frame.get_by_role("radio", name="Tech").check()
    task.keys("ArrowDown")
    assert task.submit() == {
        "c": {"a": True, "b": True},
        "sure": {"on": True},
        "t": {"on": True},
        "tech": {"tech": False},
        "art": {"art": True},
    }


def test_a_slider(task: Task) -> None:
    task.open(
        form("""<crowd-slider name="s" min="1" max="5" required pin><crowd-slider-label position="1">low</crowd-slider-label>
      </crowd-slider><script>document.querySelector("crowd-slider").onchange = (e) => { window.seen = e.target.value }</script>""")
    )
    assert "choose a value" in task.refusal()
    task.frame.get_by_role("slider").focus()
    task.keys("ArrowRight", "ArrowRight")
    assert task.submit() == {"s": 3}
    assert task.frame.evaluate("window.seen") == 3


def test_a_text_s_class(task: Task) -> None:
    task.open(
        form("""<crowd-classifier name="c" categories="['a', 'b']" header="Which"><classification-target><p>The text</p>
      </classification-target><short-instructions>Choose.</short-instructions></crowd-classifier>
      <script>document.querySelector("crowd-classifier").addEventListener("change", (e) => { window.seen = e.target.value })</script>""")
    )
    expect(task.frame.get_by_text("The text")).to_be_visible()
    assert "Choose a category" in task.refusal()
    task.frame.get_by_label("a").check()
    assert task.submit() == {"c": {"label": "a"}}
    task.keys("2")
    assert task.submit() == {"c": {"label": "b"}}
    assert task.frame.evaluate("window.seen") == "b"
    task.frame.evaluate("document.querySelector('crowd-classifier').categories = ['x', 'b']")
    expect(task.frame.get_by_label("x")).to_be_visible()


def test_a_text_s_classes(task: Task) -> None:
    task.open(
        form("""<crowd-classifier-multi-select name="c" categories='["a", "b", "c"]' exclusion-category="{text: 'None'}">
      <classification-target>text</classification-target></crowd-classifier-multi-select>""")
    )
    assert "at least one" in task.refusal()
    task.keys("3", "1")
    assert task.submit() == {"c": {"labels": ["a", "c"]}}
    task.frame.get_by_label("None").check()
    assert task.submit() == {"c": {"labels": []}}


ENTITIES = """<crowd-entity-annotation name="e" header="Mark" text="{{ task.input.text }}" %s
 labels="[{'label': 'person', 'shortDisplayName': 'per', 'fullDisplayName': 'Person'}, {'label': 'date'}]">
 <short-instructions>Mark.</short-instructions><div id="more"><crowd-input name="note" label="Note"></crowd-input></div>
 </crowd-entity-annotation><script>document.addEventListener("all-crowd-elements-ready", () => {
 document.querySelector("crowd-entity-annotation").shadowRoot.querySelector("crowd-form").form.appendChild(more) })</script>"""
TEXT = "😀 Ada Lovelace wrote it in 1843."


def select(task: Task, start: str, end: str) -> None:
    """By the mouse, from the beginning of one word to the end of another."""
    spot = """([word, atEnd]) => { const box = document.querySelector("crowd-entity-annotation").box;
      for (const piece of box.querySelectorAll("[data-from]")) { const at = piece.textContent.indexOf(word); if (at < 0) continue;
        const range = document.createRange(); const place = at + (atEnd ? word.length : 0);
        range.setStart(piece.firstChild, Math.max(place - (atEnd ? 1 : 0), 0)); range.setEnd(piece.firstChild, place + (atEnd ? 0 : 1));
        const rect = range.getBoundingClientRect(); return [atEnd ? rect.right - 1 : rect.left + 1, rect.top + rect.height / 2] } }"""
    task.page.mouse.move(*task.frame.evaluate(spot, [start, False]))
    task.page.mouse.down()
    task.page.mouse.move(*task.frame.evaluate(spot, [end, True]), steps=4)
    task.page.mouse.up()
    task.frame.wait_for_function("document.querySelector('crowd-entity-annotation').span !== null")


def entity(label: str, start: int, end: int) -> dict[str, object]:
    return {"label": label, "startOffset": start, "endOffset": end}


def test_entities_by_mouse(task: Task) -> None:
    task.open(ENTITIES % "", {"text": TEXT})
    assert "Mark something first" in task.refusal()
    select(task, "Ada", "Lovelace")
    task.frame.get_by_role("button", name="Person").click()
    select(task, "1843", "1843")
    task.keys("2")
    task.frame.get_by_label("Note").fill("n")
    assert task.submit() == {"e": {"entities": [entity("person", 2, 14), entity("date", 27, 31)]}, "note": "n"}
    task.frame.get_by_role("button", name="Remove person").click()
    assert task.submit()["e"] == {"entities": [entity("date", 27, 31)]}
    task.frame.locator(".text").focus()
    task.keys("Control+z")
    assert len(task.submit()["e"]["entities"]) == 2


def test_entities_by_keys(task: Task) -> None:
    task.open(ENTITIES % "", {"text": TEXT})
    task.frame.locator(".text").focus()
    task.keys("ArrowRight", "Shift+ArrowRight", "1", "Escape")
    assert task.submit()["e"] == {"entities": [entity("person", 2, 14)]}
    task.keys("Tab", "2")
    assert task.submit()["e"] == {"entities": [entity("date", 2, 14)]}
    task.keys("Escape", "ArrowRight", "1")  # the next word
    assert task.submit()["e"] == {"entities": [entity("date", 2, 14), entity("person", 15, 20)]}
    task.keys("Delete", "Tab", "Delete")
    assert "Mark something first" in task.refusal()
    task.forget()
    task.tell("clary:nothing")
    assert task.wait("clary:answer")["answer"]["e"] == {"entities": []}


@pytest.mark.parametrize(("text", "span"), [("東京に行く", (0, 2)), ("— Zoë’s cat", (2, 7))])
def test_words_are_those_of_the_language(task: Task, text: str, span: tuple[int, int]) -> None:
    task.open(ENTITIES % "", {"text": text})
    task.frame.locator(".text").focus()
    task.keys("ArrowRight", "1")
    assert task.submit()["e"] == {"entities": [entity("person", *span)]}


def test_entities_of_before(task: Task) -> None:
    task.open(ENTITIES % "initial-value=\"[{label: 'person', startOffset: 2, endOffset: 5}]\"", {"text": TEXT})
    assert task.submit()["e"] == {"entities": [entity("person", 2, 5)]}


def test_a_part_of_an_entity_is_not_marked_again(task: Task) -> None:
    task.open(ENTITIES % "initial-value=\"[{label: 'person', startOffset: 2, endOffset: 14}]\"", {"text": TEXT})
    task.frame.evaluate("document.querySelector('crowd-entity-annotation').span = { from: 6, to: 20 }")
    task.frame.locator(".text").focus()
    task.keys("2")
    expect(task.frame.get_by_text("cannot be marked again")).to_be_visible()
    assert len(task.submit()["e"]["entities"]) == 1


def test_scripts_set_properties_before_and_after(task: Task) -> None:
    task.open(
        form("""<crowd-bounding-box id="early" name="b" src="/picture.png"></crowd-bounding-box>
      <script>early.labels = ["Early"]; window.readies = 0;
      document.addEventListener("all-crowd-elements-ready", () => { window.readies += 1; window.seen = early.labels; early.labels = ["Late"] })
      </script>""")
    )
    assert task.frame.evaluate("[window.readies, window.seen, early.labels]") == [1, ["Early"], ["Late"]]
    task.frame.evaluate("early.setAttribute('labels', \"['Last',]\")")
    assert task.frame.evaluate("early.labels") == ["Last"]


def test_elements_made_by_a_script(task: Task) -> None:
    task.open(form("<div id='box'></div><crowd-input name='x' label='X'></crowd-input>"))
    inside = '<crowd-alert type="error" dismissible>Wrong</crowd-alert><crowd-input name="y" value="1"></crowd-input>'
    task.frame.evaluate("(inside) => { box.innerHTML = inside }", inside)
    expect(task.frame.get_by_text("Wrong")).to_be_visible()
    assert task.submit() == {"y": "1"}
    task.frame.get_by_role("button", name="Close").click()
    task.frame.get_by_text("Wrong").wait_for(state="detached")


def test_onsubmit_may_set_and_prevent(task: Task) -> None:
    task.open(
        form('<input type="hidden" name="h" id="h"><crowd-input name="x" label="X"></crowd-input>')
        + """<script>
      document.querySelector("crowd-form").onsubmit = (event) => { h.value = "set"; if (!document.querySelector("crowd-input").value) event.preventDefault() }
      </script>"""
    )
    assert task.refusal() == ""
    task.frame.get_by_label("X").fill("x")
    assert task.submit() == {"h": "set", "x": "x"}


def test_an_answer_of_before_with_any_name(task: Task) -> None:
    task.open(
        form("""<crowd-input name="answer" label="A"></crowd-input><crowd-classifier name="fields" categories="['a', 'b']">
      <classification-target>x</classification-target></crowd-classifier>""")
    )
    before = {"answer": "text", "fields": {"label": "b"}}
    task.tell("clary:restore", draft=before)
    assert task.submit() == before


def test_a_form_inside_the_form(task: Task) -> None:
    task.open(
        form("""<form action="https://elsewhere.example/" onsubmit="window.seen = true"><label>X <input name="x"></label>
      <button>Send</button></form>""")
    )
    task.frame.get_by_label("X").fill("x")
    task.frame.get_by_role("button", name="Send").click()
    assert task.wait("clary:answer")["answer"] == {"x": "x"}
    assert task.frame.evaluate("window.seen")
    assert task.messages("clary:error") == []


def test_buttons_submit_and_reset(task: Task) -> None:
    task.open(
        form("""<crowd-input name="x" label="X"></crowd-input><crowd-button form-action="reset">Clear</crowd-button>
      <crowd-button form-action="submit" variant="primary">Send</crowd-button>""")
    )
    task.frame.get_by_label("X").fill("x")
    task.frame.get_by_role("button", name="Clear").click()
    expect(task.frame.get_by_label("X")).to_have_value("")
    task.frame.get_by_label("X").fill("y")
    task.frame.get_by_role("button", name="Send").click()
    assert task.wait("clary:answer")["answer"] == {"x": "y"}


def test_tags_that_are_never_closed(task: Task) -> None:
    task.open(
        form("""<crowd-input name="a" label="A"/><crowd-fab icon="help" title="Help"/><p>Behind</p>
      <crowd-text-area name="b" label="B"/><crowd-slider name="s" value="7"/>""")
    )
    expect(task.frame.get_by_text("Behind")).to_be_visible()
    task.frame.get_by_label("A", exact=True).fill("a")
    task.frame.get_by_label("B", exact=True).fill("b")
    assert task.submit() == {"a": "a", "b": "b", "s": 7}


def test_boards(task: Task) -> None:
    task.open(
        form("""<crowd-card heading="Card"><p>In it</p></crowd-card><crowd-tabs><crowd-tab header="One">first</crowd-tab>
      <crowd-tab header="Two">second</crowd-tab></crowd-tabs><crowd-badge label="3"></crowd-badge><crowd-toast id="toast" text="Saved">
      </crowd-toast><crowd-modal link-text="More"><p>Inside</p></crowd-modal><crowd-instructions link-text="How" link-type="button">
      <short-summary>Shortly</short-summary><detailed-instructions>At length</detailed-instructions>
      <positive-example>Good</positive-example></crowd-instructions>""")
    )
    frame = task.frame
    expect(frame.get_by_text("first")).to_be_visible()
    expect(frame.get_by_text("second")).to_be_hidden()
    frame.get_by_role("tab", name="One").focus()
    task.keys("ArrowRight")
    expect(frame.get_by_text("second")).to_be_visible()
    frame.evaluate("toast.show()")
    expect(frame.get_by_text("Saved")).to_be_visible()
    frame.get_by_role("button", name="More").click()
    expect(frame.get_by_text("Inside")).to_be_visible()
    task.keys("Escape")
    expect(frame.get_by_text("Shortly")).to_be_visible()
    task.tell("clary:instructions")
    frame.get_by_text("At length").wait_for()


def test_keys_typed_into_fields_are_not_the_page_s(task: Task) -> None:
    task.open(form('<crowd-input name="x" label="X"></crowd-input>'))
    task.frame.get_by_label("X").click()
    task.page.keyboard.type("snp")
    assert task.messages("clary:key") == []
    assert task.submit() == {"x": "snp"}


def test_ranked_texts(task: Task) -> None:
    task.open(
        form("""<crowd-text-ranking name="r" text="Q" responses='["one", "two"]'
      ordinal-ranking-dimensions='[{"name":"Clarity","allowTie":false}]'></crowd-text-ranking>""")
    )
    assert "Rank every response by Clarity" in task.refusal()
    task.frame.get_by_label("Clarity, response 1").select_option("1")
    task.frame.get_by_label("Clarity, response 2").select_option("1")
    assert "same rank" in task.refusal()
    task.frame.get_by_label("Clarity, response 2").select_option("2")
    assert task.submit() == {"r": {"rankings": [{"dimension": "Clarity", "ranks": [1, 2]}]}}


def test_questions_and_answers(task: Task) -> None:
    task.open(
        form("""<crowd-question-answer-generation name="q" text="T" min-questions=1 max-questions=2 question-min-words=2
      question-tags='["What", "Why"]'></crowd-question-answer-generation>""")
    )
    task.frame.get_by_label("Question 1").fill("Why?")
    assert "at least 2 words" in task.refusal()
    task.frame.get_by_label("Question 1").fill("Why so?")
    task.frame.get_by_label("Answer").fill("Because.")
    task.frame.get_by_label("Kind of question").select_option("Why")
    assert task.submit() == {
        "q": {"questionsAndAnswers": [{"answer": "Because.", "question": "Why so?", "questionTag": "Why"}]}
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['Cat', \"Dog\",]", ["Cat", "Dog"]),
        ("{ text: 'None', n: [1, -2.5e3, .5, +1, 0x1F], deep: {$a: true, b: null}, }", None),
        ("/* a */ [1, // b\n 2]", [1, 2]),
        (
            r"'it\'s \u00e9 \x41 \
on'",
            "it's é A on",
        ),
    ],
)
def test_json_as_people_write_it(task: Task, text: str, value: object) -> None:
    task.open(form("<crowd-input name='x'></crowd-input>"))
    found = task.frame.evaluate("async (text) => (await import('/assets/json5.js')).parse(text)", text)
    assert found == (value or {"text": "None", "n": [1, -2500, 0.5, 1, 31], "deep": {"$a": True, "b": None}})


@pytest.mark.parametrize("text", ["[1 2]", "{a 1}", "'open", "[", "nope", "1 2", ""])
def test_what_is_no_json(task: Task, text: str) -> None:
    task.open(form("<crowd-input name='x'></crowd-input>"))
    script = "async (text) => { try { return (await import('/assets/json5.js')).parse(text) } catch (error) { return error.name } }"
    assert task.frame.evaluate(script, text) == "SyntaxError"


def test_a_template_that_is_opened_by_itself_shows_what_it_would_send(task: Task) -> None:
    """What RenderUiTemplate gives, in a tab of its own."""
    task.frames.show(form('<crowd-input name="x" label="X"></crowd-input>'))
    task.page.goto(f"{task.frames.url}/frame")
    task.page.get_by_label("X").fill("mine")
    task.page.get_by_role("button", name="Submit").click()
    assert '"x": "mine"' in task.page.get_by_role("dialog").inner_text()


@pytest.mark.parametrize(
    ("template", "ground"),
    [
        (form("<crowd-input name='x' label='X'></crowd-input>"), "dark"),
        (form("<p style='color: #333'>Text</p>"), "light"),
        ("<style>.a { background: yellow }</style>" + form("<p class='a'>Text</p>"), "light"),
        ("<style>.a { margin: 1em; border-color: red }</style>" + form("<p class='a'>Text</p>"), "dark"),
    ],
)
def test_dark_by_the_system_unless_the_template_has_colours(task: Task, template: str, ground: str) -> None:
    task.page.emulate_media(color_scheme="dark")
    task.open(template)
    colour = task.frame.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == {"dark": "rgb(11, 13, 12)", "light": "rgb(255, 255, 255)"}[ground]
