"""``clary records`` on what lies in the running server's S3."""

from __future__ import annotations

import json
from pathlib import Path

from clary.formats import image_records
from tests.conftest import Studio
from tests.golden.image_records import contents


def test_a_manifest_and_images_in_s3_are_packed(studio: Studio, tmp_path: Path) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="xrays")
    s3.put_object(Bucket="xrays", Key="images/a b.png", Body=contents.png(1))
    found = {"image_size": [{"width": 8, "height": 8, "depth": 1}], "annotations": []}
    lines = [{"source-ref": f"s3://xrays/images/{name}", "bb": found} for name in ("a b.png", "missing.png")]
    s3.put_object(Bucket="xrays", Key="output.manifest", Body="\n".join(map(json.dumps, lines)).encode())

    command = ["records", "pack", "s3://xrays/output.manifest", str(tmp_path / "o"), "--data", str(studio.data)]
    done = studio.clary(*command)
    assert done.returncode == 1
    assert (
        "s3://xrays/output.manifest, line 2 (s3://xrays/images/missing.png): s3://xrays/images/missing.png: "
        in done.stderr
    )
    s3.put_object(Bucket="xrays", Key="output.manifest", Body=json.dumps(lines[0]).encode())
    done = studio.clary(*command)
    assert done.returncode == 0, done.stderr
    (record,) = image_records.read(tmp_path / "o.rec")
    assert (record.image, record.labels) == (contents.png(1), (2, 5))

    s3.upload_file(str(tmp_path / "o.rec"), "xrays", "o.rec")
    shown = studio.clary("records", "show", "s3://xrays/o.rec", "--data", str(studio.data))
    assert "1 records" in shown.stdout
    assert "without any: 1" in shown.stdout
    gone = studio.clary("records", "show", "s3://xrays/none.rec", "--data", str(studio.data))
    assert gone.returncode == 1
    assert "Error: s3://xrays/none.rec: " in gone.stderr
    s3.close()
