"""Outside of its image a folder's tests are not collected."""

from __future__ import annotations

from importlib.util import find_spec

from hypothesis import settings

collect_ignore = [] if find_spec("torch") else ["object_detection"]
# The first call of a library in an image takes longer than any later one.
settings.register_profile("in images", deadline=None)


def pytest_configure() -> None:
    if not collect_ignore:
        settings.load_profile("in images")
