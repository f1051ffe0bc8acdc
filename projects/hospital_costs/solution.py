# %% [markdown]
# # Hospital costs
#
# What does a hospital stay cost Medicare, from three days before to thirty days after? You get a public table of
# 2,850 hospitals, clean it, find what is wrong with the obvious approach, train models, put the best one behind
# an endpoint, and say what it is worth on hospitals that it has never seen.
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

for chatty in ("sagemaker.config", "botocore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")  # that there is a version 3, too
import sagemaker

began = time.monotonic()
session = sagemaker.Session()
bucket = session.default_bucket()
role = sagemaker.get_execution_role() if "SAGEMAKER_ROLE" not in os.environ else os.environ["SAGEMAKER_ROLE"]
print(f"bucket s3://{bucket}\nrole   {role}")

# %% [markdown]
# How long Autopilot may take, how many models it may try, and where plots and the report go.

# %%
from pathlib import Path

MINUTES = float(os.environ.get("CLARY_PROJECT_MINUTES", "2"))
CANDIDATES = int(os.environ.get("CLARY_PROJECT_CANDIDATES", "10"))
OUTPUT = Path(os.environ.get("CLARY_PROJECT_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
PREFIX = "hospital-costs"  # every name that this project gives begins so
ENDPOINT = PREFIX

# %% [markdown]
# ## 2. The raw file
# `data.py` takes the file that you name, or downloads it from CMS, or makes a synthetic sample. It says which.

# %%
import data
import pandas as pd

source = data.get(os.environ.get("CLARY_PROJECT_INPUT"))
print(source)

# %% [markdown]
# Look at the raw text before anything else. Percents are text, ids have leading zeros that a number would lose, and
# newer files say "Not Available" where a hospital has too few cases.

# %%
raw = pd.read_csv(source.path, dtype=str)
print(raw.iloc[[0, 7, 17]].T.to_string())
print("cells that say Not Available:", int((raw == "Not Available").sum().sum()))

# %% [markdown]
# `data.load` gives short names, ids as text, and numbers where numbers belong.

# %%
table = data.load(source.path)
missing = table["spending_hospital"].isna()
table = table[~missing].reset_index(drop=True)
print(f"{len(table):,} rows of {table['facility_id'].nunique():,} hospitals; {missing.sum()} rows had no cost")
assert table["facility_id"].str.fullmatch(r"\d{6}").all(), "ids are six digits"
assert table["percent_hospital"].between(0, 100).all(), "percents are 0 to 100"

# %% [markdown]
# ## 3. Explore
# One row is a hospital, a period (before, during or after the stay) and a claim type (who sent the bill). The row
# "Total" is the sum of a hospital's other rows: the cost of a whole **episode**.

# %%
from plots import Plots

draw = Plots(OUTPUT, synthetic=source.synthetic)
draw.where_the_money_goes(data.claim_lines(table))

# %%
totals = table[table["claim_type"] == "Total"].set_index("facility_id")
print(totals["spending_hospital"].describe().round().to_string())
draw.hospitals_differ(totals)

# %% [markdown]
# ## 4. The leak
# A **leak** is a column that knows the answer. `percent_hospital` is the cost of a row divided by the hospital's
# total. Multiply them again, and there is the cost. **RMSE**, the root mean squared error, is the typical size of an
# error, in dollars; large errors count more.


# %%
def rmse(true, predicted):
    """Root mean squared error, in the unit of the target."""
    return float(((true - predicted) ** 2).mean() ** 0.5)


# %% tags=["task"]
# TASK: Rebuild the target from two columns, without any model. How large is the error?
# HINT: A hospital's total is in its Total row: `table["facility_id"].map(totals["spending_hospital"])`.
total = table["facility_id"].map(totals["spending_hospital"])
rebuilt = total * table["percent_hospital"] / 100
leak_rmse = rmse(table["spending_hospital"], rebuilt)

# %%
print(f"RMSE of total x percent: ${leak_rmse:.2f}")
assert leak_rmse < 1, "the target is rebuilt to within rounding"
draw.leak(table["spending_hospital"], rebuilt)

# %% [markdown]
# A model with these two columns looks perfect and is useless: who knows the percent knows the cost already. So both
# go: the percent of the hospital, and the hospital's total as a feature. What is left is the honest problem: **what
# will a hospital cost that we know nothing about yet**, except its state, its name, and the averages around it?

# %% [markdown]
# ## 5. Split by hospital
# The **held-out** rows are put aside and used once, at the end. If a hospital had rows in both parts, the model could
# recognise it. So whole hospitals are held out: one in five.

# %% tags=["task"]
# TASK: Make two tables, `train` and `held_out`. Hold out 20 % of the hospitals, not of the rows. Use the seed 7.
# HINT: `numpy.random.default_rng(7).permutation(ids)` shuffles; `table["facility_id"].isin(...)` picks rows.
import numpy as np

ids = np.array(sorted(table["facility_id"].unique()))
chosen = np.random.default_rng(7).permutation(ids)[: len(ids) // 5]
is_held_out = table["facility_id"].isin(chosen)
train, held_out = table[~is_held_out].copy(), table[is_held_out].copy()

# %%
assert not set(train["facility_id"]) & set(held_out["facility_id"]), "a hospital is in both parts"
share = held_out["facility_id"].nunique() / table["facility_id"].nunique()
assert 0.18 < share < 0.22, "hold out a fifth of the hospitals"
print(f"train {len(train):,} rows, held out {len(held_out):,} rows ({share:.0%} of the hospitals)")

# %% [markdown]
# ## 6. The baseline
# A **baseline** is the simplest answer that could be right. Here: a hospital costs what its state costs on average.
# A model that is not better than this is not worth its trouble.

# %%
truth = held_out["spending_hospital"]
baselines = {"nation's average": held_out["spending_nation"], "state's average": held_out["spending_state"]}
for name, values in baselines.items():
    print(f"{name:18} RMSE ${rmse(truth, values):,.0f}")

# %% [markdown]
# ## 7. Features
# A **feature** is a column that the model may use. It must be known *before* the cost is. The state's and the
# nation's averages are published beforehand; so is a hospital's name. And names tell: surgical and heart hospitals do
# expensive things, university hospitals get difficult cases, community hospitals send those away.

# %% tags=["task"]
# TASK: Write `hospital_kind(name)`: one word for what the name says about a hospital, "other" if it says nothing.
# HINT: `re.search(pattern, name)` with patterns like SURG, HEART, UNIV, REGIONAL. The real file shortens names: MC, MH.
import re

KINDS = {
    "surgical": r"SURG|ORTHO|SPINE|SPECIALTY",
    "heart": r"HEART|CARDI",
    "university": r"UNIV",
    "indian health": r"\bINDIAN\b|\bIHS\b|\bPHS\b|P H S",
    "community": r"COMMUNITY|\bC(MC|H|MH)\b",
    "regional": r"\bREGIONAL\b|\bR(MC|H)\b",
    "memorial": r"MEMORIAL|\bM(MC|H)\b",
    "medical center": r"MEDICAL C|\bMC\b",
}


def hospital_kind(name):
    return next((kind for kind, words in KINDS.items() if re.search(words, name.upper())), "other")


# %%
TARGET = "spending_hospital"
FEATURES = ["state", "hospital_kind", "period", "claim_type"]
FEATURES += ["spending_state", "spending_nation", "percent_state", "percent_nation"]
for part in (train, held_out):
    part["hospital_kind"] = part["facility_name"].map(hospital_kind)
by_kind = train[train["claim_type"] == "Total"].groupby("hospital_kind")["spending_hospital"]
print(by_kind.agg(["count", "mean"]).sort_values("mean").round().to_string())

# %% [markdown]
# ## 8. Upload
# SageMaker's jobs read from S3. The training file has the features and the target; nothing that names a hospital.

# %%
files = OUTPUT / "files"
files.mkdir(exist_ok=True)
train[[*FEATURES, TARGET]].to_csv(files / "train.csv", index=False)
held_out[["facility_id", *FEATURES, TARGET]].to_csv(files / "held_out.csv", index=False)
pd.DataFrame({"facility_id": ids, "held_out": np.isin(ids, chosen)}).to_csv(files / "hospitals.csv", index=False)
for name in ("train", "held_out", "hospitals"):
    print(session.upload_data(str(files / f"{name}.csv"), bucket, f"{PREFIX}/data/{name}"))
train_uri = f"s3://{bucket}/{PREFIX}/data/train/train.csv"

# %% [markdown]
# ## 9. A second model, in script mode
# Before the machine searches, train a model of your own: `src/train.py` runs as a **training job**, in a container with
# scikit-learn. `fit(wait=False)` starts it. A boto3 **waiter** then waits, and the log is shown at the end.

# %% tags=["task"]
# TASK: Train `src/train.py` as a training job named `second_job`. It takes the hyperparameters target, rounds and rate.
# HINT: `sagemaker.sklearn.SKLearn(entry_point="train.py", source_dir="src", ...)`, then `.fit({"training": uri}, ...)`.
from sagemaker.sklearn import SKLearn

second = SKLearn(
    entry_point="train.py", source_dir="src", framework_version="1.2-1", role=role, instance_type="ml.m5.large",
    sagemaker_session=session, hyperparameters={"target": TARGET, "rounds": 200, "rate": 0.05},
    output_path=f"s3://{bucket}/{PREFIX}/models", code_location=f"s3://{bucket}/{PREFIX}/code",
)  # fmt: skip
second_job = f"{PREFIX}-trees-{time.strftime('%y%m%d-%H%M%S')}"
second.fit({"training": f"s3://{bucket}/{PREFIX}/data/train/"}, wait=False, job_name=second_job)

# %%
sm = session.sagemaker_client
waiter = sm.get_waiter("training_job_completed_or_stopped")
waiter.wait(TrainingJobName=second_job, WaiterConfig={"Delay": 5})
session.logs_for_job(second_job, wait=False)
print()

# %% [markdown]
# Put it behind an **endpoint**: a web address that answers with predictions. An earlier run's endpoint goes first.

# %%
import clean

for name in (f"{PREFIX}-trees", ENDPOINT):
    clean.endpoint(sm, name)
second.deploy(1, "ml.m5.large", endpoint_name=f"{PREFIX}-trees", model_name=second_job, wait=False)
sm.get_waiter("endpoint_in_service").wait(EndpointName=f"{PREFIX}-trees", WaiterConfig={"Delay": 5})

# %% [markdown]
# Ask it for all held-out rows in one call, then take it down again: an endpoint that nobody asks costs money on AWS.

# %%
from sagemaker.deserializers import CSVDeserializer
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer


def ask(endpoint, rows):
    """Predictions for a table of raw rows, in one request."""
    predictor = Predictor(endpoint, session, CSVSerializer(), CSVDeserializer())
    answer = predictor.predict(rows[FEATURES].to_csv(header=False, index=False))
    return pd.Series([float(line[0]) for line in answer], index=rows.index)


# %%
predictions = {"gradient-boosted trees": ask(f"{PREFIX}-trees", held_out)}
print(f"RMSE ${rmse(truth, predictions['gradient-boosted trees']):,.0f}")
clean.endpoint(sm, f"{PREFIX}-trees")

# %% [markdown]
# ## 10. Autopilot
# **Autopilot** tries many kinds of models, compares them by **cross-validation** (train on four fifths of the training
# rows, check on the last fifth, five times), and combines the good ones. `ENSEMBLING` is that mode's name.

# %% tags=["task"]
# TASK: Start an Autopilot job with the SDK's `AutoML` on `train_uri`: regression, judged by RMSE. Call its name `job`.
# HINT: `AutoML(..., problem_type="Regression", job_objective={"MetricName": "RMSE"})`, then `.fit(..., wait=False)`.
from sagemaker import AutoML, AutoMLInput

automl = AutoML(
    role=role, target_attribute_name=TARGET, problem_type="Regression", job_objective={"MetricName": "RMSE"},
    mode="ENSEMBLING", max_candidates=CANDIDATES, total_job_runtime_in_seconds=int(60 * MINUTES),
    output_path=f"s3://{bucket}/{PREFIX}/autopilot", sagemaker_session=session,
)  # fmt: skip
job = f"{PREFIX}-{time.strftime('%y%m%d-%H%M%S')}"
automl.fit(AutoMLInput(train_uri, target_attribute_name=TARGET), wait=False, logs=False, job_name=job)
print(f"{job} may take {MINUTES:g} minutes")

# %% [markdown]
# boto3 has no waiter for Autopilot jobs, but it can be given one. A waiter is a table: which operation to call, and at
# which answers to stop.

# %%
from botocore.waiter import WaiterModel, create_waiter_with_client

ends = [
    {"matcher": "path", "argument": "AutoMLJobStatus", "expected": status, "state": "success"}
    for status in ("Completed", "Failed", "Stopped")
]
ended = {"operation": "DescribeAutoMLJob", "delay": 10, "maxAttempts": 2000, "acceptors": ends}
job_ended = create_waiter_with_client("Ended", WaiterModel({"version": 2, "waiters": {"Ended": ended}}), sm)

# %%
seen = set()


def show_progress():
    """Print the models that are new since the last call."""
    for candidate in sm.list_candidates_for_auto_ml_job(AutoMLJobName=job, MaxResults=100)["Candidates"]:
        metric = candidate.get("FinalAutoMLJobObjectiveMetric")
        if metric and candidate["CandidateName"] not in seen:
            seen.add(candidate["CandidateName"])
            name = candidate["CandidateName"].removeprefix(f"{job}-")
            print(f"  {name:24} {metric['MetricName']} {metric['Value']:,.1f}", flush=True)


# %% [markdown]
# The waiter waits in a thread of its own; meanwhile the models are shown as they come in.

# %%
from concurrent.futures import ThreadPoolExecutor, wait

with ThreadPoolExecutor(1) as pool:
    waiting, stage = pool.submit(job_ended.wait, AutoMLJobName=job), None
    while not waiting.done():
        show_progress()
        now = sm.describe_auto_ml_job(AutoMLJobName=job)["AutoMLJobSecondaryStatus"]
        if now != stage:
            print(now, flush=True)
        stage = now
        wait([waiting], timeout=5)
waiting.result()
show_progress()

# %% [markdown]
# ## 11. The leaderboard

# %%
answer = sm.describe_auto_ml_job(AutoMLJobName=job)
if answer["AutoMLJobStatus"] != "Completed":
    raise RuntimeError(f"{job}: {answer['AutoMLJobStatus']}, {answer.get('FailureReason')}")
candidates = [c for c in automl.list_candidates(job_name=job) if "FinalAutoMLJobObjectiveMetric" in c]
candidates.sort(key=lambda candidate: candidate["FinalAutoMLJobObjectiveMetric"]["Value"])
leaderboard = []
for candidate in candidates:
    metric = candidate["FinalAutoMLJobObjectiveMetric"]
    more = {m["MetricName"]: m["Value"] for m in candidate["CandidateProperties"].get("CandidateMetrics", [])}
    name = candidate["CandidateName"].removeprefix(f"{job}-")
    leaderboard += [{"name": name, "metric": metric["MetricName"], "value": metric["Value"],
                     "latency": more.get("InferenceLatency")}]  # fmt: skip
print(pd.DataFrame(leaderboard).to_string())

# %% [markdown]
# The same job in the newer form, `CreateAutoMLJobV2`, as plain boto3. What was started with the first form can be
# described with the second. Set `CLARY_PROJECT_V2=1` to start a second job this way.

# %%
tabular = {"TargetAttributeName": TARGET, "ProblemType": "Regression", "Mode": "ENSEMBLING"}
tabular["CompletionCriteria"] = {"MaxCandidates": CANDIDATES, "MaxAutoMLJobRuntimeInSeconds": int(60 * MINUTES)}
where = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": train_uri}}
request = {
    "AutoMLJobName": f"{job[:29]}-v2", "RoleArn": role, "AutoMLJobObjective": {"MetricName": "RMSE"},
    "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": where}],
    "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{PREFIX}/autopilot"},
    "AutoMLProblemTypeConfig": {"TabularJobConfig": tabular},
}  # fmt: skip
if os.environ.get("CLARY_PROJECT_V2") == "1":
    print(sm.create_auto_ml_job_v2(**request)["AutoMLJobArn"])
