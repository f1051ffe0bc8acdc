"""Automated labelling: people label some pictures, the built-in detector learns them and labels those that it is sure of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.labelling.consolidation.boxes import Box, overlap
from tests import labelling_jobs as given
from tests import shapes
from tests.labelling_jobs import BUCKET, Lab

COUNT = 120
ALGORITHM = "arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/object-detection"
AUTOMATED = {"LabelingJobAlgorithmsConfig": {"LabelingJobAlgorithmSpecificationArn": ALGORITHM}}
NAMES = ("bright", "dark")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with given.lab(tmp_path) as found:
        found.put("labels.json", json.dumps({"labels": [{"label": name} for name in NAMES]}))
        yield found


def pictures(lab: Lab, count: int) -> None:
    for number in range(count):
        lab.put(f"images/{number}.png", shapes.picture(number, most=1)[0])
    lab.manifest([{"source-ref": f"s3://{BUCKET}/images/{number}.png"} for number in range(count)])


def answer(number: int) -> dict[str, Any]:
    """What a careful person draws."""
    drawn = [
        {"label": NAMES[each.class_id], "left": each.left, "top": each.top, "width": each.width, "height": each.height}
        for each in shapes.picture(number, most=1)[1]
    ]
    size = {"width": shapes.SIDE, "height": shapes.SIDE}
    return {"boundingBox": {"boundingBoxes": drawn, "inputImageProperties": size}}


def test_with_few_objects_people_label_all(lab: Lab) -> None:
    ann = lab.worker("ann")
    pictures(lab, 3)
    lab.create("few", **AUTOMATED)
    for number in range(3):
        lab.answer(ann, "few", answer(number))
    job = lab.ended("few")
    assert (job["LabelingJobStatus"], job["LabelCounters"]["HumanLabeled"]) == ("Completed", 3)
    assert "FinalActiveLearningModelArn" not in job["LabelingJobOutput"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_model_labels_what_it_is_sure_of(lab: Lab) -> None:
    ann = lab.worker("ann")
    pictures(lab, COUNT)
    lab.create("auto", **AUTOMATED)
    people = 0
    while True:
        done = lab.until("auto", lambda job: job["LabelingJobStatus"] in given.ENDED or _may_take(lab, ann), 600)
        if done["LabelingJobStatus"] in given.ENDED:
            break
        task = lab.take(ann, "auto")
        lab.submit(ann, task, answer(int(task.object_id)))
        people += 1
    assert (done["LabelingJobStatus"], done.get("FailureReason")) == ("Completed", None)
    counters = done["LabelCounters"]
    assert (counters["HumanLabeled"], counters["TotalLabeled"], counters["Unlabeled"]) == (people, COUNT, 0)
    assert counters["MachineLabeled"] > 0, lab.log("/aws/sagemaker/LabelingJobs")
    assert ":model/auto-" in done["LabelingJobOutput"]["FinalActiveLearningModelArn"]
    lines = lab.output("auto")
    by_machine = [number for number, line in enumerate(lines) if line["label-metadata"]["human-annotated"] == "no"]
    assert len(by_machine) == counters["MachineLabeled"]
    overlaps = [_overlap(lines[number]["label"]["annotations"], answer(number)) for number in by_machine]
    assert sum(overlaps) / len(overlaps) > 0.5
    told = [key for key in lab.tree("out/auto/activelearning/") if key.endswith("/auto_annotator_output.txt")]
    first, _, document = lab.get(told[0]).decode().splitlines()[0].partition(" ")
    assert int(first) in by_machine
    assert json.loads(document)["label-metadata"]["human-annotated"] == "no"


def _may_take(lab: Lab, worker: Any) -> bool:
    row = lab.context.labelling.tasks.job("us-east-1", "auto")
    return row is not None and lab.context.labelling.tasks.upcoming(row, worker.sub, lab.context.clock.ms()) is not None


def _overlap(found: list[dict[str, Any]], truth: dict[str, Any]) -> float:
    """The overlap of the best pair; 1 where both are empty."""
    drawn = truth["boundingBox"]["boundingBoxes"]
    if not found and not drawn:
        return 1.0
    sides = ("left", "top", "width", "height")
    boxes = [[Box(0, *(each[side] for side in sides)) for each in some] for some in (found, drawn)]
    return max((overlap(a, b) for a in boxes[0] for b in boxes[1]), default=0.0)
