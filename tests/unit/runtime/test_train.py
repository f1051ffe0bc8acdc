"""The program inside a training task, run by hand on a folder of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import clary

SOURCE = str(Path(clary.__file__).parents[1])


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    for folder in ("input/config", "input/data/train", "model", "output/data", "code"):
        (tmp_path / folder).mkdir(parents=True)
    write(tmp_path, "inputdataconfig", {"train": {"TrainingInputMode": "File"}})
    write(tmp_path, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    return tmp_path


def write(ml: Path, name: str, value: Any) -> None:
    (ml / f"input/config/{name}.json").write_text(json.dumps(value))


def start(
    ml: Path, script: str, hyperparameters: dict[str, str] | None = None, name: str = "train.py"
) -> subprocess.Popen[str]:
    (ml / "code" / name).write_text(script)
    write(ml, "hyperparameters", {"sagemaker_program": '"train.py"', **(hyperparameters or {})})
    environment = {"PATH": os.environ["PATH"], "CLARY_ML": str(ml), "PYTHONPATH": SOURCE}
    command = [sys.executable, "-m", "clary.runtime.train"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, start_new_session=True, **pipes)


def test_hyperparameters_arrive_as_arguments_and_variables(ml: Path) -> None:
    script = "import json, os, sys\nprint(json.dumps([sys.argv[1:], {k: v for k, v in os.environ.items() if k[:3] == 'SM_'}]))"
    given = {"eta": "0.1", "batch-size": "32", "flag": "true", "name": '"a b"', "plain": "a b", "k": "1", "none": "null",
             "map": '{"a": 1, "b": "c"}', "_tuning_objective_metric": "x"}  # fmt: skip
    output, _ = start(ml, script, given).communicate()
    arguments, variables = json.loads(output.splitlines()[-1])
    assert arguments == [
        "--batch-size", "32", "--eta", "0.1", "--flag", "True", "-k", "1", "--map", "a=1,b=c",
        "--name", "a b", "--none", "", "--plain", "a b",
    ]  # fmt: skip
    assert variables["SM_HP_BATCH-SIZE"] == "32"
    assert variables["SM_HP_NAME"] == "a b"
    assert variables["SM_CHANNELS"] == '["train"]'
    assert variables["SM_CHANNEL_TRAIN"] == str(ml / "input/data/train")
    assert variables["SM_MODEL_DIR"] == str(ml / "model")
    assert json.loads(variables["SM_HPS"])["map"] == {"a": 1, "b": "c"}
    assert variables["SM_CURRENT_HOST"] == "algo-1"
    assert (variables["SM_HP_NONE"], variables["SM_FRAMEWORK_MODULE"]) == ("", "")
    assert (ml / "output/success").exists()


def test_the_variables_are_those_of_the_training_toolkit(ml: Path) -> None:
    """The names and values that sagemaker-training 5.1.4 sets from the same files (run beside it once, 2026-11)."""
    hosts = ["algo-1", "algo-2"]
    groups = [
        {"instance_group_name": "cpus", "instance_type": "ml.m5.xlarge", "hosts": ["algo-1"]},
        {"instance_group_name": "gpus", "instance_type": "ml.g5.xlarge", "hosts": ["algo-2"]},
    ]
    resources = {
        "current_host": "algo-2", "current_instance_type": "ml.g5.xlarge", "current_group_name": "gpus", "hosts": hosts,
        "instance_groups": groups, "network_interface_name": "lo",
    }  # fmt: skip
    write(ml, "resourceconfig", resources)
    given = {
        "sagemaker_submit_directory": '"s3://bucket/code.tar.gz"', "sagemaker_job_name": '"job"', "sagemaker_region": '"eu-west-1"',
        "sagemaker_mpi_enabled": "false", "sagemaker_distribution_instance_groups": '["gpus"]', "a": '{"y": 2, "x": 1}',
    }  # fmt: skip
    script = (
        "import json, os\nprint(json.dumps({k: v for k, v in os.environ.items() if k.startswith(('SM_', 'SAGE'))}))"
    )
    output, _ = start(ml, script, given).communicate()
    found = json.loads(output.splitlines()[-1])
    training_env = json.loads(found.pop("SM_TRAINING_ENV"))
    found.pop("SM_NUM_CPUS")
    framework = {"sagemaker_distribution_instance_groups": ["gpus"], "sagemaker_mpi_enabled": False}
    texts = {name: json.dumps(value, sort_keys=True, separators=(",", ":")) for name, value in {
        "CHANNELS": ["train"], "CURRENT_INSTANCE_GROUP_HOSTS": ["algo-2"], "DISTRIBUTION_INSTANCE_GROUPS": ["gpus"],
        "FRAMEWORK_PARAMS": framework, "HOSTS": hosts, "HPS": {"a": {"x": 1, "y": 2}}, "HP_A": {"x": 1, "y": 2},
        "INPUT_DATA_CONFIG": {"train": {"TrainingInputMode": "File"}}, "INSTANCE_GROUPS": ["cpus", "gpus"],
        "INSTANCE_GROUPS_DICT": {group["instance_group_name"]: group for group in groups}, "IS_HETERO": True,
        "LOG_LEVEL": 20, "NUM_GPUS": 0, "NUM_NEURONS": 0, "RESOURCE_CONFIG": resources, "USER_ARGS": ["-a", "x=1,y=2"],
    }.items()}  # fmt: skip
    plain = {
        "CHANNEL_TRAIN": ml / "input/data/train", "CURRENT_HOST": "algo-2", "CURRENT_INSTANCE_GROUP": "gpus",
        "CURRENT_INSTANCE_TYPE": "ml.g5.xlarge", "FRAMEWORK_MODULE": "", "INPUT_CONFIG_DIR": ml / "input/config",
        "INPUT_DIR": ml / "input", "MODEL_DIR": ml / "model", "MODULE_DIR": "s3://bucket/code.tar.gz",
        "MODULE_NAME": "train", "NETWORK_INTERFACE_NAME": "lo", "OUTPUT_DATA_DIR": ml / "output/data",
        "OUTPUT_DIR": ml / "output", "OUTPUT_INTERMEDIATE_DIR": ml / "output/intermediate", "USER_ENTRY_POINT": "train.py",
    }  # fmt: skip
    assert {k: v for k, v in found.items() if k.startswith("SM_")} == {
        f"SM_{name}": str(value) for name, value in {**texts, **plain}.items()
    }
    assert (found["SAGEMAKER_JOB_NAME"], found["SAGEMAKER_REGION"]) == ("job", "eu-west-1")
    assert (training_env["is_master"], training_env["master_hostname"]) == (False, "algo-1")
    assert training_env["distribution_hosts"] == ["algo-2"]


@pytest.mark.parametrize("name", ["run.sh", "go"])
def test_what_is_no_python_file_is_a_command_of_the_shell(ml: Path, name: str) -> None:
    script = '#!/bin/bash\narray=(one two)\necho "${array[1]} $*" "$SM_USER_ENTRY_POINT"\n'  # no plain shell has arrays
    output, errors = start(ml, script, {"sagemaker_program": f'"{name}"', "b": '"x y; z"'}, name).communicate()
    assert output.endswith(f"two -b x y; z {name}\n"), errors


def test_beside_a_setup_py_the_script_is_run_as_a_module(ml: Path) -> None:
    (ml / "code/setup.py").write_text("raise SystemExit('nobody runs this')")
    process = start(ml, "import sys\nprint(__name__, __spec__.name, sys.argv[1:])\n", {"a": "1"})
    output, errors = process.communicate()
    assert output.endswith("__main__ train ['-a', '1']\n"), errors
    assert "name that in requirements.txt" in output


@pytest.mark.parametrize(("hosts", "options"), [
    (["algo-1"], "--standalone --nproc_per_node 1"),
    (["algo-1", "algo-2"], "--nnodes 2 --nproc_per_node 1 --master_addr algo-1 --master_port 20000 --node_rank 1"),
])  # fmt: skip
def test_torch_distributed_is_launched_by_torchrun(ml: Path, hosts: list[str], options: str) -> None:
    write(ml, "resourceconfig", {"current_host": hosts[-1], "hosts": hosts})
    (ml / "code/torch/distributed").mkdir(parents=True)  # what stands for it here says how it was called
    (ml / "code/torch/distributed/run.py").write_text("import sys\nprint(*sys.argv[1:])")
    output, errors = start(ml, "", {"sagemaker_torch_distributed_enabled": "true", "a": "1"}).communicate()
    assert output.endswith(f"{options} train.py -a 1\n"), errors


def test_a_script_outside_the_archive_is_refused(ml: Path) -> None:
    process = start(ml, "", {"sagemaker_program": '"../../../../../bin/true"'})
    process.communicate()
    assert process.returncode == 1
    assert "leads out of the source archive" in (ml / "output/failure").read_text()


def test_a_failure_is_told_as_the_toolkit_tells_it(ml: Path) -> None:
    process = start(ml, "import sys\nprint('quiet')\nraise ValueError('too \"small\"')\n")
    output, errors = process.communicate()
    assert process.returncode == 1
    assert "quiet" in output
    assert "ValueError" in errors
    failure = (ml / "output/failure").read_text()
    assert failure.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback')
    assert "ValueError: too 'small'" in failure
    assert failure.endswith(f'Command "{sys.executable} train.py"')


def test_a_scripts_own_words_are_kept(ml: Path) -> None:
    script = f"import sys\nopen({str(ml / 'output/failure')!r}, 'w').write('my reason')\nsys.exit(3)\n"
    process = start(ml, script)
    process.communicate()
    assert process.returncode == 3
    assert (ml / "output/failure").read_text() == "my reason"


def test_sigterm_reaches_the_script_once(ml: Path) -> None:
    """As an engine sends it, to the group. A second one would break into what the script saves."""
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked'), time.sleep(0.5), print('saved'), sys.exit(0)))\n"
        "print('ready', flush=True)\nsignal.pause()\n"
    )
    process = start(ml, script)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "ready\n":
            break
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "asked\nsaved\n")


def test_a_child_that_stays_does_not_hold_the_end_up(ml: Path) -> None:
    script = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)\n"
    process = start(ml, script)
    assert process.wait(timeout=60) == 0
    assert process.stdout is not None
    child = next(int(line) for line in process.stdout if line.strip().isdigit())
    os.kill(child, signal.SIGKILL)  # it was still there
    process.communicate()


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            member.linkname = content.decode() if kind != tarfile.REGTYPE else ""
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("../evil", tarfile.REGTYPE, b"x"),
        ("/etc/evil", tarfile.LNKTYPE, b"/etc/passwd"),
        ("link", tarfile.SYMTYPE, b"/etc/passwd"),
        ("device", tarfile.CHRTYPE, b""),
    ],
)
def test_an_archive_that_reaches_out_is_refused_by_the_members_name(
    ml: Path, name: str, kind: bytes, content: bytes
) -> None:
    (ml / "input/sourcedir.tar.gz").write_bytes(
        archive(("train.py", tarfile.REGTYPE, b"print(1)"), (name, kind, content))
    )
    write(ml, "hyperparameters", {"sagemaker_program": "train.py"})
    environment = {"PATH": os.environ["PATH"], "CLARY_ML": str(ml), "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-m", "clary.runtime.train"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1
    failure = (ml / "output/failure").read_text()
    assert failure.startswith("ClientError")
    assert name in failure
    assert not (ml / "code/train.py").exists()


@pytest.mark.parametrize("given", [{}, {"sagemaker_program": "none.py"}])
def test_no_script_is_told_with_the_way_out(ml: Path, given: dict[str, str]) -> None:
    write(ml, "hyperparameters", given)
    environment = {"PATH": os.environ["PATH"], "CLARY_ML": str(ml), "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-m", "clary.runtime.train"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert (ml / "output/failure").read_text().startswith("ClientError: ")
