"""How pages write what operations tell."""

from __future__ import annotations

import ast
import re

import pytest

from clary.console.templates import FOLDER, gist, host


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "Traceback:\n  File\nValueError: no\n"\n'
            'Command "python train.py", exit code: 1',
            "AlgorithmError: ValueError: no",
        ),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 137\nErrorMessage ""\nExtraInfo "Out of memory"\nCommand "x"',
            "AlgorithmError: Out of memory",
        ),
        (
            'AlgorithmError: ExecuteUserScriptError:\nExitCode 3\nErrorMessage ""\nCommand "python train.py"',
            "AlgorithmError: the script failed and wrote no error",
        ),
        (
            "The primary container did not pass the ping health check. The container ended with exit code 1 and said: "
            "line 3 / raise X( / NotImplementedError: Define model_fn / The model could not be loaded.",
            "NotImplementedError: Define model_fn",
        ),
        ("The container ended with exit code 1 and said: killed", "killed"),
        ("ClientError: no object at s3://a/b", "ClientError: no object at s3://a/b"),
        ("", ""),
    ],
)
def test_the_gist_of_a_reason(reason: str, told: str) -> None:
    assert gist(reason) == told


@pytest.mark.parametrize(
    ("stream", "told"),
    [("algo-1-1795703817", "algo-1"), ("i-07e-1795704105/data-log", "i-07e data-log"), ("algo-1", "algo-1")],
)
def test_the_host_of_a_stream(stream: str, told: str) -> None:
    assert host(stream) == told


def test_code_of_empty_lists_is_python() -> None:
    found = []
    for path in FOLDER.glob("*.html"):
        for panel in re.findall(r"call parts\.empty\(.*?endcall", path.read_text(), re.DOTALL):
            found += re.findall(r"<pre[^>]*>(.*?)</pre>", panel, re.DOTALL)
    programs = [each for each in found if not each.startswith("clary ")]
    assert len(programs) >= 6
    for program in programs:
        ast.parse(program)
