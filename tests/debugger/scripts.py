"""Training scripts that save tensors as a hook does, and store them themselves: what a rule sees is in S3 step by step."""

from __future__ import annotations

_STORE = """
import os, signal, sys, tempfile, time
from pathlib import Path
import boto3
from clary.formats.tensors import layout
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import scalar
from clary.formats.tensors.writer import Step, write_collections

JOB, folder, s3 = os.environ["TRAINING_JOB_NAME"], Path(tempfile.mkdtemp()), boto3.client("s3")

def store(name):
    s3.upload_file(str(folder / name), "jobs", f"debug/{JOB}/debug-output/{name}")

def end(*_):
    (folder / layout.END).touch()
    store(layout.END)
    sys.exit(0)

def save(step, **tensors):
    file = Step(folder, "worker_0", step, Mode.TRAIN, step)
    for name, number in tensors.items():
        file.add(name, scalar(number), time.time())
    file.close()
    store(layout.event_file(step, "worker_0"))
    store(layout.index_file(step, "worker_0"))
    print("saved step", step, flush=True)

signal.signal(signal.SIGTERM, end)
write_collections(folder, "worker_0", [Collection("losses", ("loss",))], 1)
store(layout.collections_file("worker_0"))
"""

FALLS = _STORE + "for step in range(4):\n    save(step, loss=1 / (step + 1), x=1.0)\nend()\n"
"""A loss that falls, four times."""

EXPLODES = _STORE + (
    "for step in range(3):\n    save(step, loss=1.0 + step, x=1.0)\n"
    "save(3, loss=float('nan'), x=float('inf'))\n"
    "while True:\n    signal.pause()\n"
)
"""A loss that is NaN at step 3; then it waits to be stopped."""

GOES_ON = _STORE + (
    "step = 0\nwhile not (Path(os.environ['SM_CHANNEL_TRAIN']) / 'never').exists():\n"
    "    save(step, loss=1.0 if step < int(sys.argv[2]) else float('nan'))\n    step += 1\n    time.sleep(0.25)\n"
)
"""A loss that is NaN from the step on that the hyperparameter names; until it is stopped."""
