# %% [markdown]
# # Chest X-rays
#
# Where is the trachea in a chest radiograph, the windpipe that a breathing tube goes into? You get a thousand pictures
# with boxes drawn by hand, draw some yourself, train two detectors on spot instances, catch a training run that went
# wrong, compare the runs, and put the best one behind an endpoint that answers a picture with a box.
#
# `guide.md` tells the story and explains the words. This notebook uses boto3 and the SageMaker Python SDK only: it
# runs on your machine and on AWS alike.

# %% [markdown]
# ## 1. Where am I?
# The first cell of every notebook asks where its calls go. It stops if that is AWS, because there they cost money.

# %%
import os
from urllib.parse import urlparse

import boto3

endpoint_url = boto3.client("sagemaker").meta.endpoint_url
LOCAL = urlparse(endpoint_url).hostname in {"127.0.0.1", "localhost", "::1"}
account = boto3.client("sts").get_caller_identity()["Account"]
print(f"endpoint {endpoint_url}\naccount  {account}")
if not LOCAL and os.environ.get("ALLOW_AWS") != "1":
    raise SystemExit("This is not a local endpoint. To run it on AWS, and pay for it, set ALLOW_AWS=1.")

# %%
import logging
import time

for chatty in ("sagemaker.config", "sagemaker.image_uris", "sagemaker.telemetry", "botocore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")  # that there is a version 3, too
import sagemaker

began = time.monotonic()
session = sagemaker.Session()
sm, bucket = session.sagemaker_client, session.default_bucket()
role = sagemaker.get_execution_role() if "SAGEMAKER_ROLE" not in os.environ else os.environ["SAGEMAKER_ROLE"]
print(f"bucket s3://{bucket}\nrole   {role}")

# %% [markdown]
# How long each detector may learn, and where plots and the report go. Every name that this project gives begins alike.

# %%
from pathlib import Path

