"""Training scripts that know nothing of the debugger's hook, and some that do."""

from __future__ import annotations

NET = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.relu, self.fc2 = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)

    def forward(self, rows):
        return self.fc2(self.relu(self.fc1(rows)))"""

PYTORCH = """
import copy, warnings
warnings.simplefilter("error")
import torch
from torch import nn

NET
torch.manual_seed(0)
net, criterion = Net(), nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(2):
    net.train()
    for batch in range(4):
        rows, labels = torch.randn(5, 3), torch.randint(0, 2, (5,))
        optimizer.zero_grad()
        criterion(net(rows), labels).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        criterion(net(rows), labels)
# The whole model is pickled and copied right after a step that is saved, as scripts do.
torch.save(net, "/tmp/model")
copied = copy.deepcopy(net)
copied.train()
copied(rows)
with open("/tmp/model", "rb") as file:
    assert b"clary" not in file.read()
assert not net._forward_pre_hooks and not net.relu._forward_hooks
print("weights", net.fc1.weight.flatten().tolist())
""".replace("NET", NET)

FUNCTIONAL = PYTORCH.replace(
    "criterion(net(rows), labels).backward()", "nn.functional.cross_entropy(net(rows), labels).backward()"
)

BREAKING = PYTORCH.replace(
    "torch.manual_seed(0)",
    """
import clary.runtime.hook.saving
def fail(*_): raise RuntimeError("the disk is gone")
clary.runtime.hook.saving.Saver.save = fail
torch.manual_seed(0)
""",
)

SCRIPTED = """
import smdebug.pytorch as smd
from smdebug import modes
""" + PYTORCH.replace(
    "optimizer = ",
    """
hook = smd.get_hook(create_if_not_exists=True)
assert isinstance(hook, smd.Hook)
hook.register_module(net)
hook.register_loss(criterion)
hook.get_collection("inner").add_module_tensors(net.relu, inputs=True)
hook.add_collection(smd.Collection("first", include_regex=["fc1"], reduction_config=smd.ReductionConfig(["max"]),
                                   save_config=smd.SaveConfig(save_steps=[1], save_interval=100)))
optimizer = """,
).replace(
    "    net.train()",
    "    net.train()\n    hook.set_mode(modes.PREDICT)\n    hook.save_scalar('epoch', epoch, sm_metric=True)",
)

NO_HOOK = """
import smdebug.pytorch as smd
print("hook", smd.get_hook(create_if_not_exists=True))
"""

RANKS = """
import torch
from torch import nn
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
torch.manual_seed(rank)
net = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
for _ in range(2):
    nn.MSELoss()(net(torch.randn(4, 2)), torch.randn(4, 1)).backward()
"""

XGBOOST = """
import numpy as np
import xgboost
chance = np.random.default_rng(1)
rows = chance.normal(size=(20, 3))
labels = (rows[:, 0] > 0).astype(float)
data = xgboost.DMatrix(rows, labels)
told = {"eta": 0.3, "objective": "binary:logistic", "max_depth": 2, "eval_metric": ["logloss", "auc"]}
xgboost.train(told, data, num_boost_round=3, evals=[(data, "train")])
"""

XGBOOST_SCRIPTED = XGBOOST.replace(
    "xgboost.train(",
    """
from smdebug.xgboost import Hook
hook = Hook.create_from_json_file()
xgboost.train(""",
).replace('evals=[(data, "train")]', 'evals=[(data, "train")], callbacks=[hook]')

RESUMES = """
import json, os, time
import torch
from torch import nn
folder = json.load(open(os.environ["SM_CHECKPOINT_CONFIG_FILE"]))["LocalPath"]
done = os.path.join(folder, "done")
begin = int(open(done).read()) if os.path.exists(done) else 0
net = nn.Linear(2, 1)
for step in range(begin, 80):
    nn.MSELoss()(net(torch.randn(4, 2)), torch.randn(4, 1)).backward()
    with open(done + ".new", "w") as file:
        file.write(str(step + 1))
    os.rename(done + ".new", done)
    print("step", step, flush=True)
    time.sleep(0.1)
"""
