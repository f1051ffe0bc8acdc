"""What Clary writes: read again while it grows, and told where it is broken."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import tfrecord
from clary.formats.protobuf import fields
from clary.formats.tensors import events, layout, tensorboard, values
from clary.formats.tensors.collections import Collection, Steps
from clary.formats.tensors.events import Event
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors, Unavailable
from clary.formats.tensors.values import Value
from clary.formats.tensors.writer import Step, write_collections


def _floats(*numbers: float) -> Value:
    return Value("float32", (len(numbers),), struct.pack(f"<{len(numbers)}f", *numbers))


@given(
    name=st.text(min_size=1, max_size=30),
    step=st.integers(0, 2**40),
    mode=st.sampled_from(Mode),
    value=st.one_of(
        st.lists(st.floats(width=32, allow_nan=False), max_size=9).map(lambda numbers: _floats(*numbers)),
        st.lists(st.text(), max_size=4).map(values.text),
        st.floats(allow_nan=False).map(values.scalar),
    ),
)
def test_an_event_is_read_as_it_was_written(name: str, step: int, mode: Mode, value: Value) -> None:
    event = Event(name, step, mode, step // 2, value, 1700000000.5)
    assert events.decode(b"".join(events.encode(event))) == event


def test_a_step_is_seen_when_it_is_whole(tmp_path: Path) -> None:
    tensors = Tensors(tmp_path / "tensors")
    assert (tensors.names(), tensors.complete, tensors.loaded_all) == ([], False, False)
    write_collections(tensors.folder, "worker_0", [Collection("losses", ("loss",))], workers=2)
    step = Step(tensors.folder, "worker_0", 1000, Mode.TRAIN, 500)
    step.add("loss_output_0", values.scalar(0.5), 1.7e9)
    tensors.refresh()
    assert tensors.steps() == []
    assert step.close()
    tensors.refresh()
    assert tensors.names("losses") == ["loss_output_0"]
    assert tensors.value("loss_output_0", 500, Mode.TRAIN).numbers() == [0.5]
    assert not tensors.complete
    other = Step(tensors.folder, "worker_1", 1000, Mode.TRAIN, 500)
    other.add("loss_output_0", values.scalar(0.25), 1.7e9)
    other.close()
    write_collections(tensors.folder, "worker_1", [Collection("losses", ("loss",))], workers=2)
    (tensors.folder / layout.END).touch()
    tensors.refresh()
    assert tensors.complete
    assert tensors.loaded_all
    assert tensors.value("loss_output_0", 1000, worker="worker_1").numbers() == [0.25]
    found = sorted(path.relative_to(tensors.folder).as_posix() for path in tensors.folder.rglob("*") if path.is_file())
    assert found == [
        "collections/000000000/worker_0_collections.json",
        "collections/000000000/worker_1_collections.json",
        "events/000000001000/000000001000_worker_0.tfevents",
        "events/000000001000/000000001000_worker_1.tfevents",
        "index/000000001/000000001000_worker_0.json",
        "index/000000001/000000001000_worker_1.json",
        "training_job_end.ts",
    ]


def test_a_step_without_tensors_leaves_nothing(tmp_path: Path) -> None:
    assert not Step(tmp_path, "worker_0", 3, Mode.GLOBAL, 3).close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_that_lead_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tfevents"
    secret.write_bytes(b"".join(events.encode(Event("x", 0, Mode.GLOBAL, 0, values.scalar(1), 0.0))))
    tensors = Tensors(tmp_path / "tensors")
    (tensors.folder / "index/000000000").mkdir(parents=True)
    for step, file in enumerate(["../secret.tfevents", str(secret), "events/link"]):
        meta = {"mode": "GLOBAL", "mode_step": step, "event_file_name": file}
        payload = [{"tensorname": "x", "start_idx": 0, "length": secret.stat().st_size}]
        path = tensors.folder / layout.index_file(step, "worker_0")
        path.write_text(json.dumps({"meta": meta, "tensor_payload": payload}))
    (tensors.folder / "events").mkdir()
    (tensors.folder / "events/link").symlink_to(secret)
    tensors.refresh()
    assert tensors.steps() == [0, 1, 2]
    for step in tensors.steps():
        with pytest.raises(Unavailable, match="leads out of"):
            tensors.value("x", step)


@pytest.mark.parametrize("cut", [0, 5, 40])
def test_a_file_that_ends_early_makes_its_tensor_unavailable(tmp_path: Path, cut: int) -> None:
    step = Step(tmp_path, "worker_0", 0, Mode.GLOBAL, 0)
    step.add("x", values.scalar(1), 1.7e9)
    step.close()
    path = tmp_path / layout.event_file(0, "worker_0")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Unavailable, match="cannot be read"):
        Tensors(tmp_path).value("x", 0)


def test_what_is_no_index_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "index/000000000"
    folder.mkdir(parents=True)
    for name, text in [("a.json", "{}"), ("000000000001_worker_0.json", "[1"), ("000000000002_worker_0.json", "{}")]:
        (folder / name).write_text(text)
    (tmp_path / "collections/000000000").mkdir(parents=True)
    (tmp_path / "collections/000000000/worker_0_collections.json").write_text('{"collections": []}')
    tensors = Tensors(tmp_path)
    assert (tensors.steps(), tensors.collections) == ([], {})


def test_a_type_without_a_place_in_the_format_is_refused(tmp_path: Path) -> None:
    step = Step(tmp_path, "worker_0", 0, Mode.GLOBAL, 0)
    with pytest.raises(ValueError, match="tensors of bfloat16 are not kept: x"):
        step.add("x", Value("bfloat16", (1,), b"\0\0"), 1.7e9)
    assert not step.close()


@pytest.mark.parametrize(
    ("steps", "saved"),
    [
        (Steps(interval=3), [0, 3, 6, 9]),
        (Steps(interval=3, start=4), [6, 9]),
        (Steps(interval=3, end=6), [0, 3]),
        (Steps(interval=100, start=1, named=(1, 8)), [1, 8]),
    ],
)
def test_a_step_is_saved_if_it_is_named_or_in_the_interval(steps: Steps, saved: list[int]) -> None:
    # smdebug's SaveConfigMode.should_save_step
    assert [step for step in range(10) if steps.has(step)] == saved
    for step in range(10):
        assert steps.next(step) == next((each for each in range(step, 200) if steps.has(each)), None)


def test_tensorboard_gets_records_with_their_own_checksums(tmp_path: Path) -> None:
    step = tensorboard.Step(tmp_path, Mode.EVAL, 7, 1.7e9)
    step.scalar("loss:0", 0.5)
    step.histogram("weights/w", tensorboard.Histogram(-1, 2, 3, 1.5, 5.25, [0.0, 3.0], [1, 2]))
    step.close()
    (path,) = (tmp_path / "EVAL").iterdir()
    assert path.name.startswith("000000000007_")
    assert path.suffix == ".tfevents"
    data = path.read_bytes()
    records = [tfrecord.content(memoryview(data)[begin:end]) for begin, end in tfrecord.spans(memoryview(data))]
    assert b"".join(tfrecord.encode(bytes(record)) for record in records) == data
    assert dict(fields(bytes(records[0])))[3] == b"brain.Event:2"
    value = dict(fields(dict(fields(dict(fields(bytes(records[1])))[5]))[1]))  # type: ignore[arg-type]
    assert value[1] == b"loss_0"
    assert struct.unpack("<f", value[2].to_bytes(4, "little")) == (0.5,)  # type: ignore[union-attr]
