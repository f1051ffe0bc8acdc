"""A notebook's cells, and what of its outputs is shown."""

from __future__ import annotations

import json

import pytest

from clary.console.previews.notebooks import Cell, Output, cells
from clary.errors import ValidationException

PNG = "iVBORw0KGgo="


def test_cells_with_their_outputs() -> None:
    outputs = [
        {"output_type": "stream", "text": ["a\n", "b"]},
        {"output_type": "display_data", "data": {"image/png": PNG + "\n", "text/plain": "<Figure>"}},
        {"output_type": "execute_result", "data": {"text/html": "<script>x</script>", "text/plain": ["4"]}},
        {"output_type": "error", "traceback": ["\x1b[0;31mKeyError\x1b[0m", "'x'"]},
        {"output_type": "display_data", "data": {"image/png": '"><script>'}},
        "nonsense",
    ]
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": ["# One\n", "two"]},
            {"cell_type": "code", "source": "2 + 2", "execution_count": 3, "outputs": outputs},
            {"cell_type": "code", "source": None, "outputs": None},
        ]
    }
    assert cells(json.dumps(notebook).encode()) == [
        Cell("markdown", "# One\ntwo"),
        Cell("code", "2 + 2", "3", (Output("a\nb"), Output(png=PNG), Output("4"), Output("KeyError\n'x'"))),
        Cell("code", ""),
    ]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"cells": 1}', b'{"cells": [1]}', b'{"worksheets": []}'])
def test_what_is_no_notebook(data: bytes) -> None:
    with pytest.raises(ValidationException, match="no notebook"):
        cells(data)
