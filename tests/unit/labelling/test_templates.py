"""Workers' templates: what Liquid does with a task, and what is said of a template that cannot be rendered."""

from __future__ import annotations

import html
import json

import pytest

from clary.labelling.templates import TemplateProblem, frame_page, object_of, render, task_input


def rendered(template: str, given: object = None) -> str:
    return render(template, given or {}, lambda bucket, key: f"http://signed/{bucket}/{key}?a=1&b=2", "/assets")


@pytest.mark.parametrize(
    ("template", "given", "page"),
    [
        ("{{ task.input.source-ref }}", {"source-ref": "s3://b/i.png"}, "s3://b/i.png"),
        ("[{{ task.input.nothing.at.all }}]", {}, "[]"),
        ("{{ task.input.x }}", {"x": "<b> & \"c\" 'd'"}, "&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;"),
        ("{{ task.input.x | escape }}", {"x": "<&"}, "&lt;&amp;"),
        ("{{ task.input.x | escape_once }}", {"x": "&lt;b> &"}, "&lt;b&gt; &amp;"),
        ("{{ task.input.x | skip_autoescape }}", {"x": "<b>&amp;</b>"}, "<b>&amp;</b>"),
        ("{{ task.input.x | downcase }}{{ forloop.index }}", {"x": "A"}, "a"),
        ("{% for w in task.input.l %}{{ forloop.index }}{{ w }} {% endfor %}", {"l": ["a", "b"]}, "1a 2b "),
        (
            "{% for box in task.input.map %}{{ box[0] }}={{ box[1]['hex-color'] }};{% endfor %}",
            {"map": {"0": {"hex-color": "#fff"}, "1": {"hex-color": "#2ca02c"}}},
            "0=#fff;1=#2ca02c;",
        ),
        (
            "{% for b in task.input.line.boxes %}{{ task.input.line.boxes-metadata.class-map[b.class_id] }} {% endfor %}",
            {
                "line": {
                    "boxes": [{"class_id": 0}, {"class_id": 1}],
                    "boxes-metadata": {"class-map": {"0": "Cat", "1": "Dog"}},
                }
            },
            "Cat Dog ",
        ),
        ("{{ task.input.x | to_json }}", {}, "null"),
        (
            "<script>{{ task.input.x | to_json | skip_autoescape }}</script>",
            {"x": "</script>"},
            r'<script>"<\/script>"</script>',
        ),
        ("{{ true }}{{ 1.5 }}{{ nil }}", {}, "true1.5"),
    ],
)
def test_a_task_in_a_template(template: str, given: object, page: str) -> None:
    assert rendered(template, given) == page


ADJUSTMENT = """initial-value="[
  {% for box in task.input.manifestLine.animals.annotations %}
    {% capture class_id %}{{ box.class_id }}{% endcapture %}
    {% assign label = task.input.manifestLine.animals-metadata.class-map[class_id] %}
    { label: {{ label | to_json }}, left: {{ box.left }}, top: {{ box.top }}, width: {{ box.width }}, height: {{ box.height }} },
  {% endfor %} ]" """


def test_the_guide_s_template_for_adjusting_boxes() -> None:
    """As AWS's developer guide prints it, of an output manifest of before."""
    line = {
        "animals": {"annotations": [{"class_id": 1, "left": 1.5, "top": 2, "width": 3, "height": 4}]},
        "animals-metadata": {"class-map": {"0": "Cat", "1": "Dog's"}},
    }
    page = " ".join(html.unescape(rendered(ADJUSTMENT, {"manifestLine": line})).split())
    assert page == 'initial-value="[ { label: "Dog\'s", left: 1.5, top: 2, width: 3, height: 4 }, ]"'


@pytest.mark.parametrize("value", [["Cat", "O'Neill", '"<&>'], {"a": {"b": [1, None, True]}}, "text", 5, None])
@pytest.mark.parametrize("filters", ["| to_json", "| to_json | escape"])
def test_json_comes_through_an_attribute(value: object, filters: str) -> None:
    page = rendered("{{ task.input.v %s }}" % filters, {"v": value})  # noqa: UP031 (braces)
    assert not set("<>\"'") & set(page)
    assert json.loads(html.unescape(page)) == value


