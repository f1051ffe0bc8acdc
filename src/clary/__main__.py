"""``python -m clary`` is the same as ``clary``."""

from __future__ import annotations

from clary.cli import main

if __name__ == "__main__":
    main(prog_name="clary")
