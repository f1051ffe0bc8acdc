"""The format of encrypted blobs: any range comes back, and whatever is done to a file is found."""

from __future__ import annotations

from io import FileIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.objects.base import Damaged
from clary.objects.sealed import CHUNK, Sealer, unseal

SECRET, BLOB = bytes(range(32)), "0123abcdx" + "7" * 23
STORED = CHUNK + 16
_LINE = bytes(range(251))
SIZES = st.one_of(
    st.integers(0, 3 * CHUNK),
    st.builds(lambda n, d: max(0, n * CHUNK + d), st.integers(0, 40), st.integers(-2, 2)),
)
quick = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def text(size: int) -> bytes:
    return (_LINE * (size // len(_LINE) + 1))[:size]


def sealed(plain: bytes, step: int = 1 << 20, blob: str = BLOB) -> bytes:
    sealer = Sealer(SECRET, blob)
    return b"".join(sealer.add(plain[at : at + step]) for at in range(0, len(plain), step)) + sealer.end()


def read(
    folder: Path, stored: bytes, start: int = 0, length: int | None = None, secret: bytes = SECRET, blob: str = BLOB
) -> bytes:
    path = folder / "blob"
    path.write_bytes(stored)
    with FileIO(path) as file:
        return b"".join(unseal(file, secret, blob, start, length))


@quick
@given(size=SIZES, step=st.sampled_from([1000, CHUNK, CHUNK + 1, 1 << 20]))
def test_what_was_sealed_comes_back_whatever_its_size_and_pieces(tmp_path: Path, size: int, step: int) -> None:
    stored = sealed(text(size), step)
    assert len(stored) == size + 16 * max(1, -(-size // CHUNK))
    assert read(tmp_path, stored) == text(size)


@quick
@given(size=SIZES, start=SIZES, length=SIZES)
def test_any_range_comes_back(tmp_path: Path, size: int, start: int, length: int) -> None:
    assert read(tmp_path, sealed(text(size)), start, length) == text(size)[start : start + length]


@quick
@given(size=st.integers(0, 3 * CHUNK), where=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_is_found(tmp_path: Path, size: int, where: int, bit: int) -> None:
    stored = bytearray(sealed(text(size)))
    stored[where % len(stored)] ^= 1 << bit
    with pytest.raises(Damaged, match="is not as it was written"):
        read(tmp_path, bytes(stored))


@quick
@given(size=SIZES, cut=st.one_of(st.integers(1, 2 * STORED), st.sampled_from([STORED, 2 * STORED, 1, 16])))
def test_a_file_cut_short_is_found(tmp_path: Path, size: int, cut: int) -> None:
    stored = sealed(text(size))[:-cut]
    with pytest.raises(Damaged):
        read(tmp_path, stored)
    with pytest.raises(Damaged):  # and by whoever asks for what is missing alone
        read(tmp_path, stored, max(0, size - 1), 1)


@pytest.mark.parametrize("more", [b"\0", b"\0" * 16, b"\0" * STORED])
@pytest.mark.parametrize("size", [0, 1, CHUNK, 3 * CHUNK])
def test_a_file_that_grew_is_found(tmp_path: Path, size: int, more: bytes) -> None:
    with pytest.raises(Damaged):
        read(tmp_path, sealed(text(size)) + more)


def test_chunks_in_another_order_or_twice_are_found(tmp_path: Path) -> None:
    stored = sealed(text(4 * CHUNK))
    chunks = [stored[at : at + STORED] for at in range(0, len(stored), STORED)]
    for order in ([1, 0, 2, 3], [0, 1, 1, 3], [0, 2, 3], [0, 1, 2, 3, 3], [3]):
        with pytest.raises(Damaged):
            read(tmp_path, b"".join(chunks[number] for number in order))


def test_the_file_of_another_blob_is_found_although_the_secret_is_the_same(tmp_path: Path) -> None:
    other = BLOB.replace("7", "8")
    with pytest.raises(Damaged):
        read(tmp_path, sealed(b"of another", blob=other))
    assert read(tmp_path, sealed(b"of another", blob=other), blob=other) == b"of another"


def test_another_secret_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        read(tmp_path, sealed(b"text"), secret=bytes(32))


def test_a_range_is_read_without_the_chunks_before_and_behind_it(tmp_path: Path) -> None:
    stored = bytearray(sealed(text(40 * CHUNK)))
    stored[0] ^= 1
    stored[39 * STORED] ^= 1
    assert read(tmp_path, bytes(stored), 5 * CHUNK + 1, 20 * CHUNK) == text(40 * CHUNK)[5 * CHUNK + 1 :][: 20 * CHUNK]


def test_equal_blobs_look_different_and_not_as_their_text() -> None:
    plain = b"a line that is there many times\n" * 10_000
    one, other = sealed(plain), sealed(plain, blob=BLOB.replace("7", "8"))
    assert not any(a == b for a, b in zip(one[::STORED], other[::STORED], strict=True)) or one[:64] != other[:64]
    assert b"a line that" not in one
    assert len({one[at : at + 32] for at in range(0, len(one), 32)}) == -(-len(one) // 32)
