"""``clary records`` on what lies in the running server's S3, and where it decodes images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clary.formats import image_files, image_records
from clary.formats.image_files import ImageFile
from tests import jobs, shapes
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
    assert (record.image, record.labels) == (contents.png(1), (2, 5, -1, -1, -1, -1, -1))

    s3.upload_file(str(tmp_path / "o.rec"), "xrays", "o.rec")
    shown = studio.clary("records", "show", "s3://xrays/o.rec", "--data", str(studio.data))
    assert "1 records" in shown.stdout
    assert "without any: 1" in shown.stdout
    gone = studio.clary("records", "show", "s3://xrays/none.rec", "--data", str(studio.data))
    assert gone.returncode == 1
    assert "Error: s3://xrays/none.rec: " in gone.stderr
    s3.close()


@pytest.mark.slow
def test_images_are_resized_in_the_environment_of_an_image(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a-grey.png").write_bytes(shapes.png([bytearray(b"\x80" * 60)] * 40))
    (folder / "b-16bit.png").write_bytes(shapes.png([bytearray(b"\x80\0" * 40)] * 60, depth=16))
    (folder / "c-rgba.png").write_bytes(shapes.png([bytearray(b"\x10\x20\x30\xff" * 90)] * 30, colour=6))
    (folder / "d-small.png").write_bytes(shapes.png([bytearray(b"abc" * 12)] * 8, colour=2))
    (folder / "e.jpg").write_bytes((Path(__file__).parents[1] / "golden/tiny.jpg").read_bytes())
    command = [
        "records",
        "pack",
        str(folder),
        str(tmp_path / "o"),
        "--resize",
        "20",
        "--no-shuffle",
        "--data",
        str(studio.data),
    ]
    done = studio.clary(*command)
    assert done.returncode == 0, done.stderr
    found = [image_files.look(record.image) for record in image_records.read(tmp_path / "o.rec")]
    assert found == [
        ImageFile("png", 30, 20, 1, 8), ImageFile("png", 20, 30, 1, 8), ImageFile("png", 60, 20, 4, 8),
        ImageFile("png", 12, 8, 3, 8), ImageFile("jpeg", 6, 4, 3, 8),
    ]  # fmt: skip
    assert studio.clary(*command, "--encoding", "jpeg").returncode == 0
    found = [image_files.look(record.image) for record in image_records.read(tmp_path / "o.rec")]
    assert [(image.kind, image.channels) for image in found] == [("jpeg", n) for n in (1, 1, 3, 3, 3)]

    broken = bytearray(shapes.png([bytearray(b"\x80" * 60)] * 40))
    broken[50] ^= 0xFF  # within the pixels: the file is whole
    (folder / "f.png").write_bytes(broken)
    done = studio.clary(*command)
    assert done.returncode == 1
    assert "f.png: it cannot be decoded: " in done.stderr
    assert studio.clary(*[part for part in command if part not in {"--resize", "20"}]).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_built_in_detector_trains_on_what_was_packed_from_a_manifest(studio: Studio, tmp_path: Path) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    s3.create_bucket(Bucket=jobs.BUCKET)
    lines = []
    for seed in range(16):
        image, found = shapes.picture(seed)
        (tmp_path / f"{seed}.png").write_bytes(image)
        lines.append(json.dumps({"source-ref": f"{seed}.png", "boxes": shapes.annotation(found)}))
    (tmp_path / "output.manifest").write_text("\n".join(lines))
    command = ["records", "pack", str(tmp_path / "output.manifest"), str(tmp_path / "o"), "--train-ratio", "0.75"]
    done = studio.clary(*command, "--data", str(studio.data))
    assert "num_classes=2, num_training_samples=12" in done.stdout, done.stderr
    for part in ("train", "val"):
        s3.upload_file(str(tmp_path / f"o_{part}.rec"), jobs.BUCKET, f"{part}.rec")

    def channel(name: str, part: str, mode: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.BUCKET}/{part}.rec"}
        given = {"ContentType": "application/x-recordio", "InputMode": mode, "DataSource": {"S3DataSource": source}}
        return {"ChannelName": name, **given}

    sagemaker.create_training_job(
        TrainingJobName="packed",
        RoleArn=jobs.ROLE,
        AlgorithmSpecification={
            "TrainingImage": "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1",
            "TrainingInputMode": "File",
        },
        HyperParameters={
            "base_network": "small", "use_pretrained_model": "0", "epochs": "1", "mini_batch_size": "4",
            "num_classes": "2", "num_training_samples": "12",
        },
        InputDataConfig=[channel("train", "train", "Pipe"), channel("validation", "val", "File")],
        OutputDataConfig={"S3OutputPath": f"s3://{jobs.BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 400},
    )  # fmt: skip
    job = jobs.ended(sagemaker, "packed")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "validation:mAP" in {metric["MetricName"] for metric in job["FinalMetricDataList"]}
    s3.close()
    sagemaker.close()
