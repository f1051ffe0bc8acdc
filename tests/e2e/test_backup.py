"""``clary backup`` of a running server and ``clary restore``: everything is there again, or nothing is touched."""

from __future__ import annotations

import hashlib
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from clary import backups
from clary.backups import BackupProblem
from tests.conftest import Studio, clean_environment


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> tuple[Path, Path]:
    """A backup that was taken while clients wrote, and the folder it is of."""
    folder = tmp_path_factory.mktemp("backup")
    studio = Studio(folder / "data", cache, clean_environment(cache))
    studio.start()
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="ward")
    s3.put_object(Bucket="ward", Key="first", Body=b"of a patient", Metadata={"a": "b"})
    upload = s3.create_multipart_upload(Bucket="ward", Key="long")["UploadId"]
    s3.upload_part(Bucket="ward", Key="long", UploadId=upload, PartNumber=1, Body=b"part")
    studio.client("iam").create_role(RoleName="nurse", AssumeRolePolicyDocument=json.dumps({"Statement": []}))
    enough = threading.Event()

    def write() -> None:  # what is overwritten meanwhile must not be missing in the backup
        client, n = studio.client("s3"), 0
        while not enough.is_set():
            n += 1
            client.put_object(Bucket="ward", Key=f"busy/{n % 5}", Body=f"{n}".encode() * 20_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = studio.clary("backup", str(folder / "clary.tar"), "--data", str(studio.data))
    finally:
        enough.set()
        writer.join()
    assert found.returncode == 0, found.stderr
    assert "MB, of" in found.stdout
    assert not (studio.data / ".backup").exists()
    s3.put_object(Bucket="ward", Key="after", Body=b"too late")
    studio.stop()
    return folder / "clary.tar", studio.data


@pytest.fixture
def other(tmp_path: Path, cache: Path) -> Studio:
    return Studio(tmp_path / "data", cache, clean_environment(cache))


def test_a_restored_folder_has_all_that_the_backup_saw(taken: tuple[Path, Path], other: Studio) -> None:
    file, origin = taken
    assert file.stat().st_mode & 0o777 == 0o600
    found = other.clary("restore", str(file), "--data", str(other.data))
    assert found.returncode == 0, found.stderr
    assert other.data.stat().st_mode & 0o777 == 0o700
    assert (other.data / "keys.json").read_text() == (origin / "keys.json").read_text()
    assert (other.data / "keys.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in other.data.parent.iterdir()] == ["data"]
    other.start()
    s3 = other.client("s3")
    first = s3.get_object(Bucket="ward", Key="first")
    assert (first["Body"].read(), first["Metadata"]) == (b"of a patient", {"a": "b"})
    listed = s3.list_objects_v2(Bucket="ward")["Contents"]
    assert "after" not in {item["Key"] for item in listed}
    assert len(listed) > 1
    for item in listed:
        body = s3.get_object(Bucket="ward", Key=item["Key"])["Body"].read()
        assert hashlib.md5(body).hexdigest() == item["ETag"].strip('"')
    (upload,) = s3.list_multipart_uploads(Bucket="ward")["Uploads"]
    (part,) = s3.list_parts(Bucket="ward", Key="long", UploadId=upload["UploadId"])["Parts"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="ward", Key="long", UploadId=upload["UploadId"], MultipartUpload=parts)
    assert other.client("iam").get_role(RoleName="nurse")["Role"]["RoleName"] == "nurse"
    other.stop()


def test_nothing_is_written_over(taken: tuple[Path, Path], tmp_path: Path) -> None:
    file, origin = taken
    content = file.read_bytes()
    with pytest.raises(BackupProblem, match="is there already"):
        backups.take(origin, file, silent)
    assert file.read_bytes() == content
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(BackupProblem, match="is not empty"):
        backups.restore(file, tmp_path, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[content.rindex(b"of a patient") + 3] ^= 1
    file.write_bytes(content)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20_000])


def _foreign(file: Path) -> None:
    with tarfile.open(file, "w") as tar:
        tar.add(__file__, "notes.py")


@pytest.mark.parametrize("harm", [_flip, _cut, _foreign])
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    taken: tuple[Path, Path], tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    file = tmp_path / "damaged.tar"
    file.write_bytes(taken[0].read_bytes())
    harm(file)
    with pytest.raises(BackupProblem, match=r"damaged|no backup of Clary"):
        backups.restore(file, tmp_path / "data", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.tar"]


def test_the_command_tells_a_problem_in_a_sentence(other: Studio, tmp_path: Path) -> None:
    found = other.clary("backup", str(tmp_path / "x.tar"), "--data", str(other.data))
    assert found.returncode == 1
    assert found.stderr.startswith("Error: There is no Clary in")
    assert not (tmp_path / "x.tar").exists()


def test_what_a_killed_backup_left_is_gone_after_the_next(taken: tuple[Path, Path], tmp_path: Path) -> None:
    origin = taken[1]
    (origin / ".backup").mkdir()
    (origin / ".backup" / "half").write_bytes(b"half")
    told: list[tuple[int, int]] = []
    backups.take(origin, tmp_path / "again.tar", lambda done, total: told.append((done, total)))
    assert not (origin / ".backup").exists()
    assert told[-1][0] == told[-1][1] > 0
    with tarfile.open(tmp_path / "again.tar") as tar:
        assert not [name for name in tar.getnames() if "half" in name or name.startswith(".")]


def test_two_backups_at_once_are_one_too_many(taken: tuple[Path, Path], tmp_path: Path) -> None:
    origin = taken[1]
    with backups._pins(origin), pytest.raises(BackupProblem, match="Another backup"):
        backups.take(origin, tmp_path / "x.tar", silent)


def test_an_object_whose_file_is_gone_is_told(taken: tuple[Path, Path], tmp_path: Path) -> None:
    backups.restore(taken[0], tmp_path / "data", silent)
    blob = next(path for path in (tmp_path / "data" / "objects").rglob("*") if path.is_file())
    blob.unlink()
    with pytest.raises(BackupProblem, match="whose files are gone"):
        backups.take(tmp_path / "data", tmp_path / "x.tar", silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def silent(done: int, total: int) -> None:
    assert done <= total


@pytest.mark.parametrize("elsewhere", [False, True])
def test_encryption_keys_work_again_with_their_root_key_wherever_it_lies(
    fresh_studio: Studio, tmp_path: Path, cache: Path, elsewhere: bool
) -> None:
    setting = {"CLARY_KMS_KEY_FILE": str(tmp_path / "stick.key")} if elsewhere else {}
    fresh_studio.stop()
    fresh_studio.environment.update(setting)
    fresh_studio.start()
    kms = fresh_studio.client("kms")
    blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"dose")["CiphertextBlob"]
    root = Path(setting.get("CLARY_KMS_KEY_FILE", fresh_studio.data / "kms.key"))
    assert (fresh_studio.data / "kms.key").exists() is not elsewhere
    doctor = fresh_studio.clary("doctor", "--security", "--data", str(fresh_studio.data), env=clean_environment(cache))
    assert f"+ {root} has mode 0600" in doctor.stdout
    file, again = tmp_path / "clary.tar", Studio(tmp_path / "again", cache, fresh_studio.environment)
    told = fresh_studio.clary("backup", str(file), "--data", str(fresh_studio.data), env=clean_environment(cache))
    assert ("keep a copy of that file too" in told.stdout) is elsewhere
    told = again.clary("restore", str(file), "--data", str(again.data), env=clean_environment(cache))
    assert ("name its file in CLARY_KMS_KEY_FILE" in told.stdout) is elsewhere
    again.start()
    try:
        assert again.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"dose"
    finally:
        again.stop()
