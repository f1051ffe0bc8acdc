"""Labeling jobs from the manifest to the output: who is asked what, what comes out, over restarts of the parts too.

Asked through the clients' door; workers answer as their pages do (``clary.labelling.tasks``), in this process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.errors import ServiceError
from clary.formats import png
from clary.labelling import tasks
from clary.labelling.tasks import TaskGone
from tests import jobs
from tests import labelling_jobs as given
from tests.labelling_jobs import BUCKET, Lab, boxes

CLASS = {"crowd-image-classifier": {"label": "bronchus"}}
TEXT_LABELS = {"labels": [{"label": "good"}, {"label": "bad"}, {"label": "ugly"}]}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with given.lab(tmp_path) as found:
        yield found


def test_boxes_of_one_worker(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(3)
    assert lab.create("Boxes")["LabelCounters"]["Unlabeled"] == 3
    first = lab.take(ann, "Boxes")
    shown = tasks.input_of(lab.context, ann, first)
    assert shown.input == {"taskObject": f"s3://{BUCKET}/images/0.png", "labels": ["trachea", "bronchus"]}
    assert shown.template == given.TEMPLATE
    lab.submit(ann, first, boxes((1, 2, 3, 4), (10, 20, 30, 40)), seconds=40.5)
    lab.answer(ann, "Boxes", boxes())
    job = lab.until("Boxes", lambda job: job["LabelCounters"]["HumanLabeled"] == 2)
    assert "LabelingJobOutput" not in job
    lab.answer(ann, "Boxes", boxes((630, 470, 100, 100), label="bronchus"))
    job = lab.ended("Boxes")
    assert (job["LabelingJobStatus"], job.get("FailureReason")) == ("Completed", None)
    assert job["LabelCounters"] == {
        "TotalLabeled": 3,
        "HumanLabeled": 3,
        "MachineLabeled": 0,
        "FailedNonRetryableError": 0,
        "Unlabeled": 0,
    }
    assert job["LabelingJobOutput"] == {
        "OutputDatasetS3Uri": f"s3://{BUCKET}/out/Boxes/manifests/output/output.manifest"
    }
    one, two, three = lab.output("Boxes")
    assert list(one) == ["source-ref", "n", "label", "label-metadata"]
    assert one["label"] == {
        "image_size": [{"width": 640, "height": 480, "depth": 3}],
        "annotations": [
            {"class_id": 0, "top": 2, "left": 1, "height": 4, "width": 3},
            {"class_id": 0, "top": 20, "left": 10, "height": 40, "width": 30},
        ],
    }
    metadata = one["label-metadata"]
    assert metadata.pop("creation-date")[10] == "T"
    assert metadata == {
        "objects": [{"confidence": 0}, {"confidence": 0}],
        "class-map": {"0": "trachea"},
        "type": "groundtruth/object-detection",
        "job-name": "labeling-job/boxes",
        "human-annotated": "yes",
    }
    assert (two["label"]["annotations"], two["label-metadata"]["class-map"]) == ([], {})
    # What reaches out of the image is cut off.
    assert three["label"]["annotations"] == [{"class_id": 1, "top": 470, "left": 630, "height": 10, "width": 10}]


def test_what_lies_in_s3(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    lab.create("boxes")
    lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    lab.ended("boxes")
    tree = [key.removeprefix("out/boxes/") for key in lab.tree()]
    (stamp,) = {key.rpartition("/")[2] for key in tree if "worker-response" in key}
    consolidated = "annotations/consolidated-annotation/consolidation"
    assert tree == [
        f"{consolidated}-request/iteration-1/{stamp}",
        f"{consolidated}-response/iteration-1/{stamp}",
        "annotations/intermediate/1/annotations.json",
        f"annotations/worker-response/iteration-1/0/{stamp}",
        "manifests/intermediate/1/output.manifest",
        "manifests/output/output.manifest",
    ]
    (answer,) = json.loads(lab.get(f"out/boxes/annotations/worker-response/iteration-1/0/{stamp}"))["answers"]
    assert answer["answerContent"] == boxes((1, 2, 3, 4))
    assert (answer["workerId"], answer["timeSpentInSeconds"]) == (ann.worker_id, 1.5)
    assert answer["acceptanceTime"][-1] == "Z"
    identity = answer["workerMetadata"]["identityData"]
    assert identity == {
        "identityProviderType": "Cognito",
        "issuer": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1B2c3",
        "sub": ann.sub,
    }
    (asked,) = json.loads(lab.get(f"out/boxes/{consolidated}-request/iteration-1/{stamp}"))
    content = asked["annotations"][0]["annotationData"]["content"]
    assert (asked["datasetObjectId"], asked["dataObject"]) == ("0", {"s3Uri": f"s3://{BUCKET}/images/0.png"})
    assert json.loads(content) == answer["answerContent"]
    (said,) = json.loads(lab.get(f"out/boxes/{consolidated}-response/iteration-1/{stamp}"))
    (line,) = lab.output("boxes")
    labelled = {name: line[name] for name in ("label", "label-metadata")}
    assert said == {"datasetObjectId": "0", "consolidatedAnnotation": {"content": labelled}}
    assert json.loads(lab.get("out/boxes/manifests/intermediate/1/output.manifest")) == line


def test_three_workers_with_one_outlier(lab: Lab) -> None:
    people = [lab.worker(name) for name in ("ann", "bob", "eve")]
    lab.images(1)
    lab.create("boxes", human={"NumberOfHumanWorkersPerDataObject": 3})
    for worker, box in zip(people, [(0, 0, 100, 100), (10, 0, 100, 100), (400, 300, 50, 50)], strict=True):
        lab.answer(worker, "boxes", boxes(box))
    lab.ended("boxes")
    (line,) = lab.output("boxes")
    assert line["label"]["annotations"] == [{"class_id": 0, "top": 0, "left": 5, "height": 100, "width": 100}]
    assert line["label-metadata"]["objects"] == [{"confidence": 0.55}]


def test_classes(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(2)
    lab.create("image", "ImageMultiClass", human={"NumberOfHumanWorkersPerDataObject": 2})
    for worker in (ann, bob):
        for _ in range(2):
            lab.answer(worker, "image", CLASS)
    lab.ended("image")
    line = lab.output("image")[0]
    metadata = line["label-metadata"]
    assert (line["label"], metadata["class-name"], metadata["type"]) == (
        1,
        "bronchus",
        "groundtruth/image-classification",
    )
    assert metadata["confidence"] > 0.7


def test_several_classes(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(1)
    lab.create("image", "ImageMultiClassMultiLabel", human={"NumberOfHumanWorkersPerDataObject": 2})
    lab.answer(ann, "image", {"crowd-image-classifier-multi-select": {"labels": ["bronchus"]}})
    lab.answer(bob, "image", {"mine": {"labels": ["bronchus", "trachea"]}})
    lab.ended("image")
    (line,) = lab.output("image")
    metadata = line["label-metadata"]
    assert (line["label"], metadata["class-map"]) == ([0, 1], {"0": "trachea", "1": "bronchus"})
    assert metadata["type"] == "groundtruth/image-classification-multilabel"
    assert metadata["confidence-map"]["1"] > metadata["confidence-map"]["0"]


def texts(lab: Lab, *said: str) -> None:
    lab.manifest([{"source": each} for each in said])
    lab.put("labels.json", json.dumps(TEXT_LABELS))


def test_texts(lab: Lab) -> None:
    ann = lab.worker("ann")
    texts(lab, "it's <fine> & well")
    lab.create("text", "TextMultiClass")
    task = lab.take(ann, "text")
    assert tasks.input_of(lab.context, ann, task).input["taskObject"] == "it's <fine> & well"
    lab.submit(ann, task, {"crowd-classifier": {"label": "ugly"}})
    lab.ended("text")
    (line,) = lab.output("text")
    assert (line["source"], line["label"]) == ("it's <fine> & well", 2)
    assert line["label-metadata"]["type"] == "groundtruth/text-classification"
    # Signs of HTML are escaped, as AWS does it.
    assert b"it\\u0027s \\u003cfine\\u003e \\u0026 well" in lab.get("out/text/manifests/output/output.manifest")


def test_texts_of_several_classes(lab: Lab) -> None:
    ann = lab.worker("ann")
    texts(lab, "so so")
    lab.create("text", "TextMultiClassMultiLabel")
    lab.answer(ann, "text", {"crowd-classifier-multi-select": {"labels": ["good", "bad"]}})
    lab.ended("text")
    (line,) = lab.output("text")
    assert (line["label"], line["label-metadata"]["confidence-map"]) == ([0, 1], {"0": 0, "1": 0})


def test_named_entities_with_the_page_of_aws(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.manifest([{"source": "Ärztin gave 5 mg morphine"}])
    labels = {
        "labels": [{"label": "Drug", "shortDisplayName": "D"}, {"label": "Dose", "shortDisplayName": "mg"}],
        "instructions": {"shortInstruction": "<p>{{ no liquid }}</p>", "fullInstruction": "<p>all</p>"},
    }
    lab.put("labels.json", json.dumps(labels))
    arn = "arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/NamedEntityRecognition"
    lab.create("spans", "NamedEntityRecognition", human={"UiConfig": {"HumanTaskUiArn": arn}})
    task = lab.take(ann, "spans")
    shown = tasks.input_of(lab.context, ann, task)
    assert shown.input["labels"] == labels["labels"]
    assert "<p>{{ no liquid }}</p>" in shown.template
    marked = [
        {"label": "Dose", "startOffset": 12, "endOffset": 16},
        {"label": "Drug", "startOffset": 17, "endOffset": 25},
    ]
    lab.submit(ann, task, {"crowd-entity-annotation": {"entities": marked}})
    lab.ended("spans")
    (line,) = lab.output("spans")
    assert line["label"] == {"annotations": {"labels": labels["labels"], "entities": marked}}
    assert line["label-metadata"]["entities"] == [{"confidence": 0}, {"confidence": 0}]
    assert line["label-metadata"]["type"] == "groundtruth/text-span"


def test_masks(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(1)
    lab.create("mask", "SemanticSegmentation", human={"NumberOfHumanWorkersPerDataObject": 2})
    square = [[0] * 8 for _ in range(8)]
    for row in square[2:6]:
        row[2:6] = [2] * 4
    # One has other colours for the same labels; what counts is the label.
    lab.answer(ann, "mask", given.mask(square, ["trachea", "bronchus"]))
    swapped = given.mask([[{0: 0, 2: 1}[each] for each in row] for row in square], ["bronchus", "trachea"])
    lab.answer(bob, "mask", swapped)
    lab.ended("mask")
    (line,) = lab.output("mask")
    uri = line["mask-ref"]
    assert uri.startswith(f"s3://{BUCKET}/out/mask/annotations/consolidated-annotation/output/0_20")
    image = png.decode(lab.get(uri.removeprefix(f"s3://{BUCKET}/")))
    assert image.rows[3] == b"\xff\xff\xff" * 2 + b"\x1f\x77\xb4" * 4 + b"\xff\xff\xff" * 2
    legend = line["mask-ref-metadata"]["internal-color-map"]
    assert legend["0"] == {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 1.0}
    assert legend["2"] == {"class-name": "bronchus", "hex-color": "#1f77b4", "confidence": 1.0}
    assert line["mask-ref-metadata"]["type"] == "groundtruth/semantic-segmentation"


def test_labels_are_verified_and_adjusted(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    lab.create("boxes")
    lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    lab.ended("boxes")
    made = lab.describe("boxes")["LabelingJobOutput"]["OutputDatasetS3Uri"]
    source = {"InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": made}}}}
    job = lab.create("same", "AdjustmentBoundingBox", **source)
    assert (job["LabelingJobStatus"], "has label already" in job["FailureReason"]) == ("Failed", True)
    lab.create("adjust", "AdjustmentBoundingBox", LabelAttributeName="better", **source)
    task = lab.take(ann, "adjust")
    assert tasks.input_of(lab.context, ann, task).input["manifestLine"] == lab.output("boxes")[0]
    lab.submit(ann, task, boxes((1, 2, 5, 6), initialValueModified=True))
    lab.ended("adjust")
    (line,) = lab.output("adjust")
    assert line["label"]["annotations"] == [{"class_id": 0, "top": 2, "left": 1, "height": 4, "width": 3}]
    assert line["better-metadata"]["adjustment-status"] == "adjusted"
    lab.put("labels.json", json.dumps(TEXT_LABELS))
    lab.create("verify", "VerificationBoundingBox", LabelAttributeName="verdict", **source)
    lab.answer(ann, "verify", {"crowd-image-classifier": {"label": "bad", "workerComment": "too low"}})
    lab.ended("verify")
    (line,) = lab.output("verify")
    metadata = line["verdict-metadata"]
    assert (line["verdict"], metadata["class-name"]) == (1, "bad")
    assert (metadata["type"], metadata["worker-feedback"]) == (
        "groundtruth/label-verification",
        [{"comment": "too low"}],
    )


def test_one_s_own_template(lab: Lab) -> None:
    """Without functions: the line is the input, the label says where the answers are."""
    ann = lab.worker("ann")
    lab.manifest([{"source": "a", "more": [1]}])
    lab.create("Own", "")
    task = lab.take(ann, "Own")
    assert tasks.input_of(lab.context, ann, task).input == {"source": "a", "more": [1]}
    lab.submit(ann, task, {"free": "text"})
    lab.ended("Own")
    (line,) = lab.output("Own")
    metadata = line["label-metadata"]
    assert (line["label"], metadata["type"], metadata["job-name"]) == ({}, "groundtruth/custom", "Own")
    answers = json.loads(lab.context.buckets.get_bytes(metadata["worker-response-ref"]))["answers"]
    assert answers[0]["answerContent"] == {"free": "text"}


def test_the_first_batch_goes_alone_then_as_many_as_may_be_out_at_once(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(20)
    lab.create("boxes", human={"MaxConcurrentTaskCount": 4})
    # The probe is smaller than 10 where fewer may be out at once.
    numbers = [lab.answer(ann, "boxes", boxes()).object_id for _ in range(3)]
    held = lab.take(bob, "boxes")
    assert [*numbers, held.object_id] == ["0", "1", "2", "3"]
    assert tasks.take(lab.context, ann, "boxes") is None
    lab.submit(bob, held, boxes())
    # As objects are answered others come, while one of them is held.
    held = lab.take(bob, "boxes")
    numbers = [lab.answer(ann, "boxes", boxes()).object_id for _ in range(8)]
    assert [held.object_id, *numbers] == [str(n) for n in range(4, 13)]
    lab.submit(bob, held, boxes())
    for _ in range(7):
        lab.answer(ann, "boxes", boxes())
    lab.ended("boxes")
    assert [line["n"] for line in lab.output("boxes")] == list(range(20))
    folders = {key.split("/")[4] for key in lab.tree("out/boxes/annotations/worker-response/")}
    assert folders == {f"iteration-{n}" for n in range(1, 6)}


def test_answers_may_be_changed_until_the_batch_is_whole(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(2)
    lab.create("boxes")
    sent = lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    assert [task.id for task in tasks.previous(lab.context, ann, "boxes")] == [sent.id]
    revised = tasks.revise(lab.context, ann, sent.id)
    assert revised.draft == boxes((1, 2, 3, 4))
    lab.submit(ann, revised, boxes((5, 5, 5, 5)))
    lab.answer(ann, "boxes", boxes())
    lab.ended("boxes")
    assert lab.output("boxes")[0]["label"]["annotations"] == [
        {"class_id": 0, "top": 5, "left": 5, "height": 5, "width": 5}
    ]


def test_a_stopped_job_keeps_what_was_labelled_and_another_goes_on(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(4)
    lab.create("boxes", human={"NumberOfHumanWorkersPerDataObject": 2})
    lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    lab.answer(bob, "boxes", boxes((1, 2, 3, 4)))
    lab.answer(ann, "boxes", boxes((7, 7, 7, 7)))  # one answer of two
    late = lab.take(ann, "boxes")
    lab.context.call("sagemaker", "StopLabelingJob", LabelingJobName="boxes")
    job = lab.ended("boxes")
    assert job["LabelingJobStatus"] == "Stopped"
    assert (job["LabelCounters"]["HumanLabeled"], job["LabelCounters"]["Unlabeled"]) == (2, 2)
    with pytest.raises(TaskGone, match="has ended"):
        lab.submit(ann, late, boxes())
    lab.context.call("sagemaker", "StopLabelingJob", LabelingJobName="boxes")  # as harmless as on AWS
    lines = lab.output("boxes")
    assert ["label" in line for line in lines] == [True, True, False, False]
    assert lines[2:] == [{"source-ref": f"s3://{BUCKET}/images/{n}.png", "n": n} for n in (2, 3)]
    made = job["LabelingJobOutput"]["OutputDatasetS3Uri"]
    source = {"InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": made}}}}
    job = lab.create("rest", **source)
    assert (job["LabelCounters"]["TotalLabeled"], job["LabelCounters"]["Unlabeled"]) == (2, 2)
    assert [lab.answer(ann, "rest", boxes()).object_id for _ in range(2)] == ["2", "3"]
    lab.ended("rest")
    chained = lab.output("rest")
    assert chained[:2] == lines[:2]
    assert all("label" in line for line in chained)


@pytest.mark.parametrize(
    ("conditions", "labelled"),
    [({"MaxHumanLabeledObjectCount": 2}, 2), ({"MaxPercentageOfInputDatasetLabeled": 30}, 2)],
)
def test_stopping_conditions(lab: Lab, conditions: dict[str, int], labelled: int) -> None:
    ann = lab.worker("ann")
    lab.images(6)
    lab.create("boxes", StoppingConditions=conditions)
    for _ in range(labelled):
        lab.answer(ann, "boxes", boxes())
    job = lab.ended("boxes")
    assert (job["LabelingJobStatus"], job["LabelCounters"]["HumanLabeled"]) == ("Stopped", labelled)
    assert sum("label" in line for line in lab.output("boxes")) == labelled


def test_what_nobody_answers_in_time_fails_and_one_answer_is_enough(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(2)
    lab.create("boxes", human={"NumberOfHumanWorkersPerDataObject": 2, "TaskAvailabilityLifetimeInSeconds": 3600})
    lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    lab.later(3601)
    job = lab.ended("boxes")
    assert job["LabelingJobStatus"] == "Completed"
    assert (job["LabelCounters"]["HumanLabeled"], job["LabelCounters"]["FailedNonRetryableError"]) == (1, 1)
    one, two = lab.output("boxes")
    assert "label" in one
    assert "label" not in two
    assert two["label-metadata"]["failure-reason"].startswith("ClientError: Annotation tasks expired")
    # Such a line counts as unlabelled in the next of a chain.
    source = {
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": job["LabelingJobOutput"]["OutputDatasetS3Uri"]}}
        }
    }
    assert lab.create("rest", **source)["LabelCounters"]["Unlabeled"] == 1


def test_where_all_is_labelled_already_nobody_is_asked(lab: Lab) -> None:
    lab.manifest([{"source-ref": f"s3://{BUCKET}/a.png", "label": {"annotations": []}}])
    job = lab.create("boxes")
    assert lab.ended("boxes")["LabelingJobStatus"] == "Completed", job
    assert lab.output("boxes") == [{"source-ref": f"s3://{BUCKET}/a.png", "label": {"annotations": []}}]


def test_a_task_s_time_limit_lets_others_have_it(lab: Lab) -> None:
    ann, bob = lab.worker("ann"), lab.worker("bob")
    lab.images(1)
    lab.create("boxes", human={"TaskTimeLimitInSeconds": 30})
    lab.take(ann, "boxes")
    assert tasks.take(lab.context, bob, "boxes") is None
    lab.later(31)
    assert lab.take(bob, "boxes").object_id == "0"


def test_what_all_decline_fails(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    lab.create("boxes")
    tasks.decline(lab.context, ann, lab.take(ann, "boxes").id, "it is a foot")
    assert lab.ended("boxes")["LabelCounters"]["FailedNonRetryableError"] == 1


def test_a_job_of_thirty_days_ends_with_what_it_has(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(2)
    lab.create("boxes", human={"TaskAvailabilityLifetimeInSeconds": 60 * 86_400})
    lab.answer(ann, "boxes", boxes())
    lab.later(30 * 86_400 + 1)
    job = lab.ended("boxes")
    assert (job["LabelingJobStatus"], "expired" in job["FailureReason"]) == ("Failed", True)
    assert ["label" in line for line in lab.output("boxes")] == [True, False]


def test_images_that_are_none_fail_alone(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(3)
    lab.put("images/0.png", "no image")
    lab.context.buckets.delete(f"s3://{BUCKET}/images/1.png")
    lab.create("boxes")
    assert lab.answer(ann, "boxes", boxes()).object_id == "2"
    job = lab.ended("boxes")
    assert (job["LabelingJobStatus"], job["LabelCounters"]["FailedNonRetryableError"]) == ("Completed", 2)
    reasons = [line["label-metadata"].get("failure-reason", "") for line in lab.output("boxes")]
    assert f"s3://{BUCKET}/images/0.png is a file that begins with" in reasons[0]
    assert f"s3://{BUCKET}/images/1.png cannot be read" in reasons[1]
    assert reasons[2] == ""


def test_an_answer_of_another_form_fails_its_object_with_the_reason(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(3)
    lab.create("boxes")
    for answer in ({"free": "text"}, boxes((1, 2, 3, 4), label="liver"), boxes((1, 2, 0, 4))):
        lab.answer(ann, "boxes", answer)
    assert lab.ended("boxes")["LabelCounters"]["FailedNonRetryableError"] == 3
    reasons = [line["label-metadata"]["failure-reason"] for line in lab.output("boxes")]
    assert "holds boundingBoxes" in reasons[0]
    assert '"liver", which is no label of the job' in reasons[1]
    assert "a box of no size" in reasons[2]


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("in.manifest", "{oops", "line 1 is not JSON"),
        ("in.manifest", None, "The manifest s3://ward/in.manifest cannot be read"),
        (
            "labels.json",
            '{"labels":[]}',
            "The label category file s3://ward/labels.json cannot be used: it holds 0 labels",
        ),
        ("labels.json", None, "The label category file s3://ward/labels.json cannot be read"),
        ("template.liquid.html", None, "The template s3://ward/template.liquid.html cannot be read"),
        ("template.liquid.html", b"\xff", "is not UTF-8"),
        ("template.liquid.html", "<p>{% for %}</p>", "The template cannot be rendered"),
    ],
)
def test_what_it_cannot_begin_with_is_its_reason(lab: Lab, key: str, content: Any, said: str) -> None:
    lab.images(1)
    if content is None:
        lab.context.buckets.delete(f"s3://{BUCKET}/{key}")
    else:
        lab.put(key, content)
    job = lab.create("boxes")
    assert job["LabelingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert said in job["FailureReason"]


def test_where_s3_cannot_be_written_answers_are_kept(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    lab.context.buckets.create_bucket("other")
    lab.create("boxes", OutputConfig={"S3OutputPath": "s3://other/out"})
    lab.context.buckets.delete_bucket("other")
    lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    job = lab.until("boxes", lambda job: "FailureReason" in job)
    assert (job["LabelingJobStatus"], "it is tried again" in job["FailureReason"]) == ("InProgress", True)
    lab.context.buckets.create_bucket("other")
    lab.studio.loop.wake(("us-east-1", "LabelingJob", "boxes"))
    job = lab.ended("boxes")
    assert (job["LabelingJobStatus"], job.get("FailureReason")) == ("Completed", None)
    assert lab.output("boxes")[0]["label"]["annotations"]


def test_what_is_told_in_logs_and_metrics(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(2)
    lab.create("boxes")
    tasks.give_back(lab.context, ann, lab.take(ann, "boxes").id)
    for _ in range(2):
        lab.answer(ann, "boxes", boxes())
    job = lab.ended("boxes")
    events = [line["event-name"] for line in lab.log("/aws/sagemaker/LabelingJobs")]
    evaluated = "BATCH_ANNOTATION_STATUS_EVALUATED"
    assert events == [evaluated, evaluated, "EXPORTED_LABELED_MANIFEST"]
    did = lab.log("/aws/sagemaker/groundtruth/WorkerActivity")
    kinds = [line["event_type"] for line in did]
    assert sorted(kinds) == sorted(["TasksAccepted"] * 3 + ["TasksReturned"] + ["TasksSubmitted"] * 2)
    line = next(line for line in did if line["event_type"] == "TasksSubmitted")
    assert (line["worker_id"], line["cognito_sub_id"]) == (ann.worker_id, ann.sub)
    assert (line["job_reference_code"], line["labeling_job_arn"]) == (job["JobReferenceCode"], job["LabelingJobArn"])
    assert line["task_submitted_time"].endswith("UTC 2026") or "UTC" in line["task_submitted_time"]
    metrics = lab.context.metrics
    of_job = metrics.last("us-east-1", "AWS/Sagemaker/LabelingJobs", {"LabelingJobName": "boxes"})
    assert of_job["DatasetObjectsHumanAnnotated"].value == 2
    assert metrics.last("us-east-1", "AWS/Sagemaker/LabelingJobs", {})["JobsSucceeded"].value == 1
    where = {"Workforce": "default", "Workteam": "ward"}
    assert metrics.last("us-east-1", "AWS/SageMaker/Workteam", where)["TimeSpent"].value == 1.5


def test_jobs_of_a_team_are_listed_for_it(lab: Lab) -> None:
    lab.images(2)
    job = lab.create("boxes")
    ask = lab.context.call
    (found,) = ask("sagemaker", "ListLabelingJobsForWorkteam", WorkteamArn=given.TEAM_ARN)["LabelingJobSummaryList"]
    assert (found["LabelingJobName"], found["JobReferenceCode"]) == ("boxes", job["JobReferenceCode"])
    assert found["LabelCounters"] == {"HumanLabeled": 0, "PendingHuman": 2, "Total": 2}
    with pytest.raises(ServiceError, match="works on the labeling job boxes"):
        ask("sagemaker", "DeleteWorkteam", WorkteamName="ward")


def test_a_job_reads_and_writes_with_the_rights_of_its_role(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    ask = lab.context.call
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = ask("iam", "CreateRole", RoleName="narrow", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    job = lab.create("none", RoleArn=arn)
    assert (job["LabelingJobStatus"], "is not authorized to perform: s3:GetObject" in job["FailureReason"]) == (
        "Failed",
        True,
    )

    def allow(name: str, action: str, key: str) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{BUCKET}/{key}"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        ask("iam", "PutRolePolicy", RoleName="narrow", PolicyName=name, PolicyDocument=policy)

    allow("read", "s3:GetObject", "*")
    lab.create("read-only", RoleArn=arn)
    lab.answer(ann, "read-only", boxes((1, 2, 3, 4)))
    job = lab.until("read-only", lambda job: "FailureReason" in job)
    assert "is not authorized to perform: s3:PutObject" in job["FailureReason"]
    allow("write", "s3:PutObject", "out/read-only/*")
    lab.studio.loop.wake(("us-east-1", "LabelingJob", "read-only"))
    assert lab.ended("read-only")["LabelingJobStatus"] == "Completed"


def test_an_encrypted_output_is_encrypted(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(1)
    key = lab.context.call("kms", "CreateKey")["KeyMetadata"]["Arn"]
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": key}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = {"RoleName": "ClaryExecutionRole", "PolicyName": "key", "PolicyDocument": policy}
    lab.context.call("iam", "PutRolePolicy", **role)
    lab.create("boxes", OutputConfig={"S3OutputPath": f"s3://{BUCKET}/out", "KmsKeyId": key})
    lab.answer(ann, "boxes", boxes())
    lab.ended("boxes")
    for name in lab.tree():
        assert lab.context.buckets.find(f"s3://{BUCKET}/{name}").encryption is not None
    assert "label" in lab.output("boxes")[0]


READS = """
import os
data = open("/opt/ml/input/data/train_0" if os.path.exists("/opt/ml/input/data/train_0") else
            os.path.join(os.environ["SM_INPUT_DIR"], "data/train_0"), "rb").read()