def test_objects_and_lists_are_written_as_json() -> None:
    assert json.loads(html.unescape(rendered("{{ task.input.l }}", {"l": ["a", {"b": 1}]}))) == ["a", {"b": 1}]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("s3://b/k/l m.png", ("b", "k/l m.png")),
        ("http://s3.amazonaws.com/b/k", ("b", "k")),
        ("https://s3.eu-west-1.amazonaws.com/b/a%20b.png", ("b", "a b.png")),
        ("https://my.bucket.s3.us-west-2.amazonaws.com/k/l", ("my.bucket", "k/l")),
        ("https://bucket.s3.amazonaws.com/k", ("bucket", "k")),
        ("s3://b", None),
        ("s3:///k", None),
        ("https://example.org/s3.png", None),
        ("ftp://s3.amazonaws.com/b/k", None),
    ],
)
def test_which_object_an_address_means(address: str, found: object) -> None:
    assert object_of(address) == found


def test_access_is_granted_to_objects() -> None:
    assert (
        rendered("{{ task.input.i | grant_read_access }}", {"i": "s3://b/i.png"}) == "http://signed/b/i.png?a=1&amp;b=2"
    )
    assert rendered("{{ task.input.i | grant_read_access }}", {"i": "https://x.org/i.png"}) == "https://x.org/i.png"


@pytest.mark.parametrize(
    ("template", "given", "code", "message"),
    [
        (
            "{{ task.input.i | grant_read_access }}",
            {"i": "i.png"},
            "InvalidParameters",
            '"grant_read_access" input is not a valid S3 URI: "i.png".',
        ),
        (
            "{{ task.input.i | grant_read_access }}",
            {},
            "InvalidParameters",
            '"grant_read_access" input is not a valid S3 URI: "".',
        ),
        ("a\n{{ task.input.x }", {}, "InvalidTemplate", "expected '}}', found end of file (line 2)"),
        ("{% for a in b %}", {}, "InvalidTemplate", "expected tag endfor, found end of expression"),
        ("\n\n{{ task.input | shout }}", {}, "InvalidTemplate", "unknown filter 'shout' (line 3)"),
        ("{% include 'other' %}", {}, "InvalidTemplate", "a template cannot include another one: other"),
        ("{% for i in (1..2000000) %}{% endfor %}", {}, "InvalidTemplate", "loop iteration limit reached (line 1)"),
    ],
)
def test_what_is_said_of_a_wrong_template(template: str, given: object, code: str, message: str) -> None:
    with pytest.raises(TemplateProblem) as problem:
        rendered(template, given)
    assert (problem.value.code, problem.value.message) == (code, message)


def test_a_wrong_filter_of_one_page_is_not_the_next_ones() -> None:
    template = "{{ task.input.i | grant_read_access }}"
    with pytest.raises(TemplateProblem):
        rendered(template, {"i": "nonsense"})
    assert rendered(template, {"i": "s3://b/k"}).startswith("http://signed/b/k")


@pytest.mark.parametrize("text", ["{", "nope", "[" * 100_000])
def test_an_input_that_is_not_json(text: str) -> None:
    with pytest.raises(TemplateProblem, match="not JSON") as problem:
        task_input(text)
    assert problem.value.code == "InvalidInput"


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>',
        "<SCRIPT type='text/javascript' src='//assets.crowd.aws/crowd-html-elements-v2.js' ></SCRIPT>",
        "<script src=https://assets.crowd.aws/crowd-html-elements.js></script>",
    ],
)
def test_aws_elements_become_our_own(tag: str) -> None:
    page = rendered(
        tag + '<link rel="stylesheet" href="https://assets.crowd.aws/css/crowd-html-elements-v2.css" /><p>x'
    )
    assert page == '<script type="module" src="/assets/crowd.js"></script><p>x'


def test_other_scripts_stay() -> None:
    tag = '<script src="https://code.jquery.com/jquery.js"></script>'
    assert rendered(tag) == tag


def test_our_script_comes_before_all_others_of_the_frame() -> None:
    page = frame_page("<script>first()</script>", "/assets/")
    assert page.index("/assets/frame.js") < page.index("first()")
    assert page.startswith("<!doctype html>")
