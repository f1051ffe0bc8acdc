"""KMS by boto3: keys, aliases, ciphertexts and data keys, in KMS's words, over restarts and kill -9."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.conftest import Studio
from tests.refusals import refused

Boto = Callable[..., Any]
WARD = {"ward": "7", "bed": "3"}
ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def kms(studio: Studio) -> Iterator[Any]:
    client = studio.client("kms")
    yield client
    client.close()


def make(kms: Any, **given: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = kms.create_key(**given)["KeyMetadata"]
    return metadata


def test_a_key_is_described_as_kms_describes_it(kms: Any) -> None:
    made = make(kms, Description="of ward 7", Tags=[{"TagKey": "ward", "TagValue": "7"}])
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{made['KeyId']}"
    for wish in (made["KeyId"], made["Arn"]):
        assert kms.describe_key(KeyId=wish)["KeyMetadata"] == made
    assert len(made.pop("CurrentKeyMaterialId")) == 64
    assert abs(datetime.now(UTC) - made.pop("CreationDate")) < timedelta(minutes=1)
    assert made == {
        "AWSAccountId": ACCOUNT,
        "KeyId": made["KeyId"],
        "Arn": made["Arn"],
        "Enabled": True,
        "Description": "of ward 7",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }
    kms.update_key_description(KeyId=made["KeyId"], Description="of ward 8")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["Description"] == "of ward 8"


def test_keys_are_listed_page_by_page_in_their_region(kms: Any, boto: Boto) -> None:
    made = {make(kms)["KeyId"] for _ in range(5)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
    listed = [key for page in pages for key in page["Keys"]]
    assert made <= {key["KeyId"] for key in listed}
    assert all(key["KeyArn"].endswith(f":key/{key['KeyId']}") for key in listed)
    assert [page["Truncated"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert not boto("kms", region_name="eu-west-1").list_keys()["Keys"]
    assert refused(kms.list_keys, Marker="x")[0] == "InvalidMarkerException"
    elsewhere = boto("kms", region_name="eu-west-1")
    assert refused(elsewhere.describe_key, KeyId=next(iter(made)))[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "RSA_2048"),
        ({"CustomerMasterKeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "HMAC_256"),
        ({"KeyUsage": "KEY_AGREEMENT"}, "KEY_AGREEMENT"),
        ({"Origin": "EXTERNAL"}, "EXTERNAL"),
        ({"MultiRegion": True}, "MultiRegion"),
        ({"CustomKeyStoreId": "cks-1"}, "CustomKeyStoreId"),
        ({"Policy": '{"Version":"2012-10-17","Statement":[]}'}, "Policy"),
    ],
)
def test_what_is_not_built_is_refused_by_name(kms: Any, given: dict[str, Any], name: str) -> None:
    code, message = refused(kms.create_key, **given)
    assert code in {"NotImplemented", "MalformedPolicyDocumentException"}
    assert name in message or code != "NotImplemented"


def test_what_is_encrypted_is_decrypted_with_the_same_context_in_any_order(kms: Any) -> None:
    key = make(kms)
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"dose: 5", EncryptionContext=WARD)
    assert sealed["KeyId"] == key["Arn"]
    assert b"dose" not in sealed["CiphertextBlob"]
    turned = dict(reversed(WARD.items()))
    for named in ({}, {"KeyId": key["Arn"]}):
        opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=turned, **named)
        assert (opened["Plaintext"], opened["KeyId"]) == (b"dose: 5", key["Arn"])
        assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    again = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"dose: 5", EncryptionContext=WARD)
    assert again["CiphertextBlob"] != sealed["CiphertextBlob"]


def test_a_wrong_context_key_or_ciphertext_opens_nothing(kms: Any, boto: Boto) -> None:
    key, other = make(kms), make(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=WARD)["CiphertextBlob"]
    tampered = blob[:-1] + bytes([blob[-1] ^ 1])
    for given in (
        {"CiphertextBlob": blob},
        {"CiphertextBlob": blob, "EncryptionContext": {"ward": "8", "bed": "3"}},
        {"CiphertextBlob": tampered, "EncryptionContext": WARD},
        {"CiphertextBlob": b"nothing of ours", "EncryptionContext": WARD},
    ):
        assert refused(kms.decrypt, **given)[0] == "InvalidCiphertextException"
    asked = {"CiphertextBlob": blob, "EncryptionContext": WARD}
    assert refused(kms.decrypt, KeyId=other["KeyId"], **asked) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )
    assert refused(boto("kms", region_name="eu-west-1").decrypt, **asked)[0] == "InvalidCiphertextException"
    assert refused(kms.decrypt, EncryptionAlgorithm="RSAES_OAEP_SHA_1", **asked)[0] == "InvalidKeyUsageException"
    assert refused(kms.decrypt, DryRun=True, **asked)[0] == "DryRunOperationException"
    assert refused(kms.decrypt, GrantTokens=["t"], **asked)[0] == "InvalidGrantTokenException"


def test_too_long_a_text_is_refused_and_not_repeated(kms: Any) -> None:
    code, message = refused(kms.encrypt, KeyId=make(kms)["KeyId"], Plaintext=b"secret" * 1000)
    assert code == "ValidationException"
    assert "secret" not in message
    assert "c2Vj" not in message


def test_data_keys_come_whole_and_wrapped_and_random_bytes_come_as_many_as_asked(kms: Any) -> None:
    key = make(kms)["KeyId"]
    for given, size in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 64}, 64)):
        data = kms.generate_data_key(KeyId=key, EncryptionContext=WARD, **given)
        assert len(data["Plaintext"]) == size
        opened = kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=WARD)
        assert opened["Plaintext"] == data["Plaintext"]
        wrapped = kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=WARD, **given)
        assert "Plaintext" not in wrapped
        opened = kms.decrypt(CiphertextBlob=wrapped["CiphertextBlob"], EncryptionContext=WARD)
        assert len(opened["Plaintext"]) == size
    for wrong in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 5}):
        assert refused(kms.generate_data_key, KeyId=key, **wrong)[0] == "ValidationException"
    assert refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256", DryRun=True)[0] == "DryRunOperationException"
    one, two = (kms.generate_random(NumberOfBytes=1024)["Plaintext"] for _ in range(2))
    assert len(one) == len(two) == 1024
    assert one != two


def test_a_ciphertext_moves_to_another_key_and_context(kms: Any) -> None:
    old, new = make(kms), make(kms)
    blob = kms.encrypt(KeyId=old["KeyId"], Plaintext=b"x", EncryptionContext=WARD)["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=WARD,
        DestinationKeyId=new["KeyId"],
        DestinationEncryptionContext={"ward": "8"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (old["Arn"], new["Arn"])
    kms.disable_key(KeyId=old["KeyId"])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"ward": "8"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", new["Arn"])


def test_a_disabled_key_does_nothing_until_it_is_enabled(kms: Any) -> None:
    key = make(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key["KeyId"])
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"]) == ("Disabled", False)
    error = "DisabledException", f"{key['Arn']} is disabled."
    assert refused(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x") == error
    assert refused(kms.decrypt, CiphertextBlob=blob) == error
    assert refused(kms.generate_data_key, KeyId=key["Arn"], KeySpec="AES_256") == error
    assert refused(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=make(kms)["KeyId"]) == error
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_an_alias_moves_from_key_to_key_and_old_ciphertexts_stay_readable(kms: Any) -> None:
    one, two = make(kms), make(kms)
    kms.create_alias(AliasName="alias/ward", TargetKeyId=one["KeyId"])
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/ward"
    blob = kms.encrypt(KeyId="alias/ward", Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms.create_alias, AliasName="alias/ward", TargetKeyId=two["KeyId"]) == (
        "AlreadyExistsException",
        f"An alias with the name {arn} already exists",
    )
    kms.update_alias(AliasName="alias/ward", TargetKeyId=two["Arn"])
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyId"] == two["KeyId"]
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"] == one["Arn"]
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId="alias/ward")[0] == "IncorrectKeyException"
    (alias,) = kms.list_aliases(KeyId=two["KeyId"])["Aliases"]
    assert (alias["AliasName"], alias["AliasArn"], alias["TargetKeyId"]) == ("alias/ward", arn, two["KeyId"])
    assert alias["LastUpdatedDate"] > alias["CreationDate"]
    assert not kms.list_aliases(KeyId=one["KeyId"])["Aliases"]
    kms.delete_alias(AliasName="alias/ward")
    missing = "NotFoundException", f"Alias {arn} is not found."
    assert refused(kms.encrypt, KeyId="alias/ward", Plaintext=b"x") == missing
    assert refused(kms.delete_alias, AliasName="alias/ward") == missing
    assert refused(kms.update_alias, AliasName="alias/ward", TargetKeyId=two["KeyId"]) == missing


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ward", "ValidationException"),
        ("alias/", "InvalidAliasNameException"),
        ("alias/a:b", "InvalidAliasNameException"),
        ("alias/aws/mine", "NotAuthorizedException"),
    ],
)
def test_an_alias_has_a_name_of_kms_form(kms: Any, name: str, code: str) -> None:
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=make(kms)["KeyId"])[0] == code


def test_a_key_to_be_deleted_is_not_used_and_can_be_saved(kms: Any) -> None:
    key = make(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert refused(kms.cancel_key_deletion, KeyId=key["KeyId"])[0] == "KMSInvalidStateException"
    for days in (6, 31):
        answer = refused(kms.schedule_key_deletion, KeyId=key["KeyId"], PendingWindowInDays=days)
        assert answer[0] == "ValidationException"
    told = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert (told["KeyId"], told["KeyState"], told["PendingWindowInDays"]) == (key["Arn"], "PendingDeletion", 7)
    assert abs(told["DeletionDate"] - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=1)
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["KeyState"], described["DeletionDate"]) == ("PendingDeletion", told["DeletionDate"])
    pending = "KMSInvalidStateException", f"{key['Arn']} is pending deletion."
    assert refused(kms.decrypt, CiphertextBlob=blob) == pending
    assert refused(kms.enable_key, KeyId=key["KeyId"]) == pending
    assert refused(kms.schedule_key_deletion, KeyId=key["KeyId"]) == pending
    assert refused(kms.create_alias, AliasName="alias/late", TargetKeyId=key["KeyId"]) == pending
    assert refused(kms.tag_resource, KeyId=key["KeyId"], Tags=[]) == pending
    assert kms.cancel_key_deletion(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert described["KeyState"] == "Disabled"
    assert "DeletionDate" not in described
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_tags_are_set_listed_and_removed(kms: Any) -> None:
    key = make(kms, Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "2"}, {"TagKey": "b", "TagValue": ""}])
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=key, PaginationConfig={"PageSize": 1})
    listed = [tag for page in pages for tag in page["Tags"]]
    assert listed == [{"TagKey": "a", "TagValue": "2"}, {"TagKey": "b", "TagValue": ""}]
    kms.untag_resource(KeyId=key, TagKeys=["a", "no"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": ""}]
    for name, code in (("aws:x", "TagException"), ("b", "TagException")):
        assert refused(kms.tag_resource, KeyId=key, Tags=[{"TagKey": name, "TagValue": ""}] * 2)[0] == code
    many = [{"TagKey": str(n), "TagValue": ""} for n in range(50)]
    assert refused(kms.tag_resource, KeyId=key, Tags=many)[0] == "LimitExceededException"


def test_the_key_policy_is_the_one_that_is_enforced(kms: Any) -> None:
    key = make(kms)["KeyId"]
    policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert json.loads(policy)["Statement"][0]["Action"] == "kms:*"
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert make(kms, Policy=policy)
    other = policy.replace("kms:*", "kms:Decrypt")
    assert refused(kms.put_key_policy, KeyId=key, PolicyName="default", Policy=other)[0] == "NotImplemented"
    assert refused(kms.create_key, Policy="no")[0] == "MalformedPolicyDocumentException"


def test_a_rotated_key_encrypts_with_new_material_and_decrypts_the_old(kms: Any) -> None:
    key = make(kms)
    id_, first = key["KeyId"], key["CurrentKeyMaterialId"]
    old = kms.encrypt(KeyId=id_, Plaintext=b"old")["CiphertextBlob"]
    assert kms.rotate_key_on_demand(KeyId=id_)["KeyId"] == id_
    current = kms.describe_key(KeyId=id_)["KeyMetadata"]["CurrentKeyMaterialId"]
    new = kms.encrypt(KeyId=id_, Plaintext=b"new")["CiphertextBlob"]
    for blob, text, material in ((old, b"old", first), (new, b"new", current)):
        opened = kms.decrypt(CiphertextBlob=blob)
        assert (opened["Plaintext"], opened["KeyMaterialId"]) == (text, material)
    moved = kms.re_encrypt(CiphertextBlob=old, DestinationKeyId=id_)
    assert (moved["SourceKeyMaterialId"], moved["DestinationKeyMaterialId"]) == (first, current)
    (rotation,) = kms.list_key_rotations(KeyId=id_)["Rotations"]
    assert abs(rotation.pop("RotationDate") - datetime.now(UTC)) < timedelta(minutes=1)
    told = {"KeyId": id_, "KeyMaterialId": current, "KeyMaterialState": "CURRENT"}
    assert rotation == {**told, "RotationType": "ON_DEMAND"}
    pages = kms.get_paginator("list_key_rotations").paginate(
        KeyId=id_, IncludeKeyMaterial="ALL_KEY_MATERIAL", PaginationConfig={"PageSize": 1}
    )
    assert [r["KeyMaterialId"] for page in pages for r in page["Rotations"]] == [first, current]
    for _ in range(24):
        kms.rotate_key_on_demand(KeyId=id_)
    assert refused(kms.rotate_key_on_demand, KeyId=id_)[0] == "LimitExceededException"
    assert kms.decrypt(CiphertextBlob=old)["Plaintext"] == b"old"


def test_rotation_is_switched_on_with_its_period_and_off(kms: Any) -> None:
    key = make(kms)["KeyId"]
    off = {"KeyId": key, "KeyRotationEnabled": False}
    answer = kms.get_key_rotation_status(KeyId=key)
    assert {name: answer[name] for name in off} == off
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    answer = kms.get_key_rotation_status(KeyId=key)
    assert (answer["KeyRotationEnabled"], answer["RotationPeriodInDays"]) == (True, 90)
    assert abs(answer["NextRotationDate"] - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.disable_key(KeyId=key)
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        assert refused(call, KeyId=key)[0] == "DisabledException"


def test_the_key_of_s3_is_made_when_it_is_first_asked_for_and_is_s3s_alone(kms: Any) -> None:
    made = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
    assert made["KeyManager"] == "AWS"
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"] == made
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["RotationPeriodInDays"] == 365
    assert [a["AliasName"] for a in kms.list_aliases(KeyId=made["KeyId"])["Aliases"]] == ["alias/aws/s3"]
    for call, given in (
        (kms.encrypt, {"Plaintext": b"x"}),
        (kms.generate_data_key, {"KeySpec": "AES_256"}),
        (kms.disable_key, {}),
        (kms.schedule_key_deletion, {}),
    ):
        assert refused(call, KeyId=made["KeyId"], **given)[0] == "AccessDeniedException"


def test_a_user_does_with_keys_what_its_policies_say(kms: Any, boto: Boto) -> None:
    mine, other = make(kms, Tags=[{"TagKey": "ward", "TagValue": "7"}]), make(kms)
    kms.create_alias(AliasName="alias/mine", TargetKeyId=mine["KeyId"])
    blobs = [
        kms.encrypt(KeyId=k["KeyId"], Plaintext=b"x", EncryptionContext=WARD)["CiphertextBlob"] for k in (mine, other)
    ]
    iam = boto("iam")
    iam.create_user(UserName="nurse")
    statements = [
        {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": mine["Arn"],
            "Condition": {"StringEquals": {"kms:EncryptionContext:ward": "7"}},
        },
        {
            "Effect": "Allow",
            "Action": "kms:Encrypt",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/ward": "7"}},
        },
        {"Effect": "Allow", "Action": "kms:ReEncryptFrom", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="nurse", PolicyName="kms", PolicyDocument=document)
    keys = iam.create_access_key(UserName="nurse")["AccessKey"]
    nurse = boto("kms", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    assert nurse.decrypt(CiphertextBlob=blobs[0], EncryptionContext=WARD)["Plaintext"] == b"x"
    assert nurse.decrypt(CiphertextBlob=blobs[0], EncryptionContext=WARD, KeyId="alias/mine")["Plaintext"] == b"x"
    assert nurse.encrypt(KeyId="alias/mine", Plaintext=b"x")
    denied = "AccessDeniedException"
    code, message = refused(nurse.decrypt, CiphertextBlob=blobs[1], EncryptionContext=WARD)
    assert code == denied
    assert f"is not authorized to perform: kms:Decrypt on resource: {other['Arn']}" in message
    assert refused(nurse.decrypt, CiphertextBlob=blobs[0], EncryptionContext={"ward": "8"})[0] == denied
    assert refused(nurse.encrypt, KeyId=other["KeyId"], Plaintext=b"x")[0] == denied
    code, message = refused(nurse.re_encrypt, CiphertextBlob=blobs[1], DestinationKeyId=mine["KeyId"])
    assert (code, "kms:ReEncryptTo" in message) == (denied, True)
    assert refused(nurse.create_key)[0] == denied


def test_no_plaintext_is_in_the_trail_the_log_or_the_folder(kms: Any, studio: Studio) -> None:
    key = make(kms)["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=b"of-a-patient-named", EncryptionContext={"name": "Doe-of-ward-7"})
    data = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    sealed = kms.encrypt(KeyId=key, Plaintext=data["Plaintext"])
    kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    studio.kill()  # all that it wrote is in its files then
    studio.start()
    root = (studio.data / "kms.key").read_text().strip()
    secrets = [b"of-a-patient-named", b"Doe-of-ward-7", data["Plaintext"], bytes.fromhex(root), root.encode()]
    for path in [*studio.data.rglob("*"), studio.data.parent / "up.log"]:
        if path.is_file() and path.name != "kms.key":
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], path


def test_keys_survive_kill_9_rotate_and_go_when_their_time_is_over(fresh_studio: Studio) -> None:
    kms = fresh_studio.client("kms")
    key, doomed = make(kms), make(kms)
    for number, each in enumerate((key, doomed)):
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=each["KeyId"])
    blobs = [kms.encrypt(KeyId=each["KeyId"], Plaintext=b"x")["CiphertextBlob"] for each in (key, doomed)]
    kms.schedule_key_deletion(KeyId=doomed["KeyId"], PendingWindowInDays=7)
    kms.enable_key_rotation(KeyId=key["KeyId"])
    fresh_studio.kill()
    assert (fresh_studio.data / "kms.key").stat().st_mode & 0o777 == 0o600
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    database = sqlite3.connect(fresh_studio.data / "clary.db")  # as if the days had passed
    with database:
        for member, name in (("DeletionDate", doomed["KeyId"]), ("_rotation.NextRotationDate", key["KeyId"])):
            change = f"UPDATE records SET body = json_set(body, '$.{member}', ?) WHERE kind = 'KmsKey' AND name = ?"
            database.execute(change, (past, name))
    database.close()
    fresh_studio.start()
    kms = fresh_studio.client("kms")
    assert kms.decrypt(CiphertextBlob=blobs[0])["Plaintext"] == b"x"
    assert refused(kms.decrypt, CiphertextBlob=blobs[1])[0] == "NotFoundException"
    assert [found["KeyId"] for found in kms.list_keys()["Keys"]] == [key["KeyId"]]
    assert [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]] == ["alias/0"]
    while not (rotations := kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]):
        time.sleep(0.02)  # what removes and rotates works beside the calls
    assert [each["RotationType"] for each in rotations] == ["AUTOMATIC"]
    assert kms.decrypt(CiphertextBlob=blobs[0])["Plaintext"] == b"x"
    with contextlib.closing(sqlite3.connect(fresh_studio.data / "clary.db")) as database:
        left = database.execute(
            "SELECT name FROM records WHERE kind IN ('KmsKey', 'KmsAlias') ORDER BY kind"
        ).fetchall()
    assert left == [("alias/0",), (key["KeyId"],)]


def test_without_its_root_key_a_server_says_so_and_goes_on_once_it_is_back(fresh_studio: Studio) -> None:
    kms = fresh_studio.client("kms")
    key = make(kms)["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    fresh_studio.kill()
    root, aside = fresh_studio.data / "kms.key", fresh_studio.data / "elsewhere"
    root.rename(aside)
    fresh_studio.start()
    kms = fresh_studio.client("kms")
    for call, given in ((kms.decrypt, {"CiphertextBlob": blob}), (kms.create_key, {})):
        code, message = refused(call, **given)
        assert code == "KeyUnavailableException"
        assert str(root) in message
    assert not root.exists()
    assert str(root) in _health(fresh_studio)["keys"]
    assert str(root) in (fresh_studio.data.parent / "up.log").read_text()
    aside.rename(root)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert _health(fresh_studio)["keys"] == "ok"


def _health(studio: Studio) -> dict[str, str]:
    try:
        answer = urllib.request.urlopen(f"{studio.url}/health")
    except HTTPError as failing:
        answer = failing
    with answer:
        parts: dict[str, str] = json.loads(answer.read())["parts"]
    return parts
