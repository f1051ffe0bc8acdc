"""The debugger's hook in real trainings: PyTorch and XGBoost scripts that know nothing of it, and such as import smdebug."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors
from tests import jobs
from tests.api import hook_programs
from tests.conftest import Studio
from tests.waiting import until

pytestmark = pytest.mark.slow

PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.13-cpu-py311"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-1"
GOLDEN = Path(__file__).parent.parent / "unit/formats/tensors/written_by_smdebug/xgboost"

Boto = Callable[..., Any]


@pytest.fixture
def trained(s3: Any, sagemaker: Any, boto: Boto, tmp_path: Path) -> Callable[..., tuple[Tensors, list[str]]]:
    """Runs a script; returns what it saved, and its log."""

    def train(
        name: str, image: str, script: str, hook: dict[str, Any] | None, **given: Any
    ) -> tuple[Tensors, list[str]]:
        request = jobs.training(s3, name, script, **given)
        request["AlgorithmSpecification"] = {"TrainingImage": image, "TrainingInputMode": "File"}
        if hook is not None:
            request["DebugHookConfig"] = {"S3OutputPath": f"s3://{jobs.BUCKET}/out", **hook}
        sagemaker.create_training_job(**request)
        job = jobs.ended(sagemaker, name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        fetch(s3, f"out/{name}/debug-output/", tmp_path / name)
        lines = [] if "ResourceConfig" in given else jobs.log_lines(boto("logs"), name)
        return Tensors(tmp_path / name), lines

    return train


def fetch(s3: Any, prefix: str, folder: Path) -> None:
    for item in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix).get("Contents", []):
        path = folder / item["Key"].removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(s3.get_object(Bucket=jobs.BUCKET, Key=item["Key"])["Body"].read())


ALL = {
    "HookParameters": {"save_interval": "3", "eval.save_interval": "1"},
    "CollectionConfigurations": [
        {"CollectionName": "weights"},
        {"CollectionName": "biases"},
        {"CollectionName": "gradients", "CollectionParameters": {"reductions": "mean,abs_max,l2_norm"}},
        {"CollectionName": "relu", "CollectionParameters": {"include_regex": "relu_output,relu_input"}},
    ],
}


def test_a_script_in_pytorch_is_watched_without_a_change(sagemaker: Any, trained: Any) -> None:
    tensors, lines = trained("plain-pytorch", PYTORCH, hook_programs.PYTORCH, ALL)
    assert tensors.complete
    assert tensors.loaded_all
    assert tensors.steps(mode=Mode.TRAIN) == [0, 3, 6]
    assert tensors.steps(mode=Mode.EVAL) == [0, 1]
    assert tensors.steps() == [0, 3, 4, 7, 9]
    assert tensors.names("losses") == ["CrossEntropyLoss_output_0"]
    assert tensors.names("weights") == ["Net_fc1.weight", "Net_fc2.weight"]
    assert tensors.names("biases") == ["Net_fc1.bias", "Net_fc2.bias"]
    assert tensors.names("relu") == ["relu_input_0", "relu_output_0"]
    assert tensors.steps("gradient/Net_fc1.weight") == [0, 3, 7]
    assert tensors.operations("gradient/Net_fc1.weight") == ["abs_max", "l2", "mean"]
    given = tensors.value("relu_input_0", 0, Mode.EVAL).numbers()
    assert tensors.value("relu_output_0", 0, Mode.EVAL).numbers() == [max(number, 0.0) for number in given]
    # What was saved is what the script trained: after the last step come no more changes.
    weights = next(line for line in lines if line.startswith("weights "))
    assert tensors.value("Net_fc1.weight", 1, Mode.EVAL).numbers() == pytest.approx(json.loads(weights[8:]))
    component = sagemaker.describe_trial_component(TrialComponentName="plain-pytorch-aws-training-job")
    found = {metric["MetricName"]: metric["Count"] for metric in component["Metrics"]}
    assert found == {"CrossEntropyLoss_output_0_TRAIN": 3, "CrossEntropyLoss_output_0_EVAL": 2}


def test_by_default_losses_are_saved_also_of_functions(trained: Any) -> None:
    tensors, _ = trained("functional", PYTORCH, hook_programs.FUNCTIONAL, {})
    assert tensors.steps("Loss_output_0", Mode.TRAIN) == [0]
    assert tensors.names("losses") == ["CrossEntropyLoss_output_0", "Loss_output_0"]


def test_a_hook_that_fails_says_so_once_and_the_training_goes_on(trained: Any) -> None:
    tensors, lines = trained("breaking", PYTORCH, hook_programs.BREAKING, ALL)
    told = "Clary: the debugger's hook saves nothing from now on: RuntimeError: the disk is gone. The training goes on."
    assert lines.count(told) == 1
    assert any(line.startswith("weights ") for line in lines)
    assert tensors.names() == []
    assert tensors.loaded_all


def test_parameters_that_cannot_be_used_are_told_in_the_log(trained: Any) -> None:
    wrong = {"HookParameters": {"save_interval": "often"}}
    _, lines = trained("misconfigured", PYTORCH, hook_programs.PYTORCH, wrong)
    assert any("save_interval of HookParameters is 'often': it takes a whole number" in line for line in lines)


def test_a_script_that_imports_smdebug_says_what_it_wants(trained: Any) -> None:
    tensors, lines = trained("scripted", PYTORCH, hook_programs.SCRIPTED, {"HookParameters": {"save_interval": "2"}})
    assert not [line for line in lines if line.startswith("Clary: the debugger's hook")]
    assert tensors.modes() == [Mode.PREDICT]
    assert tensors.names("inner") == ["relu_input_0", "relu_output_0"]
    assert tensors.operations("Net_fc1.weight") == ["max"]
    assert tensors.steps("Net_fc1.weight") == [0, 1]
    assert tensors.steps("scalar/epoch") == [0, 4]


def test_without_a_configuration_smdebug_has_no_hook(trained: Any) -> None:
    _, lines = trained("no-hook", PYTORCH, hook_programs.NO_HOOK, None)
    assert "hook None" in lines


def test_each_rank_writes_under_its_own_name(trained: Any) -> None:
    tensors, _ = trained(
        "ranks",
        PYTORCH,
        hook_programs.RANKS,
        {"HookParameters": {"include_workers": "all"}, "CollectionConfigurations": [{"CollectionName": "gradients"}]},
        hyperparameters={"sagemaker_torch_distributed_enabled": "true"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
    )
    assert tensors.complete
    assert tensors.workers == ["worker_0", "worker_1"]
    assert tensors.names("gradients") == ["gradient/Linear_bias", "gradient/Linear_weight"]
    losses = [tensors.value("MSELoss_output_0", 0, worker=worker).numbers() for worker in tensors.workers]
    assert losses[0] != losses[1]


COLLECTIONS = "hyperparameters predictions labels feature_importance average_shap full_shap trees losses".split()
BOOSTED = {
    "HookParameters": {"save_interval": "2"},
    "CollectionConfigurations": [{"CollectionName": name} for name in COLLECTIONS],
}


def test_a_script_in_xgboost_is_watched_and_saves_what_smdebug_does(trained: Any) -> None:
    tensors, _ = trained("plain-xgboost", XGBOOST, hook_programs.XGBOOST, BOOSTED)
    golden = Tensors(GOLDEN)
    assert tensors.steps() == golden.steps()
    assert set(tensors.names()) - set(golden.names()) == {"hyperparameters/eval_metric", "hyperparameters/max_depth"}
    for name in golden.names():
        for step in golden.steps():
            ours, theirs = tensors.value(name, step), golden.value(name, step)
            assert (ours.dtype, ours.shape, ours.texts) == (theirs.dtype, theirs.shape, theirs.texts)
            if ours.data:
                assert ours.numbers() == pytest.approx(theirs.numbers(), nan_ok=True)


def test_by_default_xgboost_saves_its_metrics_every_ten_rounds(trained: Any) -> None:
    script = hook_programs.XGBOOST_SCRIPTED.replace("num_boost_round=3", "num_boost_round=21")
    tensors, _ = trained("scripted-xgboost", XGBOOST, script, {})
    assert tensors.steps() == [0, 10, 20]
    assert tensors.names() == ["train-auc", "train-logloss"]


def test_the_built_in_xgboost_is_watched_too(s3: Any, sagemaker: Any, tmp_path: Path) -> None:
    request = jobs.training(s3, "built-in", "")
    request["AlgorithmSpecification"] = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    request["HyperParameters"] = {"num_round": "11", "objective": "reg:squarederror"}
    request["InputDataConfig"][0]["ContentType"] = "text/csv"
    request["DebugHookConfig"] = {
        "S3OutputPath": f"s3://{jobs.BUCKET}/out",
        "CollectionConfigurations": [{"CollectionName": "labels"}, {"CollectionName": "hyperparameters"}],
    }
    for key, rows in {"in/a.csv": b"1,2\n3,4\n", "in/deep/b.csv": b"5,6\n"}.items():
        s3.put_object(Bucket=jobs.BUCKET, Key=key, Body=rows)
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "built-in")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    fetch(s3, "out/built-in/debug-output/", tmp_path)
    tensors = Tensors(tmp_path)
    assert tensors.steps() == [0, 10]
    assert tensors.names("metrics") == ["train-rmse"]
    assert sorted(tensors.value("labels", 0).numbers()) == [1, 3, 5]
    assert tensors.value("hyperparameters/objective", 0).texts == ("reg:squarederror",)


def statuses(sagemaker: Any) -> list[str]:
    passed = sagemaker.describe_training_job(TrainingJobName="spot")["SecondaryStatusTransitions"]
    return [entry["Status"] for entry in passed]


def test_an_interrupted_job_goes_on_counting_and_its_end_is_told_once(
    studio: Studio, s3: Any, sagemaker: Any, boto: Boto, tmp_path: Path
) -> None:
    request = jobs.training(s3, "spot", hook_programs.RESUMES)
    request |= {
        "AlgorithmSpecification": {"TrainingImage": PYTORCH, "TrainingInputMode": "File"},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120, "MaxWaitTimeInSeconds": 240},
        "CheckpointConfig": {"S3Uri": f"s3://{jobs.BUCKET}/checkpoints/spot"},
        "DebugHookConfig": {"S3OutputPath": f"s3://{jobs.BUCKET}/out", "HookParameters": {"save_interval": "5"}},
    }
    sagemaker.create_training_job(**request)
    jobs.wait_for_line(boto("logs"), "spot", "step 16")
    done = studio.clary("spot", "interrupt", "spot", "--data", str(studio.data))
    assert done.returncode == 0, done.stderr
    until(lambda: "Interrupted" in statuses(sagemaker) and statuses(sagemaker)[-1] == "Training")
    listed = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="out/spot/debug-output/training_job_end.ts")
    assert "Contents" not in listed
    job = jobs.ended(sagemaker, "spot")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    fetch(s3, "out/spot/debug-output/", tmp_path)
    tensors = Tensors(tmp_path)
    assert tensors.loaded_all
    # The second attempt counts on from the last step that the first one saved, not from 0 over its files.
    assert tensors.steps()[-1] >= 70
    assert tensors.steps() == list(range(0, tensors.steps()[-1] + 1, 5))