OWN_EPOCHS = int(os.environ.get("CLARY_PROJECT_EPOCHS", "0"))  # 0: the fewer pictures, the more
BUILT_IN_EPOCHS = int(os.environ.get("CLARY_PROJECT_BUILT_IN_EPOCHS", "0"))
COUNT = int(os.environ.get("CLARY_PROJECT_PICTURES", "600"))  # of the synthetic sample
OUTPUT = Path(os.environ.get("CLARY_PROJECT_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
PREFIX = "chest-xrays"
ENDPOINT = PREFIX
STAMP = time.strftime("%y%m%d-%H%M%S")  # of this run of the notebook

# %% [markdown]
# ## 2. The radiographs
# `data.py` takes the folder that you name, or downloads the NIH's pictures, or draws a synthetic sample. It says which.
# All of them become grey pictures of 300 x 300, once: reading a picture of 1,024 x 1,024 takes longer than learning from it.

# %%
import data

source = data.get(os.environ.get("CLARY_PROJECT_INPUT"), count=COUNT)
print(source)

# %% [markdown]
# Look at them before anything else. Where does the box begin, where does it end? Which pictures have none, and why?

# %%
from plots import Plots

draw = Plots(OUTPUT, source.folder, synthetic=source.synthetic)
labelled = [record for record in source.records if record.labelled]
draw.examples(labelled)

# %% [markdown]
# ## 3. What the boxes say
# Four numbers a box. How much do they vary? What varies most is what will be hardest to predict.

# %%
import pandas as pd

boxes = pd.DataFrame(
    [record.box for record in labelled if record.box], columns=["left", "top", "width", "height"]
)  # fractions of the picture
print(boxes.describe().loc[["count", "min", "25%", "50%", "75%", "max"]].round(3).to_string())
print(f"pictures without a box: {1 - len(boxes) / len(labelled):.0%}")
draw.sizes(boxes)

# %% [markdown]
# ## 4. Draw some yourself
# A **labelling job** of Ground Truth shows pictures to people and writes down what they draw. It needs the pictures in
# S3, a list of them (a **manifest**), a **work team**, the names of the classes, and a page for the workers.

# %%
uploaded = session.upload_data(str(source.folder), bucket, f"{PREFIX}/images")
print(f"{len(source.records)} pictures in {uploaded}")

# %% tags=["task"]
# TASK: Write the manifest `to_label`: ten lines of JSON, each `{"source-ref": "s3://..."}`, pictures of ten patients.
# HINT: one record of each patient: `{record.patient: record for record in source.records}`; sort, so that it stays the same.
import json

patients = {record.patient: record for record in source.records}
ten = [patients[name] for name in sorted(patients)][::-1][:10]
to_label = "".join(json.dumps({"source-ref": f"{uploaded}/{record.name}"}) + "\n" for record in ten)

# %%
s3 = session.boto_session.client("s3")
template = Path("src/boxes.liquid.html").read_text()
categories = json.dumps({"document-version": "2018-11-28", "labels": [{"label": "Trachea"}]})
for name, text in {"to_label.manifest": to_label, "template.html": template, "categories.json": categories}.items():
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}/labelling/{name}", Body=text.encode())
assert to_label.count("\n") == 10, "ten lines"

# %% [markdown]
# Who may label: the members of a work team. On AWS a team is a group of a Cognito user pool; here its names are only
# kept, and workers are added by `clary labelling workers add NAME --team chest-xrays`, which prints a link to sign in.

# %%
import labelling

team = labelling.team(sm, PREFIX)
print(team["WorkteamArn"], f"http://{team['SubDomain']}", sep="\n")

# %% [markdown]
# What the workers are asked, by whom and how long. Two functions of Ground Truth make tasks of pictures, and one answer of
# what several workers drew.

# %%
before, after = labelling.lambdas(session.boto_region_name)
human = {
    "WorkteamArn": team["WorkteamArn"], "UiConfig": {"UiTemplateS3Uri": f"s3://{bucket}/{PREFIX}/labelling/template.html"},
    "PreHumanTaskLambdaArn": before, "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": after},
    "TaskTitle": "Find the trachea", "TaskDescription": "Draw one box around the air column of the neck, if you see it.",
    "NumberOfHumanWorkersPerDataObject": 1, "TaskTimeLimitInSeconds": 600,
}  # fmt: skip

# %% tags=["task"]
# TASK: Start the labelling job `label_job` with `human`; people's boxes are to be found under "drawn" in its output.
# HINT: `sm.create_labeling_job`; the manifest and the categories lie below s3://BUCKET/chest-xrays/labelling/.
label_job, folder = f"{PREFIX}-{STAMP}", f"s3://{bucket}/{PREFIX}/labelling"
created = sm.create_labeling_job(
    LabelingJobName=label_job, LabelAttributeName="drawn", RoleArn=role, HumanTaskConfig=human,
    InputConfig={"DataSource": {"S3DataSource": {"ManifestS3Uri": f"{folder}/to_label.manifest"}}},
    OutputConfig={"S3OutputPath": f"{folder}/output"}, LabelCategoryConfigS3Uri=f"{folder}/categories.json",
)  # fmt: skip
print(created["LabelingJobArn"])

# %% [markdown]
# Now sign in and draw five or more boxes, then go on. (Nobody labels in a run without a person: then the job is stopped
# as it is.) What was drawn until then is kept: a stopped job writes its manifest too.

# %%
labelling.stop(sm, label_job)
drawn = labelling.drawn(sm, s3, label_job, "drawn")
print(f"{len(drawn)} pictures were labelled by you")
records = [record for record in source.records if record.labelled or record.name in drawn]

# %% [markdown]
# ## 5. Split by patient
# A patient's pictures look alike. If one is in training and another in the test, the test is too kind. So whole
# patients go to one part: 70 % to learn from, 15 % to judge by while learning, 15 % **held out** for the very end.

