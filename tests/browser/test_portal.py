"""The portal in a real browser: people label real radiographs, and a training job reads what they drew."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from clary.console import stock_templates
from tests import jobs
from tests.browser import desk
from tests.browser.desk import Desk
from tests.browser.pages import Opened, accessible, link, shot, shots
from tests.conftest import Studio
from tests.labelling_jobs import request

pytestmark = pytest.mark.slow

COUNT = """
import json, os
found = []
for name in sorted(os.listdir("/opt/ml/input/data/train")):
    for line in open(f"/opt/ml/input/data/train/{name}"):
        found += json.loads(line)["trachea"]["annotations"]
print(f"boxes={len(found)} widest={max(box['width'] for box in found)}")
"""


@pytest.fixture(scope="module")
def pictures(real_data: Path) -> list[Path]:
    return sorted((real_data / "nih/images_1024").glob("*.png"))


@pytest.fixture(scope="module")
def ward(studio: Studio) -> Studio:
    """A server with a work team."""
    desk.prepare(studio.client("s3"), studio.client("sagemaker"))
    return studio


@pytest.fixture
def work(ward: Studio, pictures: list[Path], request: pytest.FixtureRequest) -> Callable[..., str]:
    """``work(3)``: a job of the test's own on so many pictures, which people are asked about."""

    def begin(count: int, **given: Any) -> str:
        name = request.node.name.replace("_", "-")[5:60].strip("-")
        sagemaker = ward.client("sagemaker")
        desk.create(
            ward.client("s3"), sagemaker, name, pictures[:count], TaskTitle=given.pop("TaskTitle", name), **given
        )
        return name

    return begin


def worker(studio: Studio, name: str) -> str:
    return link(studio, "labelling", "workers", "add", name, "--team", "ward")


