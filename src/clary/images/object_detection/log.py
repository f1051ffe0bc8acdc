"""The lines of the log: those that metric definitions and notebooks look for have the words of AWS's algorithm."""

from __future__ import annotations

import os
import time


def say(text: str) -> None:
    """As AWS's algorithms write: ``[11/26/2026 10:00:00 INFO 1401] text``."""
    print(f"[{time.strftime('%m/%d/%Y %H:%M:%S')} INFO {os.getpid()}] {text}", flush=True)


def losses(host: str, epoch: int, batch: int, cross_entropy: float, smooth_l1: float) -> None:
    """``epoch`` and ``batch`` from 0; the means over the batches of the epoch so far."""
    for name, value in (("cross_entropy", cross_entropy), ("smooth_l1", smooth_l1)):
        say(f"#quality_metric: host={host}, epoch={epoch}, batch={batch} train {name} <loss>={value:.6f}")


def mean_average_precision(host: str, epoch: int, value: float) -> None:
    """``value``: 0 to 1."""
    say(f"#quality_metric: host={host}, epoch={epoch}, validation mAP <score>=({value:.6f})")


def progress(host: str, done: int, epochs: int) -> None:
    """``done``: epochs that have ended."""
    say(f"#progress_metric: host={host}, completed {100 * done / epochs:.4g} % of epochs")


def throughput(host: str, rate: float) -> None:
    """``rate``: images a second."""
    say(f"#throughput_metric: host={host}, train throughput={rate:.4f} records/second")