# %% tags=["task"]
# TASK: Make `parts`: "train", "validation" and "held_out", each a list of records; every patient in one part only.
# HINT: `numpy.random.default_rng(7).permutation(names)` shuffles the patients; then cut the list at 70 % and 85 %.
import numpy as np

names = np.array(sorted({record.patient for record in records}))
shuffled = np.random.default_rng(7).permutation(names)
first, second = int(0.7 * len(names)), int(0.85 * len(names))
groups = {"train": shuffled[:first], "validation": shuffled[first:second], "held_out": shuffled[second:]}
parts = {part: [record for record in records if record.patient in set(who)] for part, who in groups.items()}

# %%
everybody = [patient for part in parts.values() for patient in {record.patient for record in part}]
assert len(everybody) == len(set(everybody)), "a patient is in two parts"
assert sum(len(part) for part in parts.values()) == len(records), "every picture is in one part"
for part, chosen in parts.items():
    print(f"{part:11} {len(chosen):4} pictures, {sum(record.box is None for record in chosen)} without a box")

# %% [markdown]
# ## 6. Augmented manifests
# One line a picture: where it is, and its label in the form that Ground Truth writes. Both detectors read these. What you
# drew takes the place of what was there. Pictures without a box stay in: a detector must learn to say "there is none".

# %%
for part, chosen in parts.items():
    lines = [
        drawn.get(record.name) or labelling.line(record, f"{uploaded}/{record.name}", source.size) for record in chosen
    ]
    text = "".join(json.dumps(labelling.renamed(line, "trachea")) + "\n" for line in lines)
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}/data/{part}/{part}.manifest", Body=text.encode())
    (OUTPUT / f"{part}.manifest").write_text(text)
channels = {part: f"s3://{bucket}/{PREFIX}/data/{part}" for part in parts}
print(*channels.values(), sep="\n")

# %% [markdown]
# ## 7. The baseline
# The simplest answer that could be right: always the mean box. A box is **right** if it overlaps the drawn one by half
# (**IoU**: the area of what both cover, divided by the area of what either covers).

# %%
import scores

held_out = parts["held_out"]
learnt = [record.box for record in parts["train"] if record.box]
mean_box = tuple(float(value) for value in np.mean(learnt, axis=0))
results = {"always the mean box": scores.judge([(mean_box, 1.0)] * len(held_out), held_out)}
print(pd.DataFrame(results).T.round(3).to_string())

# %% [markdown]
# ## 8. The built-in algorithm, on spot
# SageMaker's `object-detection` needs no code. **Managed spot** lends machines that nobody wants just now, at a third of
# the price, and may take them back. **Checkpoints** in S3 let the job go on where it was. (`small` is this machine's own
# base network; on AWS take `resnet-50` and a GPU.)

# %%
from sagemaker.debugger import DebuggerHookConfig
from sagemaker.inputs import TrainingInput

