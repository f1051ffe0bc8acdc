"""The built-in object detection on synthetic radiographs of 512 x 512: training, what it finds, one image by its endpoint.

The training program runs as a job runs it, with ``base_network=small`` at 300 pixels, until it has used ``--seconds`` of two
processors' time: so the figures hold for two cores, however many programs share them. Then the kept model is judged on patients
that it has not seen, by average precision at an overlap of 0.5, and the serving program is asked for one image after another.
Usage: python bench/detection.py [--seconds 240] [--images 800] [--epochs 30]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(_ROOT))

import clary  # noqa: E402
from bench.serving import start  # noqa: E402
from clary.images import catalog  # noqa: E402
from clary.images.environments import Environments  # noqa: E402
from clary.images.object_detection.average_precision import Detection, mean_average_precision  # noqa: E402
from clary.images.object_detection.labels import of_json  # noqa: E402
from clary.settings import Settings  # noqa: E402

_ASKED = 100  # requests to the endpoint
_JUDGED = 200  # pictures of the channel validation, and as many that are seen last
_TICKS = os.sysconf("SC_CLK_TCK")

# Runs in the image, which has what the project's generator needs. A picture each of as many patients.
_DRAW = """
import json, sys, pathlib
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, sys.argv[1])
import sample
folder, ends = pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])

def draw(number):
    channel = next(name for name, end in ends.items() if number < end)
    image, box = sample.radiograph(number, 0, 512)
    image.save(folder / channel / f"{number:05}.png", compress_level=1)
    text = json.dumps({**sample.record("", 512, box)[sample.ATTRIBUTE], "file": f"{number:05}.png"})
    (folder / f"{channel}_annotation" / f"{number:05}.json").write_text(text)

if __name__ == "__main__":
    for name in ends:
        (folder / name).mkdir(parents=True)
        (folder / f"{name}_annotation").mkdir()
    with ProcessPoolExecutor() as pool:
        list(pool.map(draw, range(max(ends.values())), chunksize=8))
"""


def used(process: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def train(python: str, folder: Path, given: argparse.Namespace) -> None:
    """Until the epochs are over or the time is used; prints what the log tells, with the processor time beside it."""
    config = folder / "input/config"
    config.mkdir(parents=True)
    channels = ("train", "train_annotation", "validation", "validation_annotation")
    one = {"TrainingInputMode": "File", "ContentType": "image/png"}
    (config / "inputdataconfig.json").write_text(json.dumps(dict.fromkeys(channels, one)))
    values = {
        "base_network": "small", "num_classes": "1", "num_training_samples": str(given.images),
        "epochs": str(given.epochs), "mini_batch_size": "16", "optimizer": "adam", "learning_rate": "0.002",
        "lr_scheduler_step": f"{given.epochs * 3 // 4},{given.epochs * 9 // 10}" if given.epochs >= 8 else "",
    }  # fmt: skip
    (config / "hyperparameters.json").write_text(json.dumps(values))
    command = [python, "-m", "clary.images.object_detection.train"]
    environment = {**variables(folder), "CLARY_CPUS": "2"}
    begin = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        before = 0.0
        for line in process.stdout or ():
            spent = used(process.pid)
            if "computing on" in line:
                print(f"  {given.images + _JUDGED} images decoded and shrunk: {spent:.1f} s of processor time")
            elif "throughput" in line:
                rate = given.images / (spent - before) * 2
                print(f"  {rate:5.0f} images/s on two cores, {re.findall(r'=([0-9.]+) rec', line)[0]} as it was shared")
            elif found := re.search(r"epoch=(\d+), validation mAP <score>=\(([0-9.]+)\)", line):
                wall = time.perf_counter() - begin
                print(
                    f"  epoch {found[1]}: AP50 {found[2]} after {spent / 2:.0f} s of two cores, {wall:.0f} s by the clock"
                )
            before = spent if "computing" in line or "mAP" in line else before
            sys.stdout.flush()
            if spent > 2 * given.seconds:
                process.send_signal(signal.SIGTERM)
        process.wait()
    assert process.returncode == 0


def variables(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(clary.__file__).parent.parent),
        "CLARY_ML": str(folder),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def judge(port: int, folder: Path) -> None:
    """Each image of the folder by the endpoint: its time, and the average precision of all."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found, truth, times = [], [], []
    for path in sorted(folder.iterdir()):
        body = path.read_bytes()
        begin = time.perf_counter()
        connection.request("POST", "/invocations", body, {"Content-Type": "image/png"})
        answer = connection.getresponse()
        prediction = json.loads(answer.read())["prediction"]
        times.append((time.perf_counter() - begin) * 1000)
        found.append([Detection(int(each[0]), each[1], each[2:]) for each in prediction])
        text = (folder.with_name(f"{folder.name}_annotation") / f"{path.stem}.json").read_text()
        truth.append(of_json(text, path.name).boxes)
    connection.close()
    print(f"  AP50 on {len(truth)} patients it has not seen: {mean_average_precision(found, truth, 0.5):.3f}")
    times = sorted(times[-_ASKED:])
    print(f"  one image by HTTP: p50 {statistics.median(times):.1f} ms ({times[0]:.1f} to {times[-1]:.1f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240, help="of two cores")
    parser.add_argument("--images", type=int, default=800)
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args()
    image = catalog.find("object-detection")
    python = str(Environments(Settings.read().cache).build(image.lock))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ends = {"train": given.images, "validation": given.images + _JUDGED, "unseen": given.images + 2 * _JUDGED}
        script = folder / "draw.py"
        script.write_text(_DRAW)
        project = str(_ROOT / "projects/chest_xrays")
        subprocess.run([python, str(script), project, str(folder / "input/data"), json.dumps(ends)], check=True)
        print("training")
        train(python, folder, given)
        print("endpoint")
        environment = {**variables(folder), "CLARY_HANDLERS": image.handlers}
        first = next((folder / "input/data/unseen").iterdir()).read_bytes()
        process, port = start([python, "-m", "clary.runtime.serve"], environment, first, "image/png")
        judge(port, folder / "input/data/unseen")
        before = used(process.pid)
        judge(port, folder / "input/data/unseen")
        print(f"  processor time of one: {(used(process.pid) - before) / _JUDGED * 1000:.1f} ms")
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