print(sm.describe_auto_ml_job_v2(AutoMLJobName=job)["AutoMLProblemTypeConfigName"])

# %% [markdown]
# ## 12. Deploy the best model and ask it
# The best candidate brings its own feature preparation: it takes raw rows.

# %%
best = automl.best_candidate(job_name=job)
automl.deploy(1, "ml.m5.large", candidate=best, name=job, endpoint_name=ENDPOINT, wait=False)
sm.get_waiter("endpoint_in_service").wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 5})
asked = time.monotonic()
predictions["Autopilot"] = ask(ENDPOINT, held_out)
print(f"{len(held_out):,} predictions in one call, {time.monotonic() - asked:.1f} s")

# %% [markdown]
# ## 13. What is it worth?
# The held-out hospitals, for the first and only time. The last two columns look at single claim lines and at whole
# episodes (the Total rows) apart: whole episodes cost more, so their errors are larger too.

# %%
episodes = held_out["claim_type"] == "Total"
state_rmse = rmse(truth, held_out["spending_state"])
errors = []
for name, values in {**predictions, **baselines}.items():
    error = rmse(truth, values)
    parts = {"lines": rmse(truth[~episodes], values[~episodes]), "episodes": rmse(truth[episodes], values[episodes])}
    errors.append({"model": name, "rmse": error, "against_baseline": error / state_rmse - 1, **parts})
