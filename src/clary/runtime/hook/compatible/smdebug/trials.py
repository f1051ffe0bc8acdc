"""Reading tensors is not what a training script needs; the real smdebug does it."""

from __future__ import annotations

raise ImportError(
    "Clary's images have no smdebug.trials: put smdebug==1.0.34 and numpy<2 into the script's requirements.txt."
)
