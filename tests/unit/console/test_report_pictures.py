"""Pictures of a report in S3: found in their order, harmless, and for those alone who may read the report."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from clary.app import Studio
from clary.console import report_pictures
from clary.context import Identity
from clary.images import pages

FOLDER = "s3://ward/out/documentation/model_monitor/output"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text style="fill: #5f6a63">a</text></svg>'
REPORT = pages.page(
    "Model insights",
    "lead",
    pages.figures(F1=0.5),
    pages.grid(pages.panel("Actual & <b>predicted</b>", SVG), pages.panel("A table", pages.table([{"a": 1}]))),
    pages.panel("Residuals", SVG, "a note"),
)


@pytest.fixture
def reported(studio: Studio) -> Studio:
    studio.context.buckets.create_bucket("ward")
    studio.context.buckets.put_bytes(f"{FOLDER}/CatBoost/report.html", REPORT.encode())
    studio.context.buckets.put_bytes(f"{FOLDER}-other/report.html", b"no")
    return studio


def test_a_reports_pictures_in_their_order(reported: Studio) -> None:
    uri, found = report_pictures.read(reported.context.own_buckets, FOLDER)
    assert uri == f"{FOLDER}/CatBoost/report.html"
    assert [each.title for each in found] == ["Actual & <b>predicted</b>", "Residuals"]
    assert not any(each.wide for each in found)
    for each in found:
        assert ET.fromstring(each.svg).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_picture_runs_and_loads_nothing() -> None:
    (picture,) = report_pictures.pictures("<h2>x</h2><svg><script>alert(1)</script></svg>")
    headers = report_pictures.answer(picture).headers
    assert headers["Content-Type"] == "image/svg+xml"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")


def test_a_chart_of_six_inches_is_wide() -> None:
    (picture,) = report_pictures.pictures(f"<h2>x</h2>{SVG.replace('0 0 9 9', '0 0 446.4 244.8')}")
    assert picture.wide


def test_none_for_who_may_not_read_it(reported: Studio) -> None:
    other = replace(reported.context, identity=Identity("arn:aws:iam::000000000000:user/other"))
    assert report_pictures.read(other.own_buckets, FOLDER) == ("", ())


def test_none_where_there_is_no_report(reported: Studio) -> None:
    for place in ("", "s3://none/a", "s3://ward/elsewhere"):
        assert report_pictures.read(reported.context.own_buckets, place) == ("", ())
    reported.context.buckets.put_bytes("s3://ward/bad/x/report.html", b"\xff<h2>cut</h2><svg ")
    assert report_pictures.read(reported.context.own_buckets, "s3://ward/bad") == ("s3://ward/bad/x/report.html", [])
