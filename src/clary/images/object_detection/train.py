"""The program inside a training task of object detection: reads the channels, trains, writes the model's files.

Source: the chapter on object detection in SageMaker's developer guide.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

import torch

from clary.formats import archives
from clary.images.errors import UserError
from clary.images.object_detection import dataset, hyperparameters, log, model_files, pretrained, sources
from clary.images.object_detection.checkpoints import Checkpoints
from clary.images.object_detection.dataset import Dataset
from clary.images.object_detection.fit import Training
from clary.images.object_detection.hosts import Hosts
from clary.images.object_detection.hyperparameters import Settings
from clary.images.object_detection.network import Detector
from clary.runtime import contract


class _Stop:
    """Set by SIGTERM: a job that is stopped, or whose spot instance is taken away, ends after its batch."""

    def __init__(self) -> None:
        self._asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: int | FrameType | None) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def main() -> int:
    """The exit code of the program: 2 for what the user can mend, which is also in the failure file."""
    stop = _Stop()
    try:
        _train(contract.read_config("hyperparameters.json"), stop)
    except UserError as error:
        return contract.fail(f"ClientError: {error}", 2)
    return 0


def _train(given: dict[str, str], stop: _Stop) -> None:
    settings, texts = hyperparameters.read(given), hyperparameters.texts(given)
    channels = contract.read_config("inputdataconfig.json")
    sources.check(channels)
    cpus = int(os.environ.get("CLARY_CPUS") or os.cpu_count() or 1)
    torch.set_num_threads(cpus)
    hosts = Hosts(contract.read_config("resourceconfig.json"))
    train, validation = _data(settings, channels, hosts, cpus)
    model = _model(settings, channels, train, validation)
    device = _device()
    torch.manual_seed(0)
    model.to(device, memory_format=torch.channels_last)
    checkpoints = contract.read_config("checkpointconfig.json").get("LocalPath")
    training = Training(
        settings,
        model,
        train,
        validation,
        hosts,
        Checkpoints(Path(checkpoints) if checkpoints else None, texts),
        lambda weights: model_files.save(contract.MODEL, model, weights, texts),
        stop,
    )
    training.run()
    hosts.close()


def _data(settings: Settings, channels: dict[str, dict[str, str]], hosts: Hosts, cpus: int) -> tuple[Dataset, Dataset]:
    whole = channels["train"].get("S3DistributionType", "FullyReplicated") == "FullyReplicated"
    share = (hosts.rank, hosts.count) if whole else (0, 1)
    train = dataset.read("train", channels, contract.DATA, settings, cpus=cpus, share=share)
    validation = dataset.read("validation", channels, contract.DATA, settings, cpus=cpus)
    for name, found in (("train", train), ("validation", validation)):
        count = sum(len(annotation.boxes) for annotation in found.annotations)
        empty = sum(not annotation.boxes for annotation in found.annotations)
        log.say(f"The channel {name} has {len(found)} images with {count} boxes; {empty} images have none.")
    if hosts.count == 1 and settings.num_training_samples != len(train):
        log.say(
            f"num_training_samples={settings.num_training_samples}, but the channel train has {len(train)} images: an epoch "
            "takes all of them."
        )
    return train, validation


def _model(settings: Settings, channels: dict[str, dict[str, str]], train: Dataset, validation: Dataset) -> Detector:
    torch.manual_seed(0)
    if "model" in channels:
        return _given_model(settings)
    # A network without pretrained weights needs no more channels than the images have.
    grey = settings.base_network == "small" and train.album.channels == validation.album.channels == 1
    model = Detector(settings.base_network, settings.num_classes, settings.image_shape, 1 if grey else 3)
    if settings.use_pretrained_model:
        log.say(pretrained.load(model, contract.DATA / "pretrained"))
    else:
        log.say("use_pretrained_model=0: the base network is trained from scratch.")
    return model


def _given_model(settings: Settings) -> Detector:
    """That of the channel ``model``: an archive, or its files."""
    folder = contract.DATA / "model"
    found = sorted(folder.glob("*.tar.gz"))
    with tempfile.TemporaryDirectory() as scratch:
        if found:
            try:
                archives.unpack(found[0], Path(scratch))
            except archives.UnsafeArchive as error:
                raise UserError(f"The channel model: {error}") from None
        model, _ = model_files.load(Path(scratch) if found else folder, settings.image_shape)
    for name in ("base_network", "num_classes"):
        theirs, ours = getattr(model, name), getattr(settings, name)
        if theirs != ours:
            raise UserError(
                f"The model of the channel model has {name}={theirs}, this job {name}={ours}: they must be the same"
            )
    log.say("The training goes on from the model of the channel model.")
    return model


def _device() -> torch.device:
    if not torch.cuda.is_available():
        log.say(f"There is no GPU: computing on {torch.get_num_threads()} threads of the processor.")
        return torch.device("cpu")
    count = torch.cuda.device_count()
    of = f"; of {count} GPUs one is used" if count > 1 else ""
    log.say(f"Computing on the GPU {torch.cuda.get_device_name(0)}{of}.")
    return torch.device("cuda")


if __name__ == "__main__":
    sys.exit(main())
