"""What every object store must do: a suite to subclass, with a fixture ``objects``."""

from __future__ import annotations

import hashlib
import threading

import pytest

from clary.objects.base import Damaged, Objects, WrongSeal

SECRET = b"0123456789abcdef" * 2


def put(objects: Objects, *pieces: bytes) -> str:
    receiver = objects.receive()
    for piece in pieces:
        receiver.write(piece)
    return receiver.commit().id


def content(objects: Objects, blob: str) -> bytes:
    return b"".join(objects.read(blob))


class ObjectsContract:
    @pytest.mark.parametrize("pieces", [(), (b"",), (b"a",), (b"a", b"", b"bc" * 3_000_000)])
    def test_what_was_written_is_read(self, objects: Objects, pieces: tuple[bytes, ...]) -> None:
        receiver = objects.receive()
        for piece in pieces:
            receiver.write(piece)
        blob = receiver.commit()
        whole = b"".join(pieces)
        assert (blob.size, blob.md5) == (len(whole), hashlib.md5(whole).hexdigest())
        assert content(objects, blob.id) == whole
        assert objects.path(blob.id).read_bytes() == whole

    def test_a_range_is_read(self, objects: Objects) -> None:
        whole = bytes(range(256)) * 20_000
        blob = put(objects, whole)
        for start, length in [
            (0, 1),
            (255, 2),
            (0, None),
            (5_000_000, None),
            (3, 3_000_000),
            (len(whole), None),
            (9, 0),
        ]:
            end = len(whole) if length is None else start + length
            assert b"".join(objects.read(blob, start, length)) == whole[start:end]

    def test_nothing_is_there_before_the_commit(self, objects: Objects) -> None:
        receiver = objects.receive()
        receiver.write(b"half")
        assert objects.sweep(lambda _: False) == 0  # what is on its way is nobody's litter
        receiver.write(b" and whole")
        assert content(objects, receiver.commit().id) == b"half and whole"

    def test_an_aborted_blob_leaves_nothing(self, objects: Objects) -> None:
        receiver = objects.receive()
        receiver.write(b"x")
        receiver.abort()
        receiver.abort()

    def test_abort_after_commit_is_harmless(self, objects: Objects) -> None:
        receiver = objects.receive()
        receiver.write(b"kept")
        blob = receiver.commit()
        receiver.abort()
        assert content(objects, blob.id) == b"kept"

    @pytest.mark.parametrize("blob", ["0" * 32, "", "../../etc/passwd", "x" * 32, "0" * 31 + "/"])
    def test_an_unknown_blob_is_a_key_error(self, objects: Objects, blob: str) -> None:
        with pytest.raises(KeyError):
            list(objects.read(blob))
        with pytest.raises(KeyError):
            objects.path(blob)
        with pytest.raises(KeyError):
            objects.join([put(objects, b"there"), blob])

    def test_delete_may_be_repeated(self, objects: Objects) -> None:
        blob = put(objects, b"gone")
        objects.delete(blob)
        objects.delete(blob)
        with pytest.raises(KeyError):
            objects.path(blob)

    def test_a_reader_outlives_the_deletion(self, objects: Objects) -> None:
        reader = objects.read(put(objects, b"a" * 3_000_000))
        first = next(reader)
        objects.delete(objects.receive().commit().id)
        assert len(first) + sum(map(len, reader)) == 3_000_000

    def test_joined_blobs_follow_one_another(self, objects: Objects) -> None:
        parts = [put(objects, piece) for piece in (b"one", b"", b"two" * 1_000_000, b"three")]
        joined = objects.join(parts)
        assert content(objects, joined.id) == b"one" + b"two" * 1_000_000 + b"three"
        assert joined.size == 3_000_008
        assert [content(objects, part)[:3] for part in parts] == [b"one", b"", b"two", b"thr"]

    @pytest.mark.parametrize("pieces", [(), (b"",), (b"a",), (b"a", b"", b"bc" * 3_000_000)])
    def test_what_was_sealed_is_read_with_its_secret(self, objects: Objects, pieces: tuple[bytes, ...]) -> None:
        receiver = objects.receive(SECRET)
        for piece in pieces:
            receiver.write(piece)
        blob = receiver.commit()
        whole = b"".join(pieces)
        assert (blob.size, blob.md5) == (len(whole), hashlib.md5(whole).hexdigest())
        assert b"".join(objects.read(blob.id, secret=SECRET)) == whole
        assert b"".join(objects.read(blob.id, 70_000, 2_000_000, secret=SECRET)) == whole[70_000:2_070_000]

    def test_nobody_reads_what_is_sealed_by_mistake(self, objects: Objects) -> None:
        receiver = objects.receive(SECRET)
        receiver.write(b"for some eyes only")
        sealed, plain = receiver.commit().id, put(objects, b"for all")
        with pytest.raises(WrongSeal):
            objects.path(sealed)
        with pytest.raises(WrongSeal):
            objects.read(sealed)
        with pytest.raises(WrongSeal):
            objects.read(plain, secret=SECRET)
        with pytest.raises(Damaged, match=sealed):
            list(objects.read(sealed, secret=SECRET[::-1]))

    def test_sealed_blobs_are_joined_under_their_secret(self, objects: Objects) -> None:
        parts = []
        for piece in (b"one", b"", b"two" * 1_000_000):
            receiver = objects.receive(SECRET)
            receiver.write(piece)
            parts.append(receiver.commit().id)
        joined = objects.join(parts, SECRET)
        assert b"".join(objects.read(joined.id, secret=SECRET)) == b"one" + b"two" * 1_000_000
        assert (joined.size, joined.md5) == (3_000_003, "")

    def test_many_writers_at_once(self, objects: Objects) -> None:
        found: dict[int, str] = {}

        def write(number: int) -> None:
            found[number] = put(objects, *[bytes([number])] * 500)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {n: content(objects, blob) for n, blob in found.items()} == {n: bytes([n]) * 500 for n in range(16)}
