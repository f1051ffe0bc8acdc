"""The modes that steps are counted in, as smdebug numbers them."""

from __future__ import annotations

from enum import Enum


class ModeKeys(Enum):
    TRAIN = 1
    EVAL = 2
    PREDICT = 3
    GLOBAL = 4  # all together: the step that files are named by