spot = {"use_spot_instances": True, "max_run": 3600, "max_wait": 7200}
places = {"output_path": f"s3://{bucket}/{PREFIX}/models", "code_location": f"s3://{bucket}/{PREFIX}/code"}
image = sagemaker.image_uris.retrieve("object-detection", session.boto_region_name)
settings = {
    "base_network": "small" if LOCAL else "resnet-50", "use_pretrained_model": 0 if LOCAL else 1, "num_classes": 1,
    "num_training_samples": len(parts["train"]), "image_shape": 300, "mini_batch_size": 16,
    "epochs": BUILT_IN_EPOCHS or max(6, 2500 // len(parts["train"])),
    "optimizer": "adam", "learning_rate": 0.002,
}  # fmt: skip

# %% tags=["task"]
# TASK: Make `built_in`, an Estimator of `image` with `settings`, on spot, with checkpoints below `s3://.../checkpoints/`.
# HINT: `sagemaker.estimator.Estimator(image, role, 1, "ml.m5.large", checkpoint_s3_uri=..., **spot)`, `set_hyperparameters`.
from sagemaker.estimator import Estimator

built_in = Estimator(
    image, role, 1, "ml.m5.large" if LOCAL else "ml.p3.2xlarge", sagemaker_session=session, **spot, **places,
    checkpoint_s3_uri=f"s3://{bucket}/{PREFIX}/checkpoints/built-in-{STAMP}",
)  # fmt: skip
built_in.set_hyperparameters(**settings)

# %% [markdown]
# The channels are the augmented manifests, streamed in **Pipe mode** as RecordIO: the picture, then its label.

# %%
form = {"s3_data_type": "AugmentedManifestFile", "attribute_names": ["source-ref", "trachea"], "input_mode": "Pipe",
        "record_wrapping": "RecordIO", "content_type": "application/x-recordio"}  # fmt: skip
piped = {part: TrainingInput(f"{channels[part]}/{part}.manifest", **form) for part in ("train", "validation")}

# %% [markdown]
# ## 9. An experiment
# A **run** keeps a job's settings, metrics and files together; an **experiment** keeps runs to compare. A job that
# is started inside a `Run` belongs to it.

# %%
from sagemaker.experiments import Run


def start(estimator, inputs, name):
    """Start a training job as the run ``name`` of this notebook's experiment; the job's name."""
    job = f"{PREFIX}-{name}-{STAMP}"
    with Run(experiment_name=PREFIX, run_name=f"{name}-{STAMP}", sagemaker_session=session) as run:
        run.log_parameter("detector", name)
        estimator.fit(inputs, wait=False, job_name=job)
    return job


# %%
jobs = {"built-in": start(built_in, piped, "built-in")}
waiter = sm.get_waiter("training_job_completed_or_stopped")
waiter.wait(TrainingJobName=jobs["built-in"], WaiterConfig={"Delay": 5, "MaxAttempts": 2000})

# %% [markdown]
# What did spot save? `TrainingTimeInSeconds` is how long it ran, `BillableTimeInSeconds` what you would pay for.


# %%
def saving(job):
    """The share of the price that spot saved, from 0 to 1."""
    told = sm.describe_training_job(TrainingJobName=job)
    if told["TrainingJobStatus"] != "Completed":
        raise RuntimeError(f"{job}: {told['TrainingJobStatus']}, {told.get('FailureReason')}")
    ran, paid = told["TrainingTimeInSeconds"], told["BillableTimeInSeconds"]
    print(f"{job}: {ran} s on the machine, {paid} s to pay, {1 - paid / ran:.0%} saved")
    return 1 - paid / ran


savings = {"built-in": saving(jobs["built-in"])}

# %% [markdown]
# ## 10. A detector of your own
# `src/train.py` and `src/detector.py`: a small network in PyTorch that says whether there is a trachea, and where. Read
# them; they are short. It saves a checkpoint after every epoch and begins with the last one that it finds.

# %%
metrics = [{"Name": name, "Regex": f"{name}=([0-9.e+-]+)"}
           for name in ("train:loss", "validation:ap50", "validation:top_box")]  # fmt: skip
inputs = {part: channels[part] for part in ("train", "validation")} | {"images": uploaded}
framework = {"entry_point": "train.py", "source_dir": "src", "framework_version": "2.5", "py_version": "py311"}
machine = {"role": role, "instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}

# %% tags=["task"]
# TASK: Write `own(name, **hyperparameters)`: a PyTorch estimator on spot with checkpoints and `metrics`.
# HINT: `sagemaker.pytorch.PyTorch(**framework, **machine, **spot, **places, hyperparameters=..., metric_definitions=metrics)`.
from sagemaker.pytorch import PyTorch


def own(name, **hyperparameters):
    """An estimator of the project's own detector."""
    return PyTorch(
        **framework, **machine, **spot, **places, hyperparameters=hyperparameters, metric_definitions=metrics,
        checkpoint_s3_uri=f"s3://{bucket}/{PREFIX}/checkpoints/{name}-{STAMP}", debugger_hook_config=False,
    )  # fmt: skip


# %% [markdown]
# Two runs to compare: the detector as it is, and a thinner one that learns faster and may know less. While one runs, a
# person may take its machine away: `clary spot interrupt JOB`. It begins again, and says "resuming after epoch".

# %%
epochs = OWN_EPOCHS or max(12, 6000 // len(parts["train"]))
chosen = {"own": {"epochs": epochs, "size": 64}, "thin": {"epochs": epochs, "size": 64, "width": 8}}
estimators = {name: own(name, **given) for name, given in chosen.items()}
for name, estimator in estimators.items():
    jobs[name] = start(estimator, inputs, name)
    waiter.wait(TrainingJobName=jobs[name], WaiterConfig={"Delay": 5, "MaxAttempts": 2000})
    savings[name] = saving(jobs[name])

# %%
session.logs_for_job(jobs["own"], wait=False)
print()

# %% [markdown]
# ## 11. A run that goes wrong
# The same detector with a learning rate that is far too high. Its numbers explode, and it would go on for an hour to
# learn nothing. **Debugger** saves tensors as the job runs; **rules** look at them beside it; an **action** stops it.

# %% tags=["task"]
# TASK: Make `watched`: the rule ExplodingTensor on the losses, with the action StopTraining.
# HINT: `Rule.sagemaker(rule_configs.exploding_tensor(), rule_parameters={"collection_names": "losses"}, actions=...)`.
from sagemaker.debugger import CollectionConfig, Rule, rule_configs

watched = Rule.sagemaker(
    rule_configs.exploding_tensor(), rule_parameters={"collection_names": "losses"},
    actions=rule_configs.ActionList(rule_configs.StopTraining()),
)  # fmt: skip

# %%
hook = DebuggerHookConfig(
    s3_output_path=f"s3://{bucket}/{PREFIX}/debug",
    collection_configs=[CollectionConfig("losses", {"save_interval": "5"})],
)
bad = PyTorch(
    **framework, **machine, **places, hyperparameters={"epochs": 500, "size": 64, "rate": 1e6},
    metric_definitions=metrics, rules=[watched], debugger_hook_config=hook, max_run=900,
)  # fmt: skip
jobs["bad"] = start(bad, inputs, "bad")
waiter.wait(TrainingJobName=jobs["bad"], WaiterConfig={"Delay": 5, "MaxAttempts": 2000})

# %% [markdown]
# Which rule fired, at which step, and what became of the job?

# %%
import runs

told = sm.describe_training_job(TrainingJobName=jobs["bad"])
print(jobs["bad"], told["TrainingJobStatus"], f"after {told['TrainingTimeInSeconds']} s")
fired = runs.rules(sm, jobs["bad"])
for rule in fired:
    print(f"{rule['RuleConfigurationName']}: {rule['RuleEvaluationStatus']} {rule.get('StatusDetails', '').strip()}")
assert told["TrainingJobStatus"] == "Stopped", "the rule stops it"

# %% [markdown]
# ## 12. Compare the runs
# How they learnt, from their logs; then settings and results of all runs, from the experiment.

# %%
logs = session.boto_session.client("logs")
curves = {name: runs.curve(logs, jobs[name]) for name in chosen}
draw.learning(curves)

# %%
from sagemaker.analytics import ExperimentAnalytics

compared = ExperimentAnalytics(experiment_name=PREFIX, sagemaker_session=session).dataframe()
compared = compared[compared["TrialComponentName"].str.endswith(f"{STAMP}-aws-training-job")].dropna(
    axis="columns", how="all"
)
compared["run"] = (
    compared["TrialComponentName"].str.removeprefix(f"{PREFIX}-").str.removesuffix(f"-{STAMP}-aws-training-job")
)
shown = [name for name in compared if name in {"epochs", "width", "rate"} or " - Last" in name]
print(compared.set_index("run")[shown].round(3).T.to_string(na_rep=""))

# %% [markdown]
# ## 13. An endpoint that answers with boxes
# The better of your own detectors goes behind an address. It takes a PNG file and answers in the form of the built-in
# algorithm: class, score, and the corners from 0 to 1.

# %%
import clean

final = {name: sm.describe_training_job(TrainingJobName=jobs[name])["FinalMetricDataList"] for name in chosen}
reached = {name: {m["MetricName"]: m["Value"] for m in told}["validation:ap50"] for name, told in final.items()}
best = max(reached, key=reached.get)
print(reached, f"the better one: {best}")
clean.endpoint(sm, ENDPOINT)
estimators[best].deploy(1, "ml.m5.large", endpoint_name=ENDPOINT, model_name=jobs[best], wait=False)
sm.get_waiter("endpoint_in_service").wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 5})

# %%
runtime = session.sagemaker_runtime_client


def ask(endpoint, record):
    """The surest box of a picture and its score: ``(left, top, width, height), score``."""
    body = (source.folder / record.name).read_bytes()
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="image/png", Body=body)
    found = json.loads(answer["Body"].read())["prediction"]
    _, score, left, top, right, bottom = max(found, key=lambda each: each[1], default=(0, 0.0, 0, 0, 0, 0))
    return (left, top, right - left, bottom - top), score