def finished(studio: Studio, name: str) -> dict[str, Any]:
    sagemaker, deadline = studio.client("sagemaker"), time.monotonic() + 90
    while time.monotonic() < deadline:
        found: dict[str, Any] = sagemaker.describe_labeling_job(LabelingJobName=name)
        if found["LabelingJobStatus"] in {"Completed", "Failed", "Stopped"}:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def output(studio: Studio, job: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The boxes of each line of the output manifest."""
    uri = urlsplit(job["LabelingJobOutput"]["OutputDatasetS3Uri"])
    body = studio.client("s3").get_object(Bucket=uri.netloc, Key=uri.path[1:])["Body"].read()
    return [json.loads(line)["trachea"]["annotations"] for line in body.splitlines()]


def test_five_radiographs_are_labelled_and_a_training_job_reads_them(
    ward: Studio, opened: Opened, work: Callable[..., str]
) -> None:
    name = work(5, TaskTitle=desk.TITLE)
    page = opened(worker(ward, "ann"))
    expect(page).to_have_title("Your tasks · Clary")
    expect(page.get_by_role("row").filter(has_text=desk.TITLE)).to_contain_text("Where the <b>air</b> goes")
    accessible(page)
    shots(page, "portal-jobs")
    ann = Desk(page).begin().at(1, 5).draw(430, 60, 150, 260)
    shots(page, "portal-task")
    accessible(page)
    ann.do("Submit").at(2, 5).draw(440, 80, 140, 240).press("Enter")
    # One by keys alone: add, move, widen, send.
    ann.at(3, 5).press("a", *["ArrowUp"] * 5, *["Shift+ArrowRight"] * 7, "Shift+ArrowDown")
    (by_keys,) = ann.boxes()
    ann.press("Enter").at(4, 5).do("Nothing here")
    ann.at(5, 5).draw(400, 40, 200, 300).do("Submit")
    expect(page.get_by_role("heading", name="This job has ended")).to_be_visible()
    shot(page, "portal-ended")
    done = finished(ward, name)
    assert done["LabelingJobStatus"] == "Completed", done
    assert done["LabelCounters"]["HumanLabeled"] == 5
    drawn = output(ward, done)
    assert [len(boxes) for boxes in drawn] == [1, 1, 1, 0, 1]
    assert abs(drawn[0][0]["left"] - 430) <= 1
    assert abs(drawn[0][0]["width"] - 150) <= 2
    assert drawn[2][0]["left"] == by_keys["left"]
    read = train(ward, done["LabelingJobOutput"]["OutputDatasetS3Uri"])
    assert read == f"boxes=4 widest={max(box['width'] for boxes in drawn for box in boxes)}"


def train(studio: Studio, manifest: str) -> str:
    """What a script in a training job prints of the boxes in a manifest."""
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    s3.create_bucket(Bucket=jobs.BUCKET)
    source = {"S3DataType": "S3Prefix", "S3Uri": manifest}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    sagemaker.create_training_job(**jobs.training(s3, "counts-boxes", COUNT, InputDataConfig=[channel]))
    assert jobs.ended(sagemaker, "counts-boxes")["TrainingJobStatus"] == "Completed"
    lines = jobs.log_lines(studio.client("logs"), "counts-boxes")
    return next(line for line in lines if line.startswith("boxes="))


def test_what_was_drawn_survives_a_reload_and_a_closed_tab(
    ward: Studio, opened: Opened, work: Callable[..., str]
) -> None:
    title = work(2)
    page = opened(worker(ward, "reloads"))
    ben = Desk(page).begin(title).at(1, 2)
    with page.expect_response("**/draft"):
        ben.draw(430, 60, 150, 260)
    before = ben.boxes()
    page.reload()
    ben.at(1, 2)
    assert ben.boxes() == before
    address = page.url
    another = page.context.new_page()
    page.close()
    another.goto(address)
    ben = Desk(another).at(1, 2)
    assert ben.boxes() == before, "whoever closes the tab gets the same task back"


def test_an_answer_is_changed_afterwards(ward: Studio, opened: Opened, work: Callable[..., str]) -> None:
    name = work(3)
    page = opened(worker(ward, "changes"))
    cat = Desk(page).begin(name).at(1, 3)
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    cat.draw(430, 60, 150, 260).press("Enter").at(2, 3).draw(10, 10, 90, 90).press("p")
    expect(page.locator("#where")).to_contain_text("1 of 3")
    cat.at(1, 3)
    assert abs(cat.boxes()[0]["left"] - 430) <= 1
    cat.frame.evaluate("document.querySelector('.clary-picture').stage.focus()")
    cat.press("Tab", "Delete")
    assert cat.boxes() == []
    cat.draw(200, 100, 50, 60).press("Enter").at(2, 3)
    assert len(cat.boxes()) == 1, "the one that was open goes on, with what was drawn"
    cat.press("Enter").at(3, 3).press("n")
    assert [len(boxes) for boxes in output(ward, finished(ward, name))] == [1, 1, 0]
    assert abs(output(ward, finished(ward, name))[0][0]["left"] - 200) <= 1


def test_two_people_at_once_and_one_who_skips(ward: Studio, opened: Opened, work: Callable[..., str]) -> None:
    name = work(2)
    first, second = opened(worker(ward, "dora")), opened(worker(ward, "emil"))
    dora, emil = Desk(first).begin(name).at(1, 2), Desk(second).begin(name).at(1, 1)
    sources = [
        d.frame.evaluate("document.querySelector('crowd-bounding-box').getAttribute('src').split('?')[0]")
        for d in (dora, emil)
    ]
    assert len(set(sources)) == 2
    dora.press("s")
    dialog = first.get_by_role("dialog", name="Skip this one")
    expect(dialog).to_be_visible()
    accessible(first)
    shots(first, "portal-skip")
    dialog.get_by_label("Another reason").check()
    dialog.get_by_role("button", name="Skip", exact=True).click()
    expect(dialog).to_be_visible()  # it takes a few words
    dialog.get_by_label("In your words").fill("<b>too dark</b>")
    first.keyboard.press("Enter")
    expect(first.get_by_role("heading", name="Nothing to do now")).to_be_visible()
    shot(first, "portal-nothing")
    emil.do("Skip")
    second.get_by_role("dialog").get_by_role("button", name="Leave it to others").click()
    expect(second).to_have_title("Your tasks · Clary")
    dora.at(1, 1)  # it comes by itself
    dora.press("n")


def test_a_task_whose_time_is_over(ward: Studio, opened: Opened, work: Callable[..., str]) -> None:
    name = work(1)
    page = opened(worker(ward, "late"), errors=True)
    fay = Desk(page).begin(name).at(1, 1)
    with page.expect_response("**/draft"):
        fay.draw(430, 60, 150, 260)
    assert ward.clary("clock", "--data", str(ward.data), "advance", "11m").returncode == 0
    fay.press("Enter")
    dialog = page.get_by_role("dialog", name="This task is over")
    expect(dialog).to_contain_text("Its time was over")
    shot(page, "portal-over")
    dialog.get_by_role("button", name="Next task").click()
    fay.at(1, 1)
    assert fay.boxes() == []


def test_an_error_of_the_template_is_shown_and_the_task_stays(
    ward: Studio, opened: Opened, work: Callable[..., str]
) -> None:
    broken = desk.TEMPLATE + "<script>\n\nnot_there.begin()</script><img src='https://elsewhere.example/x.png'>"
    name = work(1, template=broken)
    page = opened(worker(ward, "patient"), errors=True)
    Desk(page).begin(name)
    expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
    shown = page.frame_locator("iframe.shown").get_by_role("alert")
    expect(shown).to_contain_text("not_there is not defined")
    expect(shown).to_contain_text("elsewhere.example")
    shot(page, "portal-error")
    Desk(page).at(1, 1).draw(430, 60, 150, 260).press("Enter")
    assert finished(ward, name)["LabelingJobStatus"] == "Completed"


def test_an_answer_waits_for_a_server_that_is_away(fresh_studio: Studio, opened: Opened, pictures: list[Path]) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    desk.prepare(s3, sagemaker)
    desk.create(s3, sagemaker, "away", pictures[:2])
    page = opened(worker(fresh_studio, "gil"), errors=True)
    gil = Desk(page).begin().at(1, 2).draw(430, 60, 150, 260)
    fresh_studio.kill()
    gil.do("Submit")
    expect(page.get_by_role("alert")).to_contain_text("Clary does not answer")
    fresh_studio.start()
    gil.at(2, 2)


def test_no_draft_comes_after_its_answer(ward: Studio, opened: Opened, work: Callable[..., str]) -> None:
    name = work(2)
    page = opened(worker(ward, "joy"))
    joy = Desk(page).begin(name).at(1, 2)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/submit", hold)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    with page.expect_request("**/submit"):
        joy.draw(430, 60, 150, 260).press("Enter")
    joy.frame.evaluate("new Promise((over) => setTimeout(over, 500))")  # the pause after which a draft is sent
    held[0].continue_()
    joy.at(2, 2)
    assert "draft" not in asked[asked.index("submit") :]


def test_a_next_picture_that_is_late_holds_nobody_up(ward: Studio, opened: Opened, work: Callable[..., str]) -> None:
    name = work(2)
    page = opened(worker(ward, "ida"))
    ida = Desk(page).begin(name).at(1, 2)
    page.route("**/ahead/**", lambda route: None)
    page.reload()
    with page.expect_request("**/ahead/**"):
        ida.at(1, 2)
    ida.draw(430, 60, 150, 260).press("Enter").at(2, 2)


def test_instructions_and_the_next_picture_is_there_already(
    ward: Studio, opened: Opened, work: Callable[..., str]
) -> None:
    name = work(3)
    page = opened(worker(ward, "hal"))
    hal = Desk(page).begin(name).at(1, 3)
    hal.do("Instructions")
    expect(page.frame_locator("iframe.shown").get_by_text("The box begins where")).to_be_visible()
    shot(page, "portal-instructions")
    page.keyboard.press("Escape")
    expect(page.locator("iframe")).to_have_count(2)
    waiting = page.locator("iframe:not(.shown)").element_handle().content_frame()
    assert waiting is not None
    waiting.wait_for_url("**/ahead/**")
    # By time: a browser draws no frames of what it does not show, and the usual way to look waits for one.
    waiting.wait_for_function("document.querySelector('.clary-picture')?.isLoaded", polling=100)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hal.draw(430, 60, 150, 260).press("Enter").at(2, 3)
    shown = page.locator("iframe.shown").element_handle().content_frame()
    assert shown == waiting
    assert not [url for url in asked if "00001200_000" in url], "its picture was not fetched again"


def test_a_template_reaches_nothing_but_what_it_was_given(
    ward: Studio, opened: Opened, work: Callable[..., str]
) -> None:
    hostile = """<script>
    window.found = {};
    const attempt = async (name, act) => {
      try { found[name] = String(await act()); } catch (error) { found[name] = "refused"; }
    };
    const include = {credentials: "include"};
    attempt("page", () => parent.document.title);
    attempt("cookie", () => document.cookie);
    attempt("storage", () => localStorage.length);
    attempt("portal", async () => (await fetch("/_/portal", include)).status);
    attempt("post", async () => (await fetch("/_/portal/sign-out", {method: "POST", mode: "no-cors", ...include})).type);
    attempt("elsewhere", async () => (await fetch("http://127.0.0.1:9/")).status);
    attempt("up", () => { top.location = "http://127.0.0.1:9/"; return "led away"; });
    setTimeout(() => { location = "http://127.0.0.1:9/?secret"; }, 3000);
    </script>"""
    name = work(1, template=hostile + desk.TEMPLATE)
    page = opened(worker(ward, "guarded"), errors=True)
    ivy = Desk(page).begin(name).at(1, 1)
    ivy.frame.wait_for_function("Object.keys(found).length === 7")
    found = ivy.frame.evaluate("found")
    assert {each: found[each] for each in ("page", "cookie", "storage", "portal", "elsewhere", "up")} == dict.fromkeys(
        ("page", "cookie", "storage", "portal", "elsewhere", "up"), "refused"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3500)
    assert not [url for url in asked if ":9/" in url], "it may not lead itself elsewhere"
    page.reload()
    expect(page.locator("#where")).to_contain_text("1 of 1")  # nobody was signed out


def test_a_text_is_classified_by_keys(ward: Studio, opened: Opened) -> None:
    s3, sagemaker = ward.client("s3"), ward.client("sagemaker")
    letters = [{"source": f"Letter {number}: chest pain <b>since</b> this morning."} for number in range(2)]
    s3.put_object(Bucket=desk.BUCKET, Key="letters.manifest", Body="\n".join(map(json.dumps, letters)).encode())
    labels = {"labels": [{"label": "urgent"}, {"label": "can wait"}]}
    s3.put_object(Bucket=desk.BUCKET, Key="urgency.json", Body=json.dumps(labels).encode())
    template = stock_templates.template("TextMultiClass", "How urgent is it?", "Pain is urgent.")
    s3.put_object(Bucket=desk.BUCKET, Key="letters.html", Body=template.encode())
    sagemaker.create_labeling_job(
        **request(
            "letters",
            "TextMultiClass",
            LabelCategoryConfigS3Uri=f"s3://{desk.BUCKET}/urgency.json",
            InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{desk.BUCKET}/letters.manifest"}}},
            human={"TaskTitle": "Letters", "UiConfig": {"UiTemplateS3Uri": f"s3://{desk.BUCKET}/letters.html"}},
        )
    )
    page = opened(worker(ward, "jo"))
    jo = Desk(page).begin("Letters")
    expect(page.locator("#where")).to_contain_text("1 of 2")
    expect(page.frame_locator("iframe.shown").get_by_text("chest pain <b>since</b>")).to_be_visible()
    expect(page.get_by_role("button", name="Nothing here")).to_be_hidden()
    accessible(page)
    shots(page, "portal-text")
    jo.press("n")
    jo.press("1", "Enter")
    expect(page.locator("#where")).to_contain_text("2 of 2")
    expect(page.frame_locator("iframe.shown").get_by_text("Letter 1:")).to_be_visible()
    jo.press("2", "Enter")
    assert finished(ward, "letters")["LabelCounters"]["HumanLabeled"] == 2
