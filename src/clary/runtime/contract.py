"""The file contract of SageMaker's containers: ``/opt/ml`` and the ``SM_*`` variables, in one place.

In a sandbox a task sees its folder as ``/opt/ml``; without one ``CLARY_ML`` names the folder, and scripts that read the
``SM_*`` variables, as they should, see no difference. Source: the SageMaker training toolkit's documentation.
"""

from __future__ import annotations

import json
import os
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


def read_config(name: str) -> dict[str, Any]:
    """A file of ``input/config``; empty if it is not there."""
    try:
        found: dict[str, Any] = json.loads((CONFIG / name).read_text())
    except FileNotFoundError:
        return {}
    return found


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


def variables(program: str, module_directory: str) -> dict[str, str]:
    """The ``SM_*`` variables of this task."""
    values = hyperparameters()
    own = of_the_script(values)
    channels = read_config("inputdataconfig.json")
    resources = read_config("resourceconfig.json")
    level = values.get("sagemaker_container_log_level", 20)
    plain: dict[str, Any] = {
        "MODEL_DIR": str(MODEL),
        "MODULE_DIR": module_directory,
        "MODULE_NAME": program.rpartition("/")[2].removesuffix(".py"),
        "USER_ENTRY_POINT": program,
        "USER_ARGS": arguments(own),
        "HPS": own,
        "CHANNELS": sorted(channels),
        "HOSTS": resources.get("hosts", ["algo-1"]),
        "CURRENT_HOST": resources.get("current_host", "algo-1"),
        "CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", "local"),
        "CURRENT_INSTANCE_GROUP": resources.get("current_group_name", "homogeneousCluster"),
        "CURRENT_INSTANCE_GROUP_HOSTS": resources.get("hosts", ["algo-1"]),
        "INSTANCE_GROUPS": [g["instance_group_name"] for g in resources.get("instance_groups", [])],
        "INSTANCE_GROUPS_DICT": {g["instance_group_name"]: g for g in resources.get("instance_groups", [])},
        "IS_HETERO": False,
        "NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "lo"),
        "NUM_CPUS": os.cpu_count() or 1,
        "NUM_GPUS": _gpus(),
        "NUM_NEURONS": 0,
        "LOG_LEVEL": level,
        "INPUT_DIR": str(ML / "input"),
        "INPUT_CONFIG_DIR": str(CONFIG),
        "OUTPUT_DIR": str(OUTPUT),
        "OUTPUT_DATA_DIR": str(OUTPUT_DATA),
        "OUTPUT_INTERMEDIATE_DIR": str(OUTPUT / "intermediate"),
        "RESOURCE_CONFIG": resources,
        "INPUT_DATA_CONFIG": channels,
        "FRAMEWORK_PARAMS": {k: v for k, v in values.items() if k.startswith("sagemaker_")},
        "TRAINING_ENV": {"job_name": os.environ.get("TRAINING_JOB_NAME", ""), "hyperparameters": own},
        **{f"CHANNEL_{name.upper()}": str(DATA / name) for name in channels},
        **{f"HP_{name.upper()}": value for name, value in own.items()},
    }
    return {f"SM_{name}": _variable(value) for name, value in plain.items()}


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
        return ",".join(f"{key}={item}" for key, item in value.items())
    return str(value)


def _variable(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