# %%
asked = time.monotonic()
answers = [ask(ENDPOINT, record) for record in held_out]
milliseconds = (time.monotonic() - asked) / len(held_out) * 1000
print(f"{len(held_out)} pictures, {milliseconds:.0f} ms each; the first answer: {answers[0]}")

# %% [markdown]
# And the built-in algorithm's model, on the same pictures. Its endpoint goes again at once.

# %%
clean.endpoint(sm, f"{PREFIX}-built-in")
built_in.deploy(1, "ml.m5.large", endpoint_name=f"{PREFIX}-built-in", model_name=jobs["built-in"], wait=False)
sm.get_waiter("endpoint_in_service").wait(EndpointName=f"{PREFIX}-built-in", WaiterConfig={"Delay": 5})
other = [ask(f"{PREFIX}-built-in", record) for record in held_out]
clean.endpoint(sm, f"{PREFIX}-built-in")

# %% [markdown]
# ## 14. What is it worth?
# The held-out patients, for the first and only time. **AP50** is the mean precision while the score is lowered from sure
# to unsure, a box being right at an IoU of 0.5; **top box** is how often the surest box is right where there is one.

# %%
results |= {f"own ({best})": scores.judge(answers, held_out), "built-in": scores.judge(other, held_out)}
table = pd.DataFrame(results).T
print(table.round(3).to_string())

