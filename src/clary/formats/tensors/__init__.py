"""The tensors that a training job saves for SageMaker Debugger: how they lie in a folder, written and read.

``layout`` says what the files are called, ``events`` what a tensor's bytes are, ``collections`` which tensor belongs
where; ``writer`` and ``reader`` put them together. ``tensorboard`` writes the same steps for TensorBoard.
Source of the format: smdebug 1.0.34, the library of SageMaker Debugger, which reads what is written here.
"""

from __future__ import annotations
