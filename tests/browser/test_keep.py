"""What is kept: images, audit, users and keys, settings."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import expect

from tests.browser.pages import Opened, accessible, link, shots
from tests.conftest import Studio

pytestmark = pytest.mark.slow

ODD = "a" * 40 + ".b=c@ward"


def test_settings_say_where_they_come_from(studio: Studio, opened: Opened) -> None:
    page = opened(link(studio))
    page.get_by_role("link", name="Settings", exact=True).click()
    row = page.locator("#CLARY_CACHE")
    expect(row).to_contain_text(str(studio.cache))
    expect(row.get_by_role("cell", name="CLARY_CACHE", exact=True)).to_have_count(2)
    expect(page.locator("#CLARY_DATA")).to_contain_text("flag")
    expect(page.locator("#CLARY_JOBS")).to_contain_text("default")
    accessible(page)
    shots(page, "settings")
    page.get_by_label("Contains").fill("spot")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert "contains=spot" in page.url
    page.get_by_label("Contains").fill("no such thing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No setting matches")).to_be_visible()


def test_the_audit_trail_is_searched_and_paged(studio: Studio, opened: Opened) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="audited")
    for number in range(60):
        s3.put_object(Bucket="audited", Key=f"<b>{number}</b>", Body=b"x")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="audited", Key="missing")
    s3.put_bucket_tagging(Bucket="audited", Tagging={"TagSet": []})  # what is written takes the rows before it along
    page = opened(link(studio))
    page.get_by_role("link", name="Audit").click()
    page.get_by_label("That is").fill("PutObject")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator("tbody tr").first).to_contain_text("arn:aws:s3:::audited/<b>59</b>")
    accessible(page)
    shots(page, "audit")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Newest").click()
    page.get_by_label("That is").fill("GetObject")
    page.keyboard.press("Enter")
    expect(page.locator(".pill.fail")).to_contain_text("NoSuchKey")


def test_a_user_is_made_gets_a_key_and_loses_it(studio: Studio, opened: Opened) -> None:
    page = opened(link(studio))
    page.get_by_role("link", name="Users and keys").click()
    expect(page.get_by_role("heading", name="No user yet")).to_be_visible()
    shots(page, "users-empty")
    page.get_by_label("Name", exact=True).fill(ODD)
    page.get_by_label("May").select_option("AmazonS3ReadOnlyAccess")
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_role("heading", name=ODD)).to_be_visible()
    page.get_by_role("button", name="New key").press("Enter")
    told = dict(
        line.removeprefix("export ").split("=", 1) for line in page.locator("pre").first.inner_text().splitlines()
    )
    s3 = boto3.client(
        "s3",
        endpoint_url=told["AWS_ENDPOINT_URL"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        region_name=told["AWS_DEFAULT_REGION"],
    )
    assert "Buckets" in s3.list_buckets()
    accessible(page)
    shots(page, "user")
    page.get_by_role("link", name="Users and keys").first.click()
    page.get_by_role("link", name=ODD).click()
    assert told["AWS_SECRET_ACCESS_KEY"] not in page.content()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No key yet")).to_be_visible()
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.list_buckets()
    s3.close()


def test_images_say_what_is_here(studio: Studio, opened: Opened) -> None:
    page = opened(link(studio))
    page.get_by_role("link", name="Images").click()
    expect(page.locator("#image-sklearn")).to_contain_text("sagemaker-scikit-learn")
    accessible(page)
    shots(page, "images")
    page.get_by_label("Contains").fill("xgb")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_pulling_an_image_shows_how_it_goes(fresh_studio: Studio, opened: Opened) -> None:
    """In an empty cache: an index that answers nothing ends it soon, and the page says why."""
    fresh_studio.stop()
    fresh_studio.environment |= {
        "CLARY_CACHE": str(fresh_studio.data.parent / "cache"),
        "UV_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "UV_HTTP_TIMEOUT": "2",
    }
    fresh_studio.start()
    page = opened(link(fresh_studio))
    page.get_by_role("link", name="Images").click()
    page.get_by_role("button", name="Pull sklearn").click()
    expect(page.locator("#image-sklearn .pill")).to_have_text("Failed", timeout=90_000)
    expect(page.locator("#why-sklearn")).to_contain_text("127.0.0.1:9")
    expect(page.get_by_role("button", name="Pull sklearn")).to_be_visible()
    shots(page, "images-failed")