print("read", data.count(b"PNG"), "images,", data.count(b'"class_id"'), "boxes", flush=True)
"""


@pytest.mark.slow
def test_a_training_job_reads_what_was_labelled(lab: Lab) -> None:
    ann = lab.worker("ann")
    lab.images(3)
    lab.create("boxes")
    for _ in range(3):
        lab.answer(ann, "boxes", boxes((1, 2, 3, 4)))
    uri = lab.ended("boxes")["LabelingJobOutput"]["OutputDatasetS3Uri"]
    lab.put("code/train.tar.gz", jobs.archive({"train.py": READS}))
    source = {"S3DataType": "AugmentedManifestFile", "S3Uri": uri, "AttributeNames": ["source-ref", "label"]}
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": source},
        "RecordWrapperType": "RecordIO",
        "InputMode": "Pipe",
    }
    lab.context.call(
        "sagemaker",
        "CreateTrainingJob",
        TrainingJobName="reads",
        RoleArn=jobs.ROLE,
        AlgorithmSpecification={"TrainingImage": jobs.IMAGE, "TrainingInputMode": "Pipe"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://{BUCKET}/code/train.tar.gz",
        },
        InputDataConfig=[channel],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/model"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 120},
    )
    job = lab.training("reads")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    logs = lab.context.call("logs", "FilterLogEvents", logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert any("read 3 images, 3 boxes" in each["message"] for each in logs)
