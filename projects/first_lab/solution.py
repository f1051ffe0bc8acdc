# %% [markdown]
# # The first lab
#
# How many days will a patient stay? In twenty minutes you look at a table, make a guess, teach a model that guesses
# better, and put it where others can ask it. Run a cell with Shift+Enter; the next one comes by itself.

# %% [markdown]
# ## 1. Where am I?
# On your own machine: the address below says so. (On AWS this notebook works as well, and costs money.)

# %%
import os
from urllib.parse import urlparse

import boto3

address = boto3.client("sagemaker").meta.endpoint_url
print(address, "account", boto3.client("sts").get_caller_identity()["Account"])
if urlparse(address).hostname not in {"127.0.0.1", "localhost", "::1"} and os.environ.get("ALLOW_AWS") != "1":
    raise SystemExit("This is not a local endpoint. To run it on AWS, and pay for it, set ALLOW_AWS=1.")

# %% [markdown]
# ## 2. Look
# Each row is a stay in a hospital. The patients do not exist: a program made them up. `days` is what we want to know
# beforehand, the **target**. The other columns are what is known on the first day, the **features**.

# %%
import visits

table = visits.make()
table.head(8)

# %%
table.groupby(["emergency", "surgery"])["days"].agg(["count", "mean"]).round(1)

# %% [markdown]
# ## 3. Put some aside
# Who learns the answers by heart has learned nothing. So 150 stays are **held out**: nobody may look at them until
# the end, neither you nor the model.

# %%
held_out = table.sample(150, random_state=1)
train = table.drop(held_out.index)
print(len(train), "to learn from,", len(held_out), "to judge by")

# %% [markdown]
# ## 4. Guess
# The simplest guess: everybody stays as long as people do on average. Its **error** is how many days it is wrong by,
# on average. This is the **baseline**. Whatever comes later must be better than this.


# %%
def error(predicted):
    """How many days the predictions for the held-out stays are wrong by, on average."""
    return float((predicted - held_out["days"]).abs().mean())


baseline = error(train["days"].mean())
print(f"always {train['days'].mean():.1f} days: wrong by {baseline:.2f} days")

# %% [markdown]
# ## 5. A rule of your own
# You know something about people. Write a rule that gives days for a row, from age, emergency, surgery and illnesses.


# %% tags=["task"]
# TASK: a rule of your own. Try to get below the baseline.
# HINT: start with 4 days; add some for surgery, for old age, for each other illness.
def my_rule(row):
    days = 3.5
    days += 2 if row["surgery"] else 0
    days += 3 if row["emergency"] and row["age"] > 70 else 0
    return days + 0.7 * row["illnesses"]


# %%
mine = error(held_out.apply(my_rule, axis=1))
print(f"your rule: wrong by {mine:.2f} days; the baseline by {baseline:.2f}")

# %% [markdown]
# ## 6. Let a model learn the rule
# The data goes to S3, the store that jobs read from. Then a **training job** runs `src/train.py`: look at it, it is
# short. What it prints appears below as it runs.

# %%
import logging

for chatty in ("sagemaker.config", "botocore"):
    logging.getLogger(chatty).setLevel(logging.WARNING)
os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")  # that there is a version 3, too
import sagemaker

session = sagemaker.Session()
train.to_csv("train.csv", index=False)
where = session.upload_data("train.csv", key_prefix="first-lab/data")
print(where)

# %%
from sagemaker.sklearn import SKLearn

role = os.environ.get("SAGEMAKER_ROLE") or sagemaker.get_execution_role()
estimator = SKLearn(
    "train.py", source_dir="src", role=role, framework_version="1.2-1", instance_type="ml.m5.large",
    instance_count=1, base_job_name="first-lab",
    metric_definitions=[{"Name": "train:mae", "Regex": "train:mae=(.*?);"}],
)  # fmt: skip
estimator.fit({"train": where})

# %% [markdown]
# ## 7. An address that answers
# An **endpoint** is the model behind an address. Any program may ask it, from now on, until it is deleted.

# %%
import clean

clean.endpoint(session.sagemaker_client, "first-lab")  # one of an earlier run
predictor = estimator.deploy(1, "ml.m5.large", endpoint_name="first-lab")

# %%
FEATURES = ["age", "emergency", "surgery", "illnesses"]
learned = error(predictor.predict(held_out[FEATURES].to_numpy()))
print(f"baseline {baseline:.2f}   your rule {mine:.2f}   the model {learned:.2f}   days wrong by, on average")

# %% [markdown]
# ## 8. Ask it
# Somebody of your own: age, emergency, surgery, other illnesses.

# %% tags=["task"]
# TASK: ask for three people that you can imagine. Do the answers make sense?
# HINT: predictor.predict([[82, 1, 0, 3]])
answers = predictor.predict([[25, 0, 0, 0], [82, 1, 0, 3], [82, 0, 1, 0]])
print([round(float(each), 1) for each in answers])

# %% [markdown]
# ## 9. Fool it
# A model answers whatever it is asked. It has never seen anybody of 300 years, and says nothing about that.

# %%
print(predictor.predict([[300, 1, 1, 40]]))

# %% [markdown]
# ## 10. What is it worth?
# You have a number in days, on stays that nobody had seen, beside a guess that costs nothing. That is what an honest
# result looks like. `clean.py` removes the endpoint; on AWS it would cost money for every hour.

# %%
import json
from pathlib import Path

output = Path(os.environ.get("CLARY_PROJECT_OUTPUT", "output"))
output.mkdir(parents=True, exist_ok=True)
errors = [["always the average", baseline], ["a rule by hand", mine], ["the model", learned]]
lines = {"table": "Days wrong by, on held-out stays", "columns": ["who", "days"]}
lines["rows"] = [[who, f"{days:.2f}"] for who, days in errors]
page = output / "report.html"
rows = "".join(f"<tr><td>{who}<td>{days:.2f}" for who, days in errors)
page.write_text(f"<!doctype html><title>The first lab</title><h1>Days wrong by</h1><table>{rows}</table>\n")

# %%
summary = {
    "warning": "SYNTHETIC: no patient in this table exists.", "said": [lines], "report": str(page.resolve()),
    "endpoint": "first-lab", "errors": dict(errors),
    "next": [
        ["project open first_lab", "do it yourself, in a notebook"],
        ["project open hospital_costs", "the first project: real data, and a trap"],
        ["project clean first_lab", "remove the endpoint and the files"],
    ],
}  # fmt: skip
(output / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
print(page.resolve())
