"""Models on the disk, weights from elsewhere, frozen layers, checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from clary.images.errors import UserError
from clary.images.object_detection import checkpoints, freezing, hyperparameters, model_files, pretrained
from clary.images.object_detection.network import Detector

TEXTS = hyperparameters.texts({"num_classes": "2", "num_training_samples": "9", "base_network": "small"})


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    model = Detector("small", 2, 300, 1).eval()
    model_files.save(tmp_path, model, model.state_dict(), TEXTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hyperparams.json", "model_algo_1-0000.params", "model_algo_1-symbol.json",
    ]  # fmt: skip
    again, texts = model_files.load(tmp_path)
    again.eval()
    image = torch.rand(1, 1, 300, 300) * 255
    with torch.no_grad():
        assert torch.equal(model(image)[0], again(image)[0])
    assert texts == TEXTS


def test_another_models_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model_algo_1-0000.params in the model archive, which holds: nothing"):
        model_files.load(tmp_path)
    (tmp_path / model_files.WEIGHTS).write_bytes(b"\x12\x01")
    (tmp_path / model_files.NETWORK).write_text(json.dumps({"nodes": []}))
    with pytest.raises(UserError, match="MXNet's format cannot be read"):
        model_files.load(tmp_path)
    model = Detector("small", 2, 300, 1)
    model_files.save(tmp_path, model, model.state_dict(), TEXTS)
    (tmp_path / model_files.WEIGHTS).write_bytes((tmp_path / model_files.WEIGHTS).read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model_algo_1-0000.params is broken"):
        model_files.load(tmp_path)


def of_torchvision_vgg() -> dict[str, torch.Tensor]:
    """The names and shapes of torchvision's vgg16."""
    found, into, place = {}, 3, 0
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if width:
            found[f"features.{place}.weight"] = torch.rand(width, into, 3, 3)
            found[f"features.{place}.bias"] = torch.rand(width)
            into = width
        place += 2 if width else 1
    return {**found, "classifier.0.weight": torch.rand(8, 8)}


def of_torchvision_resnet() -> dict[str, torch.Tensor]:
    """The names and shapes of torchvision's resnet50."""
    found = {"conv1.weight": torch.rand(64, 3, 7, 7), "fc.weight": torch.rand(8, 8), "fc.bias": torch.rand(8)}

    def norm(name: str, width: int) -> None:
        for kind in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{kind}"] = torch.rand(width)

    norm("bn1", 64)
    into = 64
    for layer, (units, narrow) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
        for unit in range(units):
            name = f"layer{layer}.{unit}"
            for number, (a, b, size) in enumerate(((into, narrow, 1), (narrow, narrow, 3), (narrow, narrow * 4, 1)), 1):
                found[f"{name}.conv{number}.weight"] = torch.rand(b, a, size, size)
                norm(f"{name}.bn{number}", b)
            if unit == 0:
                found[f"{name}.downsample.0.weight"] = torch.rand(narrow * 4, into, 1, 1)
                norm(f"{name}.downsample.1", narrow * 4)
            into = narrow * 4
    return found


def test_torchvisions_weights_are_put_where_they_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(of_torchvision_vgg(), tmp_path / "vgg16-397923af.pth")
    model = Detector("vgg-16", 1, 300, 3)
    assert "begins with the pretrained weights of vgg16-397923af.pth" in pretrained.load(model, tmp_path)
    weights = torch.load(tmp_path / "vgg16-397923af.pth")
    assert torch.equal(model.base.conv1_1.weight, weights["features.0.weight"])
    assert torch.equal(model.base.conv5_3.bias, weights["features.28.bias"])
    home = tmp_path / "home/hub/checkpoints"
    home.mkdir(parents=True)
    torch.save(of_torchvision_resnet(), home / "resnet50-11ad3fa6.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    model = Detector("resnet-50", 1, 300, 3)
    assert "resnet50-11ad3fa6.pth" in pretrained.load(model, tmp_path / "no channel")
    weights = torch.load(home / "resnet50-11ad3fa6.pth")
    assert torch.equal(model.base.conv0.weight, weights["conv1.weight"])
    assert torch.equal(model.base.stage3_unit6_bn3.running_var, weights["layer3.5.bn3.running_var"])
    assert torch.equal(model.base.stage2_unit1_convsc.weight, weights["layer2.0.downsample.0.weight"])


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    torch.save(of_torchvision_resnet(), tmp_path / "resnet50-11ad3fa6.pth")
    with pytest.raises(UserError, match=r"resnet50-11ad3fa6.pth has no weights of base_network=vgg-16"):
        pretrained.load(Detector("vgg-16", 1, 300, 3), tmp_path)
    (tmp_path / "resnet50-11ad3fa6.pth").unlink()
    with pytest.raises(UserError, match=r"has no .pth file, such as vgg16-397923af.pth"):
        pretrained.load(Detector("vgg-16", 1, 300, 3), tmp_path)


def test_without_weights_the_log_says_that_it_begins_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    told = pretrained.load(Detector("resnet-50", 1, 300, 3), tmp_path / "none")
    assert "could not be reached" in told
    assert "from scratch" in told
    assert "from scratch" in pretrained.load(Detector("small", 1, 300, 1), tmp_path / "none")


def test_layers_are_frozen_by_the_patterns_of_awss_documentation() -> None:
    model = Detector("vgg-16", 1, 300, 3)
    frozen = freezing.freeze(model, "^(conv1_|conv2_).*")
    assert len(frozen) == 4
    learnt = {name for name, each in model.base.named_parameters() if each.requires_grad}
    assert not any(name.startswith(("conv1_", "conv2_")) for name in learnt)
    assert "conv3_1.weight" in learnt
    model = Detector("resnet-50", 1, 300, 3).train()
    freezing.hold(freezing.freeze(model, "^(conv0|bn0|stage1_)"))
    assert not model.base.bn0.training
    assert model.base.stage2_unit1_bn1.training
    with pytest.raises(UserError, match="'fc9' finds no layer of base_network=small, which has: stem"):
        freezing.freeze(Detector("small", 1, 300, 1), "fc9")


def test_a_checkpoint_is_whole_and_of_the_same_network(tmp_path: Path) -> None:
    kept = checkpoints.Checkpoints(tmp_path, TEXTS)
    assert kept.load() is None
    kept.save({"a": torch.ones(3), "standing": {"epoch": 4}})
    found = kept.load()
    assert found is not None
    assert found["standing"] == {"epoch": 4}
    other = checkpoints.Checkpoints(tmp_path, {**TEXTS, "num_classes": "3"})
    with pytest.raises(UserError, match="is of num_classes=2, this job has num_classes=3"):
        other.load()
    (tmp_path / checkpoints.FILE).write_bytes(b"no")
    with pytest.raises(UserError, match="is broken"):
        kept.load()
