"""What the log hears of a hook that failed."""

from __future__ import annotations

import sys


def tell(error: Exception) -> None:
    """Say in the job's log that nothing more is saved, and why."""
    print(
        f"Clary: the debugger's hook saves nothing from now on: {type(error).__name__}: {error}. The training goes on.",
        file=sys.stderr,
        flush=True,
    )
