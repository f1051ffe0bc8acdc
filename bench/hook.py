"""What the debugger's hook costs a training in PyTorch, at its default settings: Clary's and smdebug's own, each against none.

Two models alike are trained in one process and on one thread, a step of the one, a step of the other; one of them is watched.
So what else the machine does meets both. Times are the processor's. Every 50th step is saved here, so that such steps are seen
often; by default it is every 500th, and the cost told is that of 499 plain steps and a saved one. ``--python`` has torch, and
smdebug with what that needs (numpy before 2, see tests/debugger); without smdebug that row is left out. Also: what a start
costs before the script's first line.
Usage: python bench/hook.py --python PYTHON [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"
SITE = SOURCE / "clary/runtime/hook/site"
MODELS = {"three layers, 32 rows": 800, "small CNN, 16 pictures of 32 pixels": 160}
DEFAULT = 500

LOOP = """
import statistics, sys, time, warnings
warnings.simplefilter("ignore")
import torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
kind, steps, who = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def block(i, o):
    return nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)

def make():
    if kind.startswith("three"):
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    layers = [layer for i, o in ((3, 16), (16, 32), (32, 64)) for layer in block(i, o)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10))

class Training:
    def __init__(self):
        self.net, self.criterion = make().train(), nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.01)
        self.times = []

    def step(self, number):
        before = time.process_time()
        self.optimizer.zero_grad()
        self.criterion(self.net(rows), labels).backward()
        self.optimizer.step()
        self.times.append(time.process_time() - before)

rows = torch.randn(32, 64) if kind.startswith("three") else torch.randn(16, 3, 32, 32)
labels = torch.randint(0, 10, (len(rows),))
watched, bare = Training(), Training()
if who == "smdebug":
    import smdebug.pytorch as smd
    hook = smd.Hook.create_from_json_file()
    hook.register_module(watched.net)
    hook.register_loss(watched.criterion)
for number in range(steps + 1):
    for each in (watched, bare) if number // 2 % 2 == 0 else (bare, watched):  # who is second finds the processor warm
        each.step(number)
none = statistics.median(bare.times[20:])
added = [one - other for one, other in zip(watched.times, bare.times)]
plain = statistics.median(each for number, each in enumerate(added) if number > 20 and number % 50 > 1)
# What was saved of a step is written at the beginning of the next one.
saved = statistics.median(added[number] + added[number + 1] for number in range(50, steps, 50))
print("TIME", none, plain, saved, flush=True)
"""


def measure(python: str, who: str, model: str, steps: int, folder: Path) -> tuple[float, float, float]:
    """Seconds of the processor: of a step without a hook, and what it adds to a plain step, and to a saved one."""
    config = folder / "debughookconfig.json"
    config.write_text(json.dumps({"LocalPath": str(folder / "tensors"), "HookParameters": {"save_interval": "50"}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment["SMDEBUG_CONFIG_FILE_PATH"] = str(config)
    if who == "clary":
        environment["PYTHONPATH"] = f"{SOURCE}:{SITE}"
    command = [python, "-c", LOOP, model, str(steps), who]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    bare, plain, saved = map(float, done.stdout.partition("TIME ")[2].split()[:3])
    return bare, plain, saved


def start(python: str, hooked: bool, folder: Path) -> float:
    """Seconds of the processor that a Python needs to begin and end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment["PYTHONPATH"] = f"{SOURCE}:{SITE}" if hooked else str(SOURCE)
    environment["SMDEBUG_CONFIG_FILE_PATH"] = str(folder / "debughookconfig.json")
    before = os.times()
    for _ in range(10):
        subprocess.run([python, "-c", "pass"], env=environment, timeout=60, check=True)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) / 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    has = subprocess.run([given.python, "-c", "import smdebug"], capture_output=True, check=False).returncode == 0
    for model, steps in MODELS.items():
        for name in ["clary", *(["smdebug"] if has else [])]:
            found = []
            for _ in range(given.rounds):
                with tempfile.TemporaryDirectory() as folder:
                    found.append(measure(given.python, name, model, steps, Path(folder)))
            bare, plain, saved = zip(*found, strict=True)
            added = [(p * (DEFAULT - 1) + s) / DEFAULT / b * 100 for b, p, s in found]
            print(
                f"{model}: {name:8} a step takes {statistics.median(bare) * 1e6:.0f} us, plus {statistics.median(plain) * 1e6:.0f} "
                f"us, plus {statistics.median(saved) * 1e6:.0f} us if it is saved: by default "
                f"{statistics.median(added):+.1f} % ({min(added):+.1f} to {max(added):+.1f})",
                flush=True,
            )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "debughookconfig.json").write_text("{}")
        pairs = [[start(given.python, hooked, Path(folder)) for hooked in (False, True)] for _ in range(given.rounds)]
    costs = [with_hook - without for without, with_hook in pairs]
    print(f"start: {statistics.median(costs) * 1e3:+.0f} ms ({min(costs) * 1e3:.0f} to {max(costs) * 1e3:.0f})")


if __name__ == "__main__":
    main()
