"""A worker at the portal: signs in, draws on the picture of the task at hand, by mouse and by keys; and a job to work on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page, expect

from tests.jobs import ROLE
from tests.labelling_jobs import TEAM, TEAM_ARN, function
from tests.waiting import until

BUCKET = "ward"
TITLE = "Draw a box around the trachea"
TEMPLATE = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form><crowd-bounding-box name="boundingBox" src="{{ task.input.taskObject | grant_read_access }}"
 header="Draw a box around the trachea" labels="{{ task.input.labels | to_json | escape }}">
<short-instructions>One box, or none.</short-instructions>
<full-instructions header="The trachea"><p>The box begins where the air column enters the picture.</p></full-instructions>
</crowd-bounding-box></crowd-form>"""


def prepare(s3: Any, sagemaker: Any) -> None:
    """The bucket, the labels, and the work team."""
    s3.create_bucket(Bucket=BUCKET)
    labels = {"document-version": "2018-11-28", "labels": [{"label": "Trachea"}]}
    s3.put_object(Bucket=BUCKET, Key="labels.json", Body=json.dumps(labels).encode())
    sagemaker.create_workteam(**TEAM)


def create(s3: Any, sagemaker: Any, name: str, pictures: list[Path], template: str = TEMPLATE, **human: Any) -> None:
    """A job of boxes on these pictures."""
    lines = []
    for picture in pictures:
        s3.put_object(Bucket=BUCKET, Key=f"{name}/{picture.name}", Body=picture.read_bytes(), ContentType="image/png")
        lines.append(json.dumps({"source-ref": f"s3://{BUCKET}/{name}/{picture.name}"}))
    s3.put_object(Bucket=BUCKET, Key=f"{name}/in.manifest", Body="\n".join(lines).encode())
    s3.put_object(Bucket=BUCKET, Key=f"{name}/template.liquid.html", Body=template.encode())
    sagemaker.create_labeling_job(
        LabelingJobName=name,
        LabelAttributeName="trachea",
        InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/{name}/in.manifest"}}},
        OutputConfig={"S3OutputPath": f"s3://{BUCKET}/out/"},
        RoleArn=ROLE,
        LabelCategoryConfigS3Uri=f"s3://{BUCKET}/labels.json",
        HumanTaskConfig={
            "WorkteamArn": TEAM_ARN,
            "UiConfig": {"UiTemplateS3Uri": f"s3://{BUCKET}/{name}/template.liquid.html"},
            "TaskTitle": TITLE,
            "TaskDescription": "Where the <b>air</b> goes",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
            "PreHumanTaskLambdaArn": function("PRE", "BoundingBox"),
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": function("ACS", "BoundingBox")},
            **human,
        },
    )


class Desk:
    """The page of a task, open in a worker's browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def begin(self, title: str = TITLE) -> Desk:
        """From the list of jobs to its first task."""
        row = self.page.get_by_role("row").filter(has_text=title)
        row.get_by_role("link", name="Begin").or_(row.get_by_role("link", name="Go on")).click()
        return self

    def at(self, number: int, of: int) -> Desk:
        """Until this task is there, with its picture, and hears the keys."""
        expect(self.page.locator("#where")).to_contain_text(f"{number} of {of} · ")
        self.frame.wait_for_function("document.querySelector('.clary-picture')?.isLoaded && document.hasFocus()")
        return self

    @property
    def frame(self) -> Frame:
        """The frame that is shown, not the one that waits behind it."""
        element = self.page.locator("iframe.shown")
        expect(element).to_be_visible()
        found = until(lambda: element.element_handle().content_frame())  # none while one task's gives way to the next's
        found.wait_for_selector("crowd-form", state="attached")
        return found

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a natural pixel of the picture is on the page."""
        left, top = self.frame.evaluate(
            """([x, y]) => { const tool = document.querySelector(".clary-picture"), at = tool.view.toStage(x, y);
            const box = tool.stage.getBoundingClientRect(); return [box.left + at.x, box.top + at.y] }""",
            [x, y],
        )
        frame = self.page.locator("iframe.shown").bounding_box()
        assert frame is not None
        return frame["x"] + left, frame["y"] + top

    def draw(self, left: int, top: int, width: int, height: int) -> Desk:
        """A box by mouse, in natural pixels."""
        begin, end = self.point(left, top), self.point(left + width, top + height)
        self.page.mouse.move(*begin)
        self.page.mouse.down()
        self.page.mouse.move((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()
        return self

    def boxes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.frame.evaluate(
            "document.querySelector('crowd-bounding-box').value.boundingBoxes"
        )
        return found

    def press(self, *keys: str) -> Desk:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def do(self, name: str) -> Desk:
        """A button of the bar."""
        self.page.get_by_role("banner").get_by_role("button", name=name).click()
        return self
