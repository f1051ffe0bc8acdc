"""RenderUiTemplate by boto3: a rendered template's images are read without keys; what is wrong is in Errors."""

from __future__ import annotations

import html
import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.conftest import Studio
from tests.refusals import refused

ROLE = "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole"
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boxes" src="{{ task.input.taskObject | grant_read_access }}"
labels="{{ task.input.labels | to_json | escape }}"></crowd-bounding-box></crowd-form>"""


def render(client: Any, template: str, given: Any, **other: Any) -> Any:
    task = {"Input": given if isinstance(given, str) else json.dumps(given)}
    return client.render_ui_template(UiTemplate={"Content": template}, Task=task, RoleArn=ROLE, **other)


def test_a_template_is_rendered_and_its_image_can_be_read(studio: Studio, s3: Any, sagemaker: Any) -> None:
    s3.create_bucket(Bucket="scans")
    s3.put_object(Bucket="scans", Key="a b/1.png", Body=b"pixels")
    answer = render(sagemaker, TEMPLATE, {"taskObject": "s3://scans/a b/1.png", "labels": ["Trachea"]})
    assert answer["Errors"] == []
    assert "assets.crowd.aws" not in answer["RenderedContent"]
    address = html.unescape(re.search(r'src="(http[^"]*X-Amz[^"]*)"', answer["RenderedContent"])[1])  # type: ignore[index]
    request = urllib.request.Request(address, headers={"Origin": "null"})
    with urllib.request.urlopen(request, timeout=60) as found:
        assert found.read() == b"pixels"
        assert (
            found.headers["Access-Control-Allow-Origin"] == "*"
        )  # the tool reads the pixels from a frame of no origin
    with urllib.request.urlopen(address, timeout=60) as found:
        assert found.headers["Access-Control-Allow-Origin"] is None
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address.replace("1.png", "2.png"), timeout=60)


@pytest.mark.parametrize(
    ("template", "given", "code", "word"),
    [
        (
            "{{ task.input.x | grant_read_access }}",
            {"x": "scan.png"},
            "InvalidParameters",
            'not a valid S3 URI: "scan.png".',
        ),
        ("{{ task.input.x }", {"x": 1}, "InvalidTemplate", "line 1"),
        ("{{ task.input.x }}", "{not json", "InvalidInput", "not JSON"),
    ],
)
def test_what_is_wrong_is_told_in_errors(sagemaker: Any, template: str, given: Any, code: str, word: str) -> None:
    answer = render(sagemaker, template, given)
    assert answer["RenderedContent"] == ""
    assert [error["Code"] for error in answer["Errors"]] == [code]
    assert word in answer["Errors"][0]["Message"]


def test_what_is_refused(sagemaker: Any) -> None:
    ui = "arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/NamedEntityRecognition"
    template, task = {"Content": "x"}, {"Input": "{}"}
    call = sagemaker.render_ui_template
    code, words = refused(call, UiTemplate=template, HumanTaskUiArn=ui, Task=task, RoleArn=ROLE)
    assert (code, "either a UiTemplate or a HumanTaskUiArn" in words) == ("ValidationException", True)
    code, words = refused(call, HumanTaskUiArn=ui, Task=task, RoleArn=ROLE)
    assert (code, "UiTemplate.Content" in words) == ("NotImplemented", True)
    code, words = refused(call, UiTemplate=template, Task=task, RoleArn="arn:aws:iam::000000000000:role/nobody")
    assert (code, "nobody" in words) == ("ValidationException", True)
