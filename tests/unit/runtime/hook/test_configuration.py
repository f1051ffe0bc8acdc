"""The debugger's parameters as the hook reads them; sources of the expectations: smdebug/core/json_config.py, save_config.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clary.formats.tensors.collections import Steps
from clary.formats.tensors.layout import Mode
from clary.runtime.hook import configuration, imports
from clary.runtime.hook.configuration import Misconfigured


def read(tmp_path: Path, **config: Any) -> configuration.Configuration:
    file = tmp_path / "debughookconfig.json"
    file.write_text(json.dumps(config))
    return configuration.read(500, file)


def test_nothing_said_is_the_interval_of_the_library(tmp_path: Path) -> None:
    found = read(tmp_path, S3OutputPath="s3://b/x", LocalPath="/x", HookParameters=None, CollectionConfigurations=None)
    assert (found.folder, found.board, found.checkpoints) == (Path("/x"), None, None)
    assert found.steps == dict.fromkeys(Mode, Steps(500))
    assert (found.collections, found.reductions, found.save_all, found.all_workers) == ((), (), False, False)


def test_a_mode_goes_before_all_modes_and_a_collection_before_the_hook(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        HookParameters={"save_interval": "100", "eval.save_interval": "1", "end_step": "900", "include_regex": "a , b"},
        CollectionConfigurations=[
            {"CollectionName": "losses", "CollectionParameters": {"train.save_steps": "1, 7", "start_step": "5"}},
            {"CollectionName": "mine", "CollectionParameters": {"include_regex": "relu", "save_histogram": "False"}},
        ],
    )
    assert found.include_regex == ("a", "b")
    losses, mine = found.collections
    assert losses.steps[Mode.TRAIN] == Steps(100, 5, 900, (1, 7))
    assert losses.steps[Mode.EVAL] == Steps(1, 5, 900)
    assert mine.steps == found.steps
    assert (mine.include_regex, mine.save_histogram, mine.saved) == (["relu"], False, True)


def test_reductions_are_named_as_files_name_them(tmp_path: Path) -> None:
    given = {
        "CollectionName": "gradients",
        "CollectionParameters": {"reductions": "min,abs_variance,l1_norm,abs_l2_norm"},
    }
    found = read(tmp_path, HookParameters={"reductions": "mean"}, CollectionConfigurations=[given])
    assert found.reductions == ("mean",)
    assert found.collections[0].reductions == ("min", "abs_variance", "l1", "abs_l2")


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"save_interval": "often"}, "save_interval of HookParameters is 'often': it takes a whole number"),
        ({"save_interval": "0"}, "save_interval of HookParameters is 0: it takes a number from 1"),
        ({"train.save_steps": "1,x"}, "train.save_steps of HookParameters is 'x': it takes a whole number"),
        ({"reductions": "median"}, "reductions of HookParameters have 'median': they take min, max, mean"),
        ({"save_all": "perhaps"}, "save_all of HookParameters is 'perhaps': it takes true or false"),
        ({"include_workers": "some"}, "include_workers of HookParameters is 'some': it takes 'one' or 'all'"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(tmp_path: Path, parameters: dict[str, str], text: str) -> None:
    with pytest.raises(Misconfigured, match=text):
        read(tmp_path, HookParameters=parameters)


@pytest.mark.parametrize(("value", "on"), [(None, True), ("True", True), ("false", False), ("0", False)])
def test_a_variable_switches_it_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, on: bool
) -> None:
    monkeypatch.setenv("SMDEBUG_CONFIG_FILE_PATH", str(tmp_path / "hook.json"))
    assert not imports.is_on()
    (tmp_path / "hook.json").write_text("{}")
    if value is not None:
        monkeypatch.setenv("USE_SMDEBUG", value)
    assert imports.is_on() == on


def test_a_collection_that_is_named_twice_saves_what_either_would() -> None:
    """As the SageMaker SDK sends it: once for a rule, once as the user wants it."""
    made = configuration.merged(
        [
            {"CollectionName": "losses", "CollectionParameters": {"save_interval": "50", "include_regex": "a"}},
            {"CollectionName": "weights"},
            {
                "CollectionName": "losses",
                "CollectionParameters": {"save_interval": "20", "start_step": "5", "include_regex": "b"},
            },
        ]
    )
    assert made == [
        {
            "CollectionName": "losses",
            "CollectionParameters": {"save_interval": "10", "include_regex": "a,b", "start_step": "5"},
        },
        {"CollectionName": "weights", "CollectionParameters": {}},
    ]


def test_what_is_no_number_is_left_for_its_own_message() -> None:
    twice = [{"CollectionName": "losses", "CollectionParameters": {"save_interval": value}} for value in ("5", "often")]
    assert configuration.merged(twice)[0]["CollectionParameters"] == {"save_interval": "often"}
