"""Image URIs: found by their repository alone, and told apart from what is not there."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from clary.images import builds, catalog


@pytest.mark.parametrize(
    "uri",
    [
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "1.dkr.ecr.eu-west-3.amazonaws.com/sagemaker-scikit-learn",
        "sagemaker-scikit-learn:latest",
        "sklearn",
        "x.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-scikit-learn@sha256:abc",
    ],
)
def test_an_image_is_found_in_any_account_region_and_tag(uri: str) -> None:
    assert catalog.find(uri).name == "sklearn"


def test_an_unknown_one_is_told_with_those_that_there_are() -> None:
    with pytest.raises(catalog.UnknownImage, match=r"'my/own'; it has: autogluon-training.*script mode"):
        catalog.find("1.dkr.ecr.us-east-1.amazonaws.com/my/own:3")


def test_pytorch_is_found_for_training_and_for_inference() -> None:
    for kind in ("training", "inference"):
        image = catalog.find(f"763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-{kind}:2.3-cpu-py311")
        assert image.name == "pytorch"
        assert image.note is not None
        assert image.version in image.note


@pytest.mark.parametrize(
    "repository", ["sagemaker-base-python-310", "sagemaker-base-python", "sagemaker-data-science-38"]
)
def test_plain_python_is_found_and_its_tags_are_no_versions(repository: str) -> None:
    image = catalog.find(f"236514542706.dkr.ecr.us-east-1.amazonaws.com/{repository}:1.0")
    assert image.name == "python"
    assert image.note is None


def test_another_version_is_noted_and_the_same_is_not() -> None:
    image = catalog.find("sagemaker-scikit-learn:0.23-1-cpu-py3")
    assert image.note is not None
    assert f"asks for scikit-learn 0.23; this machine's image has {image.version}" in image.note
    same = ".".join(image.version.split(".")[:2])
    assert catalog.find(f"sagemaker-scikit-learn:{same}-1-cpu-py3").note is None
    assert catalog.find("sagemaker-scikit-learn:latest").note is None


@pytest.mark.parametrize("image", catalog.images(), ids=lambda image: image.name)
def test_every_image_is_whole(image: catalog.Image) -> None:
    lock = image.lock.read_text()
    assert image.version
    assert "--hash=sha256:" in lock
    assert "://" not in lock  # no index, no path: it installs from wherever pip is pointed
    assert not any(line.startswith(("torch==", "nvidia")) for line in lock.splitlines())
    assert all(re.fullmatch(r"[a-z]+==[\d.]+", pin) for pin in builds.of(image.lock))
    assert all(find_spec(each) for each in (image.train, image.serve, image.environment["CLARY_HANDLERS"]))


@pytest.mark.parametrize("name", ["sklearn", "xgboost", "pytorch", "python"])
def test_scripts_find_boto3_in_every_framework_image(name: str) -> None:
    """As in SageMaker's own: scripts fetch and store by themselves without a requirements.txt."""
    assert re.search(r"^boto3==", catalog.find(name).lock.read_text(), re.MULTILINE)
