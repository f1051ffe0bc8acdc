"""Pages do what whoever is signed in may do, and no more: by HTTP, as a browser asks."""

from __future__ import annotations

import json

import pytest

from tests import jobs
from tests.api.test_console import Browser, link
from tests.conftest import Studio
from tests.debugger import requests, scripts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def looker(studio: Studio) -> Browser:
    """Somebody who may describe training jobs and read nothing in S3."""
    iam = studio.client("iam")
    iam.create_user(UserName="looker")
    iam.create_access_key(UserName="looker")
    may = {"Effect": "Allow", "Action": ["sagemaker:Describe*", "sagemaker:List*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="looker", PolicyName="look", PolicyDocument=document)
    browser = Browser(studio.url)
    assert browser.enter(link(studio, "--user", "looker")) == 303
    return browser


def test_what_a_job_saved_is_not_drawn_for_who_may_not_read_it(studio: Studio, looker: Browser) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_training_job(**requests.training(s3, "secret", scripts.FALLS, requests.rule("ExplodingTensor")))
    jobs.ended(sagemaker, "secret")
    status, _, page = looker.get("/_/training-jobs/secret")
    assert status == 200
    assert "not authorized to perform: logs:DescribeLogStreams" in page
    assert "It wrote nothing" not in page
    for path in ("rules", "tensors"):
        status, _, text = looker.get(f"/_/training-jobs/secret/{path}")
        assert status == 403, text
        assert "s3:ListBucket" in text


@pytest.mark.parametrize(
    ("path", "form", "words"),
    [
        ("/_/users", "name=another", "iam:CreateUser"),
        ("/_/training-jobs/secret/stop", "", "sagemaker:StopTrainingJob"),
        ("/_/models/none/delete", "", "sagemaker:DeleteModel"),
        ("/_/projects/first_lab/run", "", "owner"),
        ("/_/projects/first_lab/open", "", "owner"),
        ("/_/projects/first_lab/reset", "", "owner"),
    ],
)
def test_what_somebody_may_not_do_is_refused_by_name(looker: Browser, path: str, form: str, words: str) -> None:
    status, _, text = looker.ask("POST", path, form)
    assert status == 403, text
    assert words in text


def test_the_owners_programs_are_not_shown(looker: Browser) -> None:
    assert looker.get("/_/projects/first_lab")[0] == 403
    assert looker.get("/_/users")[0] == 403
    assert "Open JupyterLab" not in looker.get("/_/")[2]
