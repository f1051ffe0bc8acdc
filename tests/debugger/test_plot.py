"""The picture of a network, drawn from tensors: one page that loads nothing."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

import clary
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value, scalar
from clary.formats.tensors.writer import Step, write_collections
from clary.images.environments import Environments
from clary.settings import Settings

pytestmark = pytest.mark.slow

SOURCE = Path(clary.__file__).parent


def _numbers(shape: tuple[int, ...], factor: float) -> Value:
    count = 1
    for size in shape:
        count *= size
    return Value("float32", shape, struct.pack(f"<{count}f", *(factor * (n % 7 - 3) for n in range(count))))


def _write(folder: Path) -> None:
    for number in range(3):
        step = Step(folder, "worker_0", number, Mode.TRAIN, number)
        step.add("Net_conv.weight", _numbers((8, 3, 3, 3), 1 + number), 1.7e9)
        step.add("gradient/Net_conv.weight", _numbers((8, 3, 3, 3), 0.1), 1.7e9)
        step.add("conv_output_0", _numbers((2, 20, 9, 9), 2), 1.7e9)
        step.add("flat_output_0", _numbers((2, 5000), 2), 1.7e9)
        step.add("loss_output_0", scalar(1 / (1 + number)), 1.7e9)
        step.close()
    write_collections(folder, "worker_0", [Collection("losses", ("loss",))], 1)


def draw(folder: Path, file: Path) -> subprocess.CompletedProcess[str]:
    python = Environments(Settings.read().cache).build(SOURCE / "images/tensor_plot/requirements.lock")
    command = [str(python), "-m", "clary.images.tensor_plot.plot", str(folder), str(file), "a job"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_layers_weights_and_gradients_have_their_pictures(tmp_path: Path) -> None:
    _write(tmp_path / "tensors")
    done = draw(tmp_path / "tensors", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "page.html").read_text()
    headings = re.findall(r"<h2>([^<]*)</h2>", text)
    assert headings == [
        "Losses and metrics",
        "What comes out of the layers",
        "What comes out of the layers: how large",
        "Weights",
        "Weights: how large",
        "Gradients",
        "Gradients: how large",
    ]
    assert text.count('"type":"surface"') >= 3 * (2 + 1 + 1)
    assert not re.search(r"<(script|link|img)[^>]* (src|href)=", text)
    assert len(text) < 8_000_000


def test_a_job_without_tensors_is_told(tmp_path: Path) -> None:
    done = draw(tmp_path / "nothing", tmp_path / "page.html")
    assert done.returncode != 0
    assert "a job has saved no tensors yet" in done.stderr
