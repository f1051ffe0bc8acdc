"""``clary records`` on what lies in the running server's S3, and where it decodes images."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest

from clary.formats import image_files, image_records
from clary.formats.image_files import ImageFile
from tests.conftest import Studio
from tests.golden.image_records import contents


def test_a_manifest_and_images_in_s3_are_packed(studio: Studio, tmp_path: Path) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="xrays")
    s3.put_object(Bucket="xrays", Key="images/a b.png", Body=contents.png(1))
    found = {"image_size": [{"width": 8, "height": 8, "depth": 1}], "annotations": []}
    lines = [{"source-ref": f"s3://xrays/images/{name}", "bb": found} for name in ("a b.png", "missing.png")]
    s3.put_object(Bucket="xrays", Key="output.manifest", Body="\n".join(map(json.dumps, lines)).encode())

    command = ["records", "pack", "s3://xrays/output.manifest", str(tmp_path / "o"), "--data", str(studio.data)]
    done = studio.clary(*command)
    assert done.returncode == 1
    assert (
        "s3://xrays/output.manifest, line 2 (s3://xrays/images/missing.png): s3://xrays/images/missing.png: "
        in done.stderr
    )
    s3.put_object(Bucket="xrays", Key="output.manifest", Body=json.dumps(lines[0]).encode())
    done = studio.clary(*command)
    assert done.returncode == 0, done.stderr
    (record,) = image_records.read(tmp_path / "o.rec")
    assert (record.image, record.labels) == (contents.png(1), (2, 5, -1, -1, -1, -1, -1))

    s3.upload_file(str(tmp_path / "o.rec"), "xrays", "o.rec")
    shown = studio.clary("records", "show", "s3://xrays/o.rec", "--data", str(studio.data))
    assert "1 records" in shown.stdout
    assert "without any: 1" in shown.stdout
    gone = studio.clary("records", "show", "s3://xrays/none.rec", "--data", str(studio.data))
    assert gone.returncode == 1
    assert "Error: s3://xrays/none.rec: " in gone.stderr
    s3.close()


def png(width: int, height: int, bits: int, colour: int, pixel: bytes) -> bytes:
    """A PNG of one colour; ``colour``: PNG's colour type."""
    rows = (b"\0" + pixel * width) * height
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.slow
def test_images_are_resized_in_the_environment_of_an_image(studio: Studio, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a-grey.png").write_bytes(png(60, 40, 8, 0, b"\x80"))
    (folder / "b-16bit.png").write_bytes(png(40, 60, 16, 0, b"\x80\0"))
    (folder / "c-rgba.png").write_bytes(png(90, 30, 8, 6, b"\x10\x20\x30\xff"))
    (folder / "d-small.png").write_bytes(png(12, 8, 8, 2, b"abc"))
    (folder / "e.jpg").write_bytes((Path(__file__).parents[1] / "golden/tiny.jpg").read_bytes())
    command = [
        "records",
        "pack",
        str(folder),
        str(tmp_path / "o"),
        "--resize",
        "20",
        "--no-shuffle",
        "--data",
        str(studio.data),
    ]
    done = studio.clary(*command)
    assert done.returncode == 0, done.stderr
    found = [image_files.look(record.image) for record in image_records.read(tmp_path / "o.rec")]
    assert found == [
        ImageFile("png", 30, 20, 1, 8), ImageFile("png", 20, 30, 1, 8), ImageFile("png", 60, 20, 4, 8),
        ImageFile("png", 12, 8, 3, 8), ImageFile("jpeg", 6, 4, 3, 8),
    ]  # fmt: skip
    assert studio.clary(*command, "--encoding", "jpeg").returncode == 0
    found = [image_files.look(record.image) for record in image_records.read(tmp_path / "o.rec")]
    assert [(image.kind, image.channels) for image in found] == [("jpeg", n) for n in (1, 1, 3, 3, 3)]

    broken = bytearray(png(60, 40, 8, 0, b"\x80"))
    broken[50] ^= 0xFF  # within the pixels: the file is whole
    (folder / "f.png").write_bytes(broken)
    done = studio.clary(*command)
    assert done.returncode == 1
    assert "f.png: it cannot be decoded: " in done.stderr
    assert studio.clary(*[part for part in command if part not in {"--resize", "20"}]).returncode == 0
