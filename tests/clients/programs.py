"""Programs that unmodified clients of S3 run in their own environment; each gets the folder ``tree`` and one to write in.

They end with an error unless all that they read is what they wrote.
"""

from __future__ import annotations

PANDAS = """
import sys
import numpy as np, pandas as pd, s3fs

tree, back = sys.argv[1:]
fs = s3fs.S3FileSystem(use_listings_cache=False)
fs.mkdir("tables")
frame = pd.DataFrame({"id": range(1000), "value": np.linspace(0, 1, 1000), "unit": ["icu", "er"] * 500})
frame.to_csv("s3://tables/frame.csv", index=False)
frame.to_parquet("s3://tables/frame.parquet")
frame.to_parquet("s3://tables/parts/", partition_cols=["unit"])
for found in (pd.read_csv("s3://tables/frame.csv"), pd.read_parquet("s3://tables/frame.parquet")):
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)
assert len(pd.read_parquet("s3://tables/parts/", filters=[("unit", "=", "er")])) == 500

fs.put(tree + "/", "tables/tree/", recursive=True)
fs.get("tables/tree/", back + "/", recursive=True)
assert fs.glob("tables/*.csv") == ["tables/frame.csv"]
assert fs.isdir("tables/parts") and not fs.exists("tables/none")

for size in (10, 6 << 20):  # what is appended to is read again, or copied as a part
    with fs.open("tables/log", "wb") as file:
        file.write(b"a" * size)
    with fs.open("tables/log", "ab") as file:
        file.write(b"b" * 10)
    assert fs.cat_file("tables/log", start=-12) == b"aa" + b"b" * 10
    assert fs.size("tables/log") == size + 10
fs.mv("tables/log", "tables/moved")
fs.put_tags("tables/moved", {"k": "v"})
assert fs.get_tags("tables/moved") == {"k": "v"}
fs.setxattr("tables/moved", unit="icu")
assert fs.metadata("tables/moved") == {"unit": "icu"}
fs.rm("tables/parts", recursive=True)
assert not fs.exists("tables/parts")

aware = s3fs.S3FileSystem(version_aware=True, use_listings_cache=False)
aware.make_bucket_versioned("tables", True)
for content in (b"one", b"two"):
    with aware.open("tables/versions", "wb") as file:
        file.write(content)
old = next(item["VersionId"] for item in aware.object_version_info("tables/versions") if not item["IsLatest"])
assert aware.open("tables/versions", version_id=old).read() == b"one"
aware.rm("tables/versions")
assert not aware.exists("tables/versions")
"""

TRANSFERS = """
import hashlib, pathlib, sys
import boto3
from boto3.s3.transfer import TransferConfig

MIB = 1 << 20
_, back = sys.argv[1:]
source, target = pathlib.Path(back, "source"), pathlib.Path(back, "target")
with source.open("wb") as file:
    for n in range(200):
        file.write(hashlib.sha256(bytes([n])).digest() * (MIB // 32))
config = TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB, max_concurrency=4)
s3 = boto3.client("s3")
s3.create_bucket(Bucket="transfers")
for algorithm in ("CRC32", "SHA256"):
    s3.upload_file(str(source), "transfers", "big", Config=config, ExtraArgs={"ChecksumAlgorithm": algorithm})
    attributes = s3.get_object_attributes(Bucket="transfers", Key="big", ObjectAttributes=["ObjectParts", "ObjectSize"])
    assert (attributes["ObjectSize"], attributes["ObjectParts"]["TotalPartsCount"]) == (200 * MIB, 4), attributes
s3.copy({"Bucket": "transfers", "Key": "big"}, "transfers", "copied", Config=config)
for key in ("big", "copied"):
    s3.download_file("transfers", key, str(target), Config=config)
    with source.open("rb") as one, target.open("rb") as two:
        assert hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(two, "sha256").digest()
assert "Uploads" not in s3.list_multipart_uploads(Bucket="transfers")
"""

ARROW = """
import os, pathlib, sys
import pyarrow as pa, pyarrow.dataset as ds, pyarrow.fs as pafs, pyarrow.parquet as pq

tree, back = map(pathlib.Path, sys.argv[1:])
fs = pafs.S3FileSystem(
    endpoint_override=os.environ["AWS_ENDPOINT_URL"], allow_bucket_creation=True, allow_bucket_deletion=True
)
fs.create_dir("arrow/empty/folder")
table = pa.table({"id": range(1000), "unit": ["icu", "er"] * 500})
pq.write_table(table, "arrow/table.parquet", filesystem=fs)
assert pq.read_table("s3://arrow/table.parquet").equals(table)
ds.write_dataset(table, "arrow/parts", format="parquet", partitioning=["unit"], filesystem=fs)
dataset = ds.dataset("arrow/parts", filesystem=fs, partitioning=["unit"])
assert dataset.count_rows(filter=ds.field("unit") == "er") == 500

names = [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()]
for name in names:
    with fs.open_output_stream(f"arrow/tree/{name}", metadata={"Content-Type": "text/plain"}) as out:
        out.write((tree / name).read_bytes())
found = fs.get_file_info(pafs.FileSelector("arrow/tree", recursive=True))
files = {info.path.removeprefix("arrow/tree/"): info.size for info in found if info.is_file}
assert files == {name: (tree / name).stat().st_size for name in names}
for name in names:
    target = back / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(fs.open_input_stream(f"arrow/tree/{name}").read())
with fs.open_input_file("arrow/tree/big.bin") as file:
    file.seek(10_000_000)
    assert file.read(100) == (tree / "big.bin").read_bytes()[10_000_000:10_000_100]
fs.copy_file("arrow/tree/big.bin", "arrow/copy +.bin")
fs.move("arrow/copy +.bin", "arrow/moved/ä.bin")
kinds = [info.type.name for info in fs.get_file_info(["arrow/moved/ä.bin", "arrow/copy +.bin", "arrow/empty", "arrow"])]
assert kinds == ["File", "NotFound", "Directory", "Directory"], kinds
fs.delete_dir("arrow")
assert fs.get_file_info("arrow").type.name == "NotFound"
"""

SAGEMAKER = """
import pathlib, sys
import sagemaker

tree, back = sys.argv[1:]
session = sagemaker.Session()
bucket = session.default_bucket()
assert session.upload_data(tree, key_prefix="some/tree") == f"s3://{bucket}/some/tree"
session.download_data(back, bucket, key_prefix="some/tree")
session.upload_data(tree + "/plain.txt", bucket=bucket, key_prefix="one")
assert session.read_s3_file(bucket, "one/plain.txt") == pathlib.Path(tree, "plain.txt").read_text()
count = sum(path.is_file() for path in pathlib.Path(tree).rglob("*"))
assert len(session.list_s3_files(bucket, "some/tree")) == count
"""