# %%
draw.predictions(held_out, answers)

# %%
draw.what_limits(held_out, answers)

# %% [markdown]
# ## 15. The report
# One page with all of it, to keep and to show.

# %%
import report

facts = {
    "data": {"origin": source.origin, "synthetic": source.synthetic, "pictures": len(records), "patients": len(names),
             "labelled_by_you": len(drawn), "held_out": len(held_out)},
    "results": results, "savings": savings, "rules": fired, "bad": {"job": jobs["bad"], "status": told["TrainingJobStatus"]},
    "best": best, "endpoint": ENDPOINT, "milliseconds": milliseconds, "minutes": (time.monotonic() - began) / 60,
    "example": str((source.folder / held_out[0].name).resolve()),
    "links": {"server": endpoint_url, "endpoint": ENDPOINT, "labelling job": label_job, **jobs, "pictures": uploaded},
}  # fmt: skip
page = report.write(OUTPUT, facts)
print(f"report {page.resolve()}")

# %% [markdown]
# ## 16. Clean up
# The endpoint stays up, so that you can go on asking it. When you are done, run `clean.everything`: it removes the
# endpoint, the models and the files. This cell does it only when asked.

# %%
if os.environ.get("CLEAN_UP") == "1":
    clean.everything(session.boto_session, bucket)
