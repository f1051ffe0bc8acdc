"""Programs for a Python that has smdebug: the reader of SageMaker Debugger, as customers use it."""

from __future__ import annotations

READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from smdebug import modes
from smdebug.trials import create_trial

def shown(value):
    return [str(value.dtype), list(value.shape), value.tolist()]

trial = create_trial(sys.argv[1])
found = {
    "modes": sorted(mode.name for mode in trial.modes()), "steps": trial.steps(), "ended": trial.loaded_all_steps,
    "workers": trial.workers(), "collections": {name: sorted(trial.tensor_names(collection=name)) for name in trial.collections()},
    "tensors": {}, "reductions": {},
}
for name in trial.tensor_names():
    tensor = trial.tensor(name)
    for mode in (modes.GLOBAL, modes.TRAIN, modes.EVAL):
        for step in tensor.steps(mode=mode):
            for worker in tensor.workers(step, mode=mode):
                key = f"{name} {mode.name} {step} {worker}"
                try:
                    found["tensors"][key] = shown(tensor.value(step, mode=mode, worker=worker))
                except Exception as error:
                    found["tensors"][key] = type(error).__name__
                reductions = tensor.reduction_values(step, mode=mode, worker=worker) or {}
                for (operation, absolute), value in reductions.items():
                    found["reductions"][f"{key} {'abs_' if absolute else ''}{operation}"] = float(np.ravel(value)[0])
print("FOUND" + json.dumps(found))
"""
"""Prints all that ``create_trial`` of the folder or S3 address in its argument finds, as JSON behind FOUND."""
