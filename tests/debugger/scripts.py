"""Training scripts that save tensors as a hook does; the platform keeps them in S3 while they run."""

from __future__ import annotations

_SAVE = """
import json, os, signal, sys, time
from pathlib import Path
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import scalar
from clary.formats.tensors.writer import Step, write_collections

folder = Path(json.loads(Path(os.environ["SMDEBUG_CONFIG_FILE_PATH"]).read_text())["LocalPath"])

def save(step, **tensors):
    file = Step(folder, "worker_0", step, Mode.TRAIN, step)
    for name, number in tensors.items():
        file.add(name, scalar(number), time.time())
    file.close()
    print("saved step", step, flush=True)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
write_collections(folder, "worker_0", [Collection("losses", ("loss",))], 1)
"""

FALLS = _SAVE + "for step in range(4):\n    save(step, loss=1 / (step + 1), x=1.0)\n"
"""A loss that falls, four times."""

EXPLODES = _SAVE + (
    "for step in range(3):\n    save(step, loss=1.0 + step, x=1.0)\n"
    "save(3, loss=float('nan'), x=float('inf'))\n"
    "while True:\n    signal.pause()\n"
)
"""A loss that is NaN at step 3; then it waits to be stopped."""

GOES_ON = _SAVE + (
    "step = 0\nwhile True:\n"
    "    save(step, loss=1.0 if step < 40 else float('nan'))\n    step += 1\n    time.sleep(0.25)\n"
)
"""A loss that is NaN from step 40 on, ten seconds after the start; until it is stopped."""
