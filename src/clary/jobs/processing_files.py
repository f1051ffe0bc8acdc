"""Laying out what one host of a processing job sees, and reading what it left.

Each input and each output is a folder of its own beside the host's ``ml``, mounted where the program expects it: one
within another, outputs anywhere, and a program cannot put a link into an output's place.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clary.engines.base import Mount
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import channels, folders, followed_inputs, sources
from clary.jobs.dealing import ALL, deal
from clary.jobs.instances import Host
from clary.store.base import Record

SOURCE_ARCHIVE = "sourcedir.tar.gz"
"""What the SDK's FrameworkProcessor packs its code into, requirements.txt included."""

_MESSAGE = 1024  # bytes of an ExitMessage
_MESSAGE_FILE = "/opt/ml/output/message"


class BadMessage(Exception):
    """The message that a program left is not UTF-8."""


@dataclass(frozen=True)
class Output:
    """What a program writes at ``path`` lies in ``folder`` below the host's directory and goes to ``uri``."""

    path: str
    folder: str
    uri: str
    is_continuous: bool


def outputs(job: Record) -> list[Output]:
    """Those that Clary stores; a program stores AppManaged ones itself."""
    wanted = enumerate(job.body["ProcessingOutputConfig"]["Outputs"])
    return [
        Output(
            path=each["S3Output"]["LocalPath"].rstrip("/"),
            folder=f"outputs/{number}",
            uri=each["S3Output"]["S3Uri"].rstrip("/"),
            is_continuous=each["S3Output"]["S3UploadMode"] == "Continuous",
        )
        for number, each in wanted
        if not each["AppManaged"]
    ]


def lay_out(
    buckets: GuardedBuckets, job: Record, hosts: Sequence[Host], host: Host, directory: Path, *, linked: bool = True
) -> list[Mount]:
    """Write it below the host's ``directory``; returns the mounts still to be made. ``linked``: see ``followed_inputs``.

    ``CannotStage`` says what of the input is missing.
    """
    ml = directory / "ml"
    (ml / "output").mkdir(parents=True, exist_ok=True)
    mounts = []
    for number, source in enumerate(_sources(job)):
        own, folder = directory / f"inputs/{number}", source["LocalPath"].strip("/").removeprefix("opt/ml/")
        share = (hosts.index(host), len(hosts)) if source["S3DataDistributionType"] == "ShardedByS3Key" else ALL
        files = folders.show(buckets, deal(sources.objects(buckets, source), share), own, folder)
        mounts += [Mount(own / folder, f"/opt/ml/{folder}", writable=True), *files]
        if source["S3Uri"].endswith(f"/{SOURCE_ARCHIVE}"):
            buckets.save(buckets.find(source["S3Uri"]), directory / SOURCE_ARCHIVE)
    for output in outputs(job):
        (directory / output.folder).mkdir(parents=True, exist_ok=True)
        mounts.append(Mount(directory / output.folder, output.path, writable=True))
    mounts += followed_inputs.mounts(job, directory, linked=linked)
    channels.write_json(ml / "config/processingjobconfig.json", _config(job))
    names = {"current_host": host.name, "hosts": [each.name for each in hosts]}
    channels.write_json(ml / "config/resourceconfig.json", names)
    return mounts


def exit_message(job: Record, folders: Sequence[Path]) -> str:
    """What the hosts left in ``/opt/ml/output/message``, joined and cut to 1 KB; ``BadMessage``."""
    left = b"".join(_read(folder, _on_host(job, folder, _MESSAGE_FILE)) for folder in folders)
    try:
        # Not the end of it: a character that is cut in two is left out.
        return codecs.getincrementaldecoder("utf-8")().decode(left[:_MESSAGE])
    except UnicodeDecodeError as error:
        raise BadMessage(
            f"{_MESSAGE_FILE} is not UTF-8: the byte 0x{left[error.start]:02x} at {error.start}. Write text there."
        ) from None


def remove(folder: Path) -> None:
    """The data of a host, when its job has ended: what is to stay is in S3."""
    for each in ("ml/processing", "inputs", "outputs", followed_inputs.FOLDER):
        shutil.rmtree(folder / each, ignore_errors=True)
    channels.remove(folder / "ml")
    (folder / SOURCE_ARCHIVE).unlink(missing_ok=True)


def _sources(job: Record) -> Iterator[dict[str, Any]]:
    for each in job.body["ProcessingInputs"]:
        if not each["AppManaged"]:
            yield each["S3Input"]


def _on_host(job: Record, folder: Path, path: str) -> Path:
    """Where a file lies that the program sees at ``path``, an absolute one."""
    for output in outputs(job):
        if path.startswith(f"{output.path}/"):
            return folder / output.folder / path.removeprefix(f"{output.path}/")
    return folder / "ml" / path.removeprefix("/opt/ml/")


def _read(folder: Path, file: Path) -> bytes:
    """The start of a file; nothing if it is none, or leads out of the folder as a link may."""
    if not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
        return b""
    with file.open("rb") as opened:
        return opened.read(_MESSAGE)


def _config(job: Record) -> dict[str, Any]:
    """processingjobconfig.json, with what was left out as null, as AWS's has it."""
    body = job.body
    app, config = body["AppSpecification"], body["ProcessingOutputConfig"]
    mode = "Continuous" if followed_inputs.inputs(job) else "StartOfJob"
    inputs = [{**each, "S3Input": {**each["S3Input"], "S3DownloadMode": mode}} for each in body["ProcessingInputs"]]
    return {
        "ProcessingJobArn": body["ProcessingJobArn"],
        "ProcessingJobName": job.name,
        "AppSpecification": {"ContainerEntrypoint": None, "ContainerArguments": None, **app},
        "Environment": body.get("Environment", {}),
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"KmsKeyId": None, **config},
        "ProcessingResources": {
            "ClusterConfig": {"VolumeKmsKeyId": None, **body["ProcessingResources"]["ClusterConfig"]}
        },
        "RoleArn": body["RoleArn"],
        "StoppingCondition": body["StoppingCondition"],
    }