errors = pd.DataFrame(errors).sort_values("rmse")
print(errors.round(3).to_string(index=False))

# %%
draw.compared(errors)

# %%
draw.predicted(truth[episodes], predictions["Autopilot"][episodes], held_out["spending_state"][episodes])

# %% [markdown]
# ## 14. Why does it say that?
# A **SHAP value** is the share of one feature in one prediction, in dollars: all shares and the model's average
# together give the prediction. First in general: Autopilot's report holds the mean size of each feature's share.

# %%
import json

place = best["CandidateProperties"].get("CandidateArtifactLocations", {}).get("Explainability", "")
shares = pd.Series(dtype=float)
if place:
    reports, folder = session.boto_session.resource("s3"), urlparse(place)
    found = reports.Bucket(folder.netloc).objects.filter(Prefix=folder.path.lstrip("/"))
    text = next(item.get()["Body"].read() for item in found if item.key.endswith("analysis.json"))
    shares = pd.Series(json.loads(text)["explanations"]["kernel_shap"]["label0"]["global_shap_values"])
    print(shares.sort_values(ascending=False).round(1).to_string())

# %%
draw.importance(shares) if len(shares) else None

# %% [markdown]
# Then one by one: a hospital of the cheapest kind, one of a middling and one of the dearest. A local endpoint explains
# its answers if it is asked with `"explain": true`. On AWS that takes a Clarify explainer; there this cell predicts only.

