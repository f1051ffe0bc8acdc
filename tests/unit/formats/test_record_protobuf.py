"""recordio-protobuf: rows byte by byte as the SDK writes them, dense, sparse, of every kind, and broken ones."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.formats import record_protobuf, recordio
from clary.formats.record_protobuf import Bytes, Record, tensor
from tests import pythons

FLOATS = st.floats(width=32, allow_nan=False)
INTEGERS = st.integers(-(2**31), 2**31 - 1)
SHAPES = st.lists(st.integers(0, 2**63), max_size=3)
VALUES = st.one_of(
    st.builds(lambda values, shape: tensor(values, "f", (), shape), st.lists(FLOATS), SHAPES),
    st.builds(lambda values: tensor(values, "d"), st.lists(st.floats(allow_nan=False))),
    st.builds(lambda values: tensor(values, "i"), st.lists(INTEGERS)),
    st.builds(
        lambda cells: tensor([v for _, v in cells], "f", [k for k, _ in cells], [9]),
        st.lists(st.tuples(st.integers(0, 2**40), FLOATS), min_size=1),
    ),
    st.builds(lambda values: Bytes(tuple(values), "image/png"), st.lists(st.binary(), min_size=1)),
)
ROWS = st.builds(
    Record,
    features=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
    label=st.dictionaries(st.just("values"), VALUES, max_size=1),
    uid=st.text(max_size=4),
    metadata=st.text(max_size=4),
)

SDK = """
import sys
import numpy as np
from sagemaker.amazon import common
from sagemaker.amazon.record_pb2 import Record
folder, labels = sys.argv[1], np.array([1.0, 0.0], dtype="float32")
def write(name, how, *arrays):
    with open(f"{folder}/{name}.pbr", "wb") as stream:
        how(stream, *arrays)
write("dense", common.write_numpy_to_dense_tensor, np.array([[1.5, -2.0], [0.0, 4.0]], dtype="float32"), labels)
write("double", common.write_numpy_to_dense_tensor, np.array([[0.1, 0.2]]))
write("integers", common.write_numpy_to_dense_tensor, np.array([[7, -8]]))
row = Record()
tensor = row.features["values"].float32_tensor
tensor.values.append(3.0), tensor.keys.append(1), tensor.shape.append(3)
write("sparse", common._write_recordio, row.SerializeToString())
ours = list(common.read_records(open(f"{folder}/ours.pbr", "rb")))
features = [row.features["values"].float32_tensor for row in ours]
print([list(f.values) for f in features], features[1].keys, ours[0].label["values"].int32_tensor.values)
"""


def test_a_row_is_a_message_byte_by_byte() -> None:
    row = Record({"values": tensor([1.0])}, {"values": tensor([2.0])})
    assert record_protobuf.encode(row) == bytes.fromhex(
        "0a12 0a06 76616c756573 1208 1206 0a04 0000803f1212 0a06 76616c756573 1208 1206 0a04 00000040"
    )


@given(st.lists(ROWS, max_size=3))
def test_what_is_written_is_read(rows: list[Record]) -> None:
    stream = io.BytesIO()
    record_protobuf.write(stream, rows)
    stream.seek(0)
    assert list(record_protobuf.read(stream)) == rows


@given(st.binary(max_size=60))
def test_any_bytes_are_a_row_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(record_protobuf.BrokenMessage):  # any other error would be our fault
        assert isinstance(record_protobuf.decode(data), Record)


def test_numbers_may_stand_one_by_one() -> None:
    # proto2 readers take both forms: values = 1 unpacked floats (wire type 5), keys = 2 unpacked.
    unpacked = bytes.fromhex("0a18 0a06 76616c756573 120e 120c 0d0000803f 1003 0d00000040".replace(" ", ""))
    with pytest.raises(record_protobuf.BrokenMessage, match="1 keys and 2 values"):
        record_protobuf.decode(unpacked)


def test_a_broken_row_is_named_by_its_number() -> None:
    stream = io.BytesIO(recordio.encode(record_protobuf.encode(Record())) + recordio.encode(b"\x0a\x7f"))
    with pytest.raises(recordio.BrokenRecord, match="record 2: field 1 ends 127 bytes too early"):
        list(record_protobuf.read(stream))


@pytest.mark.slow
def test_the_sdk_reads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    python = pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    with (tmp_path / "ours.pbr").open("wb") as stream:
        rows = [
            Record({"values": tensor([1.5, 2.5])}, {"values": tensor([-3], "i")}),
            Record({"values": tensor([4.0], "f", [7], [9])}),
        ]
        record_protobuf.write(stream, rows)
    done = subprocess.run([python, "-c", SDK, tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[[1.5, 2.5], [4.0]] [7] [-3]"

    def rows_of(name: str) -> list[Record]:
        with (tmp_path / f"{name}.pbr").open("rb") as stream:
            return list(record_protobuf.read(stream))

    dense = rows_of("dense")
    assert [row.features["values"] for row in dense] == [tensor([1.5, -2.0]), tensor([0.0, 4.0])]
    assert [row.label["values"] for row in dense] == [tensor([1.0]), tensor([0.0])]
    assert rows_of("double")[0].features["values"] == tensor([0.1, 0.2], "d")
    assert rows_of("integers")[0].features["values"] == tensor([7, -8], "i")
    assert rows_of("sparse")[0].features["values"] == tensor([3.0], "f", [1], [3])
