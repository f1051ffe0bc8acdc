"""What instance types have, against AWS's table; every type that the service model names is known."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from clary.instance_types import Size, size


@pytest.mark.parametrize(
    ("name", "cpus", "gib"),
    [
        ("ml.t3.medium", 2, 4),
        ("ml.m5.large", 2, 8),
        ("ml.m5.4xlarge", 16, 64),
        ("ml.m4.10xlarge", 40, 160),
        ("ml.c5.xlarge", 4, 8),
        ("ml.c5.18xlarge", 72, 144),
        ("ml.c4.8xlarge", 36, 60),
        ("ml.r5.24xlarge", 96, 768),
        ("ml.g4dn.12xlarge", 48, 192),
        ("ml.g5.48xlarge", 192, 768),
        ("ml.p3.16xlarge", 64, 488),
        ("ml.p4d.24xlarge", 96, 1152),
        ("ml.p5.48xlarge", 192, 2048),
        ("ml.trn1.32xlarge", 128, 512),
    ],
)
def test_types_have_what_awss_table_says(name: str, cpus: int, gib: float) -> None:
    assert size(name) == Size(cpus, gib)


def test_every_type_of_the_model_is_known() -> None:
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    for shape in ("TrainingInstanceType", "ProcessingInstanceType", "TransformInstanceType"):
        assert [name for name in model.shape_for(shape).enum if size(name) is None] == []


def test_what_is_no_type_has_no_size() -> None:
    assert size("local") is None
    assert size("ml.m5.huge") is None
    assert size("ml.zz9.xlarge") is None