# %%
ranked = held_out[episodes].sort_values(TARGET)
kinds = ranked.groupby("hospital_kind")[TARGET].mean().sort_values().index
middle = [ranked[ranked["hospital_kind"] == kinds[place]] for place in (0, len(kinds) // 2, -1)]
three = pd.concat([rows.iloc[[len(rows) // 2]] for rows in middle])
reply = {"predictions": ask(ENDPOINT, three).tolist(), "explanations": [None] * 3, "baseline": None}
if LOCAL:
    body = json.dumps({"instances": three[FEATURES].to_dict("records"), "explain": True})
    invoke = session.sagemaker_runtime_client.invoke_endpoint
    answer = invoke(EndpointName=ENDPOINT, ContentType="application/json", Accept="application/json", Body=body)
    reply = json.loads(answer["Body"].read())

# %%
samples = []
for (_, row), dollars, why in zip(three.iterrows(), reply["predictions"], reply["explanations"], strict=True):
    what = f"{row['state']}, {row['hospital_kind']}, whole episode"
    samples += [{"hospital": row["facility_name"], "what": what, "predicted": dollars, "true": row[TARGET],
                 "state_average": row["spending_state"], "explanation": why, "baseline": reply["baseline"]}]  # fmt: skip
    print(f"\n{row['facility_name']} ({what}): ${dollars:,.0f} predicted, ${row[TARGET]:,.0f} true")
    for feature, share in sorted((why or {}).items(), key=lambda item: -abs(item[1]))[:4]:
        print(f"  {feature:18} {share:+10,.0f}")

# %% [markdown]
# ## 15. The report
# One page with all of it, to keep and to show.

# %%
counts = {"hospitals": len(ids), "held_out_hospitals": len(chosen), "rows": len(table)}
facts = {"data": {"origin": source.origin, "synthetic": source.synthetic, **counts}, "leak_rmse": leak_rmse}
facts |= {"leaderboard": leaderboard, "objective": leaderboard[0]["metric"], "errors": errors.to_dict("records")}
facts |= {"predictions": samples, "minutes": (time.monotonic() - began) / 60}
facts |= {"job": job, "endpoint": ENDPOINT, "features": FEATURES, "example": three[FEATURES].iloc[0].to_dict()}
artifacts = sm.describe_auto_ml_job(AutoMLJobName=job).get("AutoMLJobArtifacts", {})

# %%
import report

facts["links"] = {
    "server": endpoint_url, "endpoint": ENDPOINT, "Autopilot job": job, "training job": second_job,
    "model": best["InferenceContainers"][0]["ModelDataUrl"], "training rows": train_uri,
    "explainability report": place, "data exploration": artifacts.get("DataExplorationNotebookLocation"),
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
