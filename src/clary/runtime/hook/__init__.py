"""The debugger's hook: saves tensors of a training script as it runs, without a change of it.

``site`` is a folder that a training job has on its PYTHONPATH: its ``sitecustomize`` waits for torch or xgboost to be imported,
then ``pytorch`` or ``boosting`` watches the training, if it has a DebugHookConfig. ``saving`` decides what is saved at which
step, from what ``configuration`` reads. ``compatible`` holds a small smdebug for scripts that import it, which every job finds
last, so that a real one goes before it; ``scripted`` is what it is made of. A hook that fails says so once and does nothing
more; the training goes on.
"""

from __future__ import annotations
