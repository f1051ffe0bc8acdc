"""Lines of .lst files."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.formats import image_lists
from clary.formats.image_lists import BrokenList, ListedImage

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=9)
IMAGES = st.lists(
    st.builds(
        lambda number, labels, name: ListedImage(number, tuple(labels), name),
        st.integers(0, 2**64 - 1),
        st.lists(st.floats(allow_nan=False, width=32), min_size=1, max_size=8),
        NAMES,
    ),
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(IMAGES)
def test_what_is_written_is_read(tmp_path: Path, images: list[ListedImage]) -> None:
    image_lists.write(tmp_path / "a.lst", images)
    found = list(image_lists.read(tmp_path / "a.lst"))
    assert [(image.id, image.path) for image in found] == [(image.id, image.path) for image in images]
    assert [array("f", image.labels) for image in found] == [array("f", image.labels) for image in images]


def test_a_line_is_as_im2rec_prints_it(tmp_path: Path) -> None:
    image_lists.write(
        tmp_path / "a.lst",
        [
            ListedImage(3, (2.0,), "cats/a b.jpg"),
            ListedImage(4, (0.3759765625,), "b.jpg"),
            ListedImage(5, (0.1,), "c.jpg"),
        ],
    )
    assert (tmp_path / "a.lst").read_text() == "3\t2.000000\tcats/a b.jpg\n4\t0.375976562\tb.jpg\n5\t0.100000\tc.jpg\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("3\ta.jpg", "line 3 has 2 columns"),
        ("3 0 a.jpg", "line 3 has 1 columns"),
        ("x\t0\ta.jpg", "line 3 begins with 'x', not a number"),
        ("3\tcat\ta.jpg", "line 3 has a label that is none"),
    ],
)
def test_a_broken_line_is_told_by_its_number(tmp_path: Path, line: str, text: str) -> None:
    (tmp_path / "a.lst").write_text(f"1\t0\tb.jpg\n\n{line}\n")
    with pytest.raises(BrokenList) as error:
        list(image_lists.read(tmp_path / "a.lst"))
    assert text in str(error.value)
    assert error.value.line == 3


def test_a_name_that_a_list_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a tab or a line break in its name"):
        image_lists.write(tmp_path / "a.lst", [ListedImage(1, (0.0,), "a\tb.jpg")])
    with pytest.raises(ValueError, match=r"1e\+39 is larger than a float32"):
        image_lists.write(tmp_path / "a.lst", [ListedImage(1, (1e39,), "a.jpg")])
