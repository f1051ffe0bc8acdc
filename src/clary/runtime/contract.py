"""The file contract of SageMaker's containers: ``/opt/ml`` and the ``SM_*`` variables, in one place.

In a sandbox a task sees its folder as ``/opt/ml``; without one ``CLARY_ML`` names the folder, and scripts that read the
``SM_*`` variables, as they should, see no difference. Source: the SageMaker training toolkit's documentation.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ML = Path(os.environ.get("CLARY_ML", "/opt/ml"))
CONFIG = ML / "input/config"
DATA = ML / "input/data"
MODEL = ML / "model"
OUTPUT = ML / "output"
OUTPUT_DATA = OUTPUT / "data"
METRICS = OUTPUT / "metrics/sagemaker"
CODE = ML / "code"
SOURCE_ARCHIVE = ML / "input/sourcedir.tar.gz"
FAILURE = OUTPUT / "failure"

_RESERVED = frozenset({"default_user_module_name", "_tuning_objective_metric"})
# Those of the platform that no framework is told of.
_OWN = frozenset(
    f"sagemaker_{name}"
    for name in "program submit_directory enable_cloudwatch_metrics region container_log_level job_name s3_output".split()
)


def read_config(name: str) -> dict[str, Any]:
    """A file of ``input/config``; empty if it is not there."""
    try:
        found: dict[str, Any] = json.loads((CONFIG / name).read_text())
    except FileNotFoundError:
        return {}
    return found


def fail(reason: str, code: int) -> int:
    """Write why the job fails, which becomes its FailureReason, and say it in the log; the program's exit ``code``."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    FAILURE.write_text(reason)
    print(reason, file=sys.stderr, flush=True)
    return code


def hyperparameters() -> dict[str, Any]:
    """All of them, each value read as JSON where it is JSON: ``"10"`` is the number 10."""
    return {name: _decoded(value) for name, value in read_config("hyperparameters.json").items()}


def of_the_script(values: dict[str, Any]) -> dict[str, Any]:
    """Without those that are the platform's own."""
    return {k: v for k, v in values.items() if not k.startswith("sagemaker_") and k not in _RESERVED}


def arguments(values: dict[str, Any]) -> list[str]:
    """Hyperparameters as a command line: ``--key value``, by key; ``-k value`` where the key is a letter."""
    found = []
    for key in sorted(values):
        found += [f"{'-' if len(key) == 1 else '--'}{key}", _argument(values[key])]
    return found


def description(program: str, module_directory: str) -> dict[str, Any]:
    """Where and on what this program runs, under the toolkit's names: what ``SM_TRAINING_ENV`` holds."""
    values, resources = hyperparameters(), read_config("resourceconfig.json")
    channels = read_config("inputdataconfig.json")
    hosts, host = resources.get("hosts", ["algo-1"]), resources.get("current_host", "algo-1")
    groups = {group["instance_group_name"]: group for group in resources.get("instance_groups", [])}
    group = resources.get("current_group_name", "homogeneousCluster")
    distributed = values.get("sagemaker_distribution_instance_groups", [])
    return {
        "additional_framework_parameters": {
            name: value for name, value in values.items() if name.startswith("sagemaker_") and name not in _OWN
        },
        "channel_input_dirs": {name: str(DATA / name) for name in channels},
        "current_host": host,
        "current_instance_group": group,
        "current_instance_group_hosts": groups.get(group, resources).get("hosts", ["algo-1"]),
        "current_instance_type": resources.get("current_instance_type", "local"),
        "distribution_hosts": [name for each in distributed for name in groups.get(each, {}).get("hosts", [])],
        "distribution_instance_groups": distributed,
        "framework_module": None,
        "hosts": hosts,
        "hyperparameters": of_the_script(values),
        "input_config_dir": str(CONFIG),
        "input_data_config": channels,
        "input_dir": str(ML / "input"),
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": len(groups) > 1,
        "is_master": host == hosts[0],
        "job_name": values.get("sagemaker_job_name", os.environ.get("TRAINING_JOB_NAME", "")),
        "log_level": values.get("sagemaker_container_log_level", 20),
        "master_hostname": hosts[0],
        "model_dir": str(MODEL),
        "module_dir": str(values.get("sagemaker_submit_directory") or module_directory),
        "module_name": program.rpartition("/")[2].removesuffix(".py"),
        "network_interface_name": resources.get("network_interface_name", "lo"),
        "num_cpus": int(os.environ.get("CLARY_CPUS") or os.cpu_count() or 1),
        "num_gpus": _gpus(),
        "num_neurons": 0,
        "output_data_dir": str(OUTPUT_DATA),
        "output_dir": str(OUTPUT),
        "output_intermediate_dir": str(OUTPUT / "intermediate"),
        "resource_config": resources,
        "topology": resources.get("topology", []),
        "user_entry_point": program,
    }


_UNTOLD = frozenset("additional_framework_parameters channel_input_dirs distribution_hosts hyperparameters is_master job_name "
                    "master_hostname topology".split())  # fmt: skip


def variables(program: str, module_directory: str) -> dict[str, str]:
    """The ``SM_*`` variables of this task, and what the toolkit sets beside them."""
    described, values = description(program, module_directory), hyperparameters()
    own = described["hyperparameters"]
    told = {
        **{name: value for name, value in described.items() if name not in _UNTOLD},
        "channels": sorted(described["channel_input_dirs"]),
        "framework_params": described["additional_framework_parameters"],
        "hps": own,
        "training_env": described,
        "user_args": arguments(own),
        **{f"channel_{name}": path for name, path in described["channel_input_dirs"].items()},
        **{f"hp_{name}": value for name, value in own.items()},
    }
    region = values.get("sagemaker_region") or os.environ.get("SAGEMAKER_REGION", "")
    beside = {"CURRENT_HOST": described["current_host"], "SAGEMAKER_JOB_NAME": described["job_name"]}
    told_named = {f"SM_{name.upper()}": _variable(value) for name, value in told.items()}
    return {**told_named, **beside, "SAGEMAKER_REGION": str(region)}


def _gpus() -> int:
    """How many GPUs a task sees: NVIDIA's, by their devices."""
    return sum(path.name[6:].isdigit() for path in Path("/dev").glob("nvidia*"))


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value)


def _variable(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
