"""The data pages: files go up and come down again, what they hold is shown, and nothing in a name does harm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet
from playwright.sync_api import Page, expect

from clary.formats import png
from tests.browser.pages import Opened, accessible, link, loaded, shots
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PART = 8 << 20


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket="ward-7")
    return client


def picture(width: int = 64, height: int = 48, shade: int = 90) -> bytes:
    rows = [bytes((shade + x // 4 + y // 4) % 256 for x in range(width) for _ in range(3)) for y in range(height)]
    return png.encode(png.Image(width, height, rows))


def test_from_nothing_to_a_file_in_a_folder(fresh_studio: Studio, opened: Opened, tmp_path: Path) -> None:
    page = opened(link(fresh_studio))
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_role("heading", name="No bucket yet")).to_be_visible()
    accessible(page)
    shots(page, "data-empty")
    page.get_by_label("Name: 3 to 63").fill("ward-7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ward-7", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing here yet")).to_be_visible()
    accessible(page)
    shots(page, "data-folder-empty")
    page.get_by_label("New folder").fill("1 % <b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 % <b>", exact=True)).to_be_visible()
    file = tmp_path / "visits & <i>100%.csv"
    file.write_text("age,ward\n61,<b>a</b>\n")
    page.get_by_label("Upload: drop").set_input_files(file)
    page.get_by_role("link", name=file.name).first.click()
    expect(page.get_by_role("cell", name="<b>a</b>")).to_be_visible()
    found = fresh_studio.client("s3").get_object(Bucket="ward-7", Key=f"1 % <b>/{file.name}")
    assert found["Body"].read() == file.read_bytes()
    page.get_by_role("link", name="Autopilot", exact=True).nth(1).click()
    expect(page.get_by_role("cell", name="ward", exact=True)).to_be_visible()


def test_an_upload_that_is_cut_goes_on_where_it_stopped(
    s3: Any, studio: Studio, opened: Opened, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(20_000_000))
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/data/ward-7/cut/")
    sent: list[str] = []
    context = page.context
    context.on("request", lambda request: sent.append(request.url) if request.method == "PUT" else None)
    context.route(re.compile(r"partNumber=3"), lambda route: route.abort())
    page.get_by_label("Upload: drop").set_input_files(file)
    expect(page.locator("[data-state]")).to_contain_text("trying again")
    (begun,) = s3.list_multipart_uploads(Bucket="ward-7", Prefix="cut/")["Uploads"]
    named = {"Bucket": "ward-7", "Key": "cut/large.bin", "UploadId": begun["UploadId"]}
    while len(s3.list_parts(**named).get("Parts", [])) < 2:
        page.wait_for_timeout(50)
    shots(page, "data-upload")
    accessible(page)
    page.close()
    assert "large.bin" not in str(s3.list_objects_v2(Bucket="ward-7", Prefix="cut/").get("Contents"))
    context.unroute(re.compile(r"partNumber=3"))
    sent.clear()
    page = context.new_page()
    page.goto(f"{studio.url}/_/data/ward-7/cut/")
    expect(page.get_by_role("heading", name="Uploads that were cut")).to_be_visible()
    shots(page, "data-upload-cut")
    page.get_by_label("Upload: drop").set_input_files(file)
    expect(page.locator("[data-state]")).to_contain_text("20.0 MB, done")
    assert [re.search(r"partNumber=(\d+)", url)[1] for url in sent] == ["3"]  # type: ignore[index]
    body = s3.get_object(Bucket="ward-7", Key="cut/large.bin")["Body"].read()
    assert hashlib.sha256(body).digest() == hashlib.sha256(file.read_bytes()).digest()
    expect(page.locator("#list").get_by_role("link", name="large.bin")).to_be_visible()
    expect(page.get_by_role("heading", name="Uploads that were cut")).to_be_hidden()


def test_a_part_that_breaks_is_tried_again_and_cancel_leaves_nothing(
    s3: Any, studio: Studio, opened: Opened, tmp_path: Path
) -> None:
    file = tmp_path / "broken.bin"
    file.write_bytes(b"x" * (PART + 10))
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/data/ward-7/")
    broken: list[str] = []

    def once(route: Any) -> None:
        if len(broken) < 2:
            broken.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    def lost(route: Any) -> None:  # the answer, and not the request
        route.fetch()
        page.unroute(re.compile("uploads/complete"))
        route.abort()

    page.route(re.compile("partNumber="), once)
    page.route(re.compile("uploads/complete"), lost)
    page.get_by_label("Upload: drop").set_input_files(file)
    expect(page.locator("[data-state]")).to_contain_text("8.4 MB, done")
    assert len(broken) == 2
    page.route(re.compile("partNumber="), lambda route: None)
    other = tmp_path / "cancelled.bin"
    other.write_bytes(b"x" * (PART + 10))
    page.get_by_label("Upload: drop").set_input_files(other)
    expect(page.locator("[data-state]").nth(1)).to_contain_text("0 B of 8.4 MB")
    page.get_by_role("button", name="Cancel", exact=True).press("Enter")
    expect(page.locator("[data-state]")).to_have_count(1)
    expect(page.get_by_text("cancelled.bin", exact=True)).to_be_hidden()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="ward-7", Prefix="cancelled.bin")
    # What is there already is not replaced without a word.
    words: list[str] = []
    page.on("dialog", lambda dialog: (words.append(dialog.message), dialog.dismiss()))
    page.unroute_all()
    small = tmp_path / "broken.bin"
    small.write_bytes(b"other")
    page.get_by_label("Upload: drop").set_input_files(small)
    expect(page.locator("[data-said]")).to_have_text("The upload of broken.bin is cancelled.")
    assert words == ["broken.bin is there already. Replace it?"]
    assert s3.head_object(Bucket="ward-7", Key="broken.bin")["ContentLength"] == PART + 10


def drop(page: Page, files: dict[str, str]) -> None:
    """Files that are dragged from the desktop onto the page."""
    page.evaluate(
        """(files) => {
          const data = new DataTransfer();
          for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name, { type: "text/plain" }));
          const main = document.querySelector("main");
          for (const kind of ["dragenter", "dragover", "drop"])
            main.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
        }""",
        files,
    )


def test_files_are_dropped_downloaded_and_deleted(s3: Any, studio: Studio, opened: Opened) -> None:
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/data/ward-7/dropped/")
    names = {"a b.txt": "one", "<img src=x onerror=alert(1)>.txt": "two", "50%20.txt": "three", "é#?.txt": "four"}
    drop(page, names)
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(4)
    shots(page, "data-folder")
    accessible(page)
    assert s3.head_object(Bucket="ward-7", Key="dropped/a b.txt")["ContentType"] == "text/plain"
    for name, text in names.items():
        page.goto(f"{studio.url}/_/data/ward-7/dropped/")
        page.locator("#list").get_by_role("link", name=name, exact=True).press("Enter")
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(page.locator("pre.whole")).to_have_text(text)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download", exact=True).press("Enter")
        assert Path(download.value.path()).read_text() == text
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete", exact=True).press("Enter")
    expect(rows).to_have_count(3)
    assert s3.list_objects_v2(Bucket="ward-7", Prefix="dropped/")["KeyCount"] == 3


def test_a_list_is_its_address(s3: Any, studio: Studio, opened: Opened) -> None:
    for i in range(105):
        s3.put_object(Bucket="ward-7", Key=f"many/k{i:03}", Body=b"x" * (i % 7))
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/data/ward-7/many/")
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(100)
    page.get_by_role("link", name="Next page").press("Enter")
    expect(rows).to_have_count(5)
    page.get_by_role("link", name="First page").click()
    page.get_by_role("link", name="Size").click()
    expect(rows.first).to_contain_text("6 B")
    page.get_by_label("Name begins with").fill("k00")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(10)
    page.get_by_label("Name begins with").fill("none")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_an_object_that_is_deleted_under_the_open_page(s3: Any, studio: Studio, opened: Opened) -> None:
    s3.put_object(Bucket="ward-7", Key="gone.txt", Body=b"x")
    page = opened(link(studio), errors=True)
    page.goto(f"{studio.url}/_/data/ward-7/gone.txt")
    expect(page.get_by_role("heading", name="gone.txt")).to_be_visible()
    s3.delete_object(Bucket="ward-7", Key="gone.txt")
    expect(page.locator("#banner")).to_have_text("What this page shows is no longer there.")
    page.get_by_role("link", name="Download").click()
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_versions(studio: Studio, opened: Opened) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket="kept", Key="v.txt", Body=text, Metadata={"who": "<b>me"})
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/data/kept/v.txt")
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    with page.expect_download() as download:
        page.locator("tr", has_not_text="the latest").get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_text() == "one"
    expect(page.get_by_role("cell", name="<b>me")).to_be_visible()
    accessible(page)
    shots(page, "data-versions")


def notebook() -> bytes:
    png_ = base64.b64encode(picture(300, 120)).decode()
    outputs = [
        {"output_type": "stream", "text": "epoch 1 <b>\n"},
        {"output_type": "display_data", "data": {"image/png": png_}},
    ]
    cells = [
        {"cell_type": "markdown", "source": "# Chest <script>x</script>\n\nTen pictures."},
        {"cell_type": "code", "execution_count": 1, "source": "import boto3\nprint('epoch 1 <b>')", "outputs": outputs},
    ]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


def test_previews(s3: Any, studio: Studio, opened: Opened) -> None:
    parquet = io.BytesIO()
    columns = {"n": Array([*range(9)], DataType.int64()), "note": Array(["<i>x</i>"] * 9, DataType.string())}
    write_parquet(Table.from_pydict(columns), parquet)
    files = {
        "table.csv": b"age,ward,a long note\n"
        + b"61,<b>a</b>,Lorem ipsum dolor sit amet consectetur adipiscing elit sed\n" * 30,
        "table.tsv": b"age\tward\n61\t<b>a</b>\n",
        "table.parquet": parquet.getvalue(),
        "document.json": b'{"a":{"b":["<b>"]}}',
        "rows.jsonl": b'{"a":"<b>"}\n{"a":2,"c":[1]}\n',
        "readme.md": b"# Title <b>\n\nText.",
        "notebook.ipynb": notebook(),
        "picture.png": picture(),
        "model.tar.gz": b"\x1f\x8b\0\0\0",
        "empty": b"",
        "damaged.parquet": b"PAR1damagedPAR1",
    }
    for name, body in files.items():
        s3.put_object(Bucket="ward-7", Key=f"previews/{name}", Body=body)
    page = opened(link(studio))
    for name, words in {
        "table.csv": "<b>a</b>",
        "table.tsv": "<b>a</b>",
        "table.parquet": "<i>x</i>",
        "document.json": '"<b>"',
        "rows.jsonl": "<b>",
        "readme.md": "Title <b>",
        "notebook.ipynb": "Chest <script>x</script>",
        "picture.png": "Preview",
        "model.tar.gz": "There is no preview of this kind of file",
        "empty": "The object is empty.",
        "damaged.parquet": "This is no Parquet file, or a damaged one.",
    }.items():
        page.goto(f"{studio.url}/_/data/ward-7/previews/{name}")
        expect(page.locator(".panel").filter(has_text=words).first).to_be_visible()
        accessible(page)
        if name in {"table.csv", "notebook.ipynb", "picture.png", "document.json", "damaged.parquet"}:
            shots(page, f"data-{name}")
    for name in ("picture.png", "notebook.ipynb"):
        page.goto(f"{studio.url}/_/data/ward-7/previews/{name}")
        loaded(page.locator("main img"))


def test_boxes_on_the_pictures_of_a_manifest(s3: Any, studio: Studio, opened: Opened) -> None:
    lines = []
    for i in range(30):
        s3.put_object(Bucket="ward-7", Key=f"x rays/{i} %.png", Body=picture(640, 480, i * 7))
        box = {"class_id": i % 2, "left": 64 + i, "top": 48, "width": 320, "height": 240}
        boxes = {"image_size": [{"width": 640, "height": 480, "depth": 1}], "annotations": [box]}
        metadata = {"class-map": {"0": "mass", "1": "<b>nodule"}, "type": "groundtruth/object-detection"}
        lines.append({"source-ref": f"s3://ward-7/x rays/{i} %.png", "boxes": boxes, "boxes-metadata": metadata})
    body = "\n".join(json.dumps(line) for line in lines).encode()
    s3.put_object(Bucket="ward-7", Key="x rays/output.manifest", Body=body)
    page = opened(link(studio))
    page.goto(f"{studio.url}/_/data/ward-7/x%20rays/output.manifest")
    expect(page.locator(".pictures .picture")).to_have_count(24)
    accessible(page)
    shots(page, "data-manifest")
    page.locator(".pictures a").nth(1).press("Enter")
    expect(page.locator("figure text")).to_have_text("<b>nodule")
    loaded(page.locator("figure img"))
    image, box = page.locator("figure img").bounding_box(), page.locator("figure rect").bounding_box()
    assert image is not None
    assert box is not None
    scale = image["width"] / 640
    for name, expected in {"x": image["x"] + 65 * scale, "y": image["y"] + 48 * scale}.items():
        assert abs(box[name] - expected) < 3  # half of its line is outside
    assert abs(box["width"] - 320 * scale) < 6
    accessible(page)
    shots(page, "data-manifest-one")
    page.get_by_role("link", name="Next").press("Enter")
    expect(page.get_by_role("heading", name="Line 3")).to_be_visible()
    page.get_by_role("link", name="Previous").click()
    expect(page.get_by_role("heading", name="Line 2")).to_be_visible()
