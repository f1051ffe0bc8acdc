"""Two people at once, with rights of their own; and what goes away under a page that is open."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests import jobs
from tests.browser.pages import Opened, link
from tests.conftest import Studio

pytestmark = pytest.mark.slow

WAITS = "import time\nprint('up', flush=True)\ntime.sleep(100)\n"


def test_what_one_does_the_other_sees_and_each_has_their_own_rights(studio: Studio, opened: Opened) -> None:
    s3, sagemaker, iam = studio.client("s3"), studio.client("sagemaker"), studio.client("iam")
    jobs.prepare(s3)
    iam.create_user(UserName="nurse")
    iam.attach_user_policy(UserName="nurse", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.create_access_key(UserName="nurse")
    owner, nurse = opened(link(studio)), opened(link(studio, "console", "--user", "nurse"), errors=True)
    for page in (owner, nurse):
        page.get_by_role("link", name="Training jobs").click()
    sagemaker.create_training_job(**jobs.training(s3, "shared", WAITS))
    for page in (owner, nurse):
        expect(page.locator("#job-shared")).to_contain_text("InProgress")
    nurse.get_by_role("link", name="shared").click()
    expect(nurse.locator("#log pre")).to_contain_text("up")
    nurse.on("dialog", lambda dialog: dialog.accept())
    nurse.get_by_role("button", name="Stop").click()
    expect(owner.locator("#job-shared")).to_contain_text("Stopped")
    nurse.get_by_role("link", name="Users and keys").click()
    expect(nurse.get_by_text("iam:ListUsers")).to_be_visible()
    owner.get_by_role("link", name="Users and keys").click()
    expect(owner.get_by_role("link", name="nurse")).to_be_visible()


def test_a_model_that_is_deleted_under_its_open_page(studio: Studio, opened: Opened) -> None:
    sagemaker = studio.client("sagemaker")
    sagemaker.create_model(
        ModelName="goes", ExecutionRoleArn=jobs.ROLE, PrimaryContainer={"Image": jobs.IMAGE, "Mode": "SingleModel"}
    )
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/models/goes")
    expect(page.get_by_role("heading", name="goes")).to_be_visible()
    sagemaker.delete_model(ModelName="goes")
    expect(page.get_by_text("What this page shows is no longer there.")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Could not find model")).to_be_visible()
