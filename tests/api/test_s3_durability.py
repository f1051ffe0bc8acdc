"""A server killed while clients write: what it acknowledged is there when it is back."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tests.conftest import Studio


def test_kill_9_loses_nothing_acknowledged(fresh_studio: Studio) -> None:
    fresh_studio.client("s3").create_bucket(Bucket="ward")
    enough = threading.Event()
    acknowledged: dict[str, bytes] = {}

    def write(writer: int) -> None:
        s3 = fresh_studio.client("s3")
        for n in range(10_000):
            key, body = f"{writer}/{n % 7}", f"{writer}-{n} ".encode() * (1 if n % 2 else 50_000)
            acknowledged.pop(key, None)  # until the answer comes, either may stand there
            try:
                s3.put_object(Bucket="ward", Key=key, Body=body)
            except (BotoCoreError, HTTPClientError, ClientError):
                return
            acknowledged[key] = body
            if n == 20:
                enough.set()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    fresh_studio.kill()
    for thread in threads:
        thread.join()
    assert len(acknowledged) > 6

    fresh_studio.start()
    s3: Any = fresh_studio.client("s3")
    for key, body in acknowledged.items():
        assert s3.get_object(Bucket="ward", Key=key)["Body"].read() == body
    for item in s3.list_objects_v2(Bucket="ward")["Contents"]:
        assert len(s3.get_object(Bucket="ward", Key=item["Key"])["Body"].read()) == item["Size"]
    s3.put_object(Bucket="ward", Key="after", Body=b"life goes on")
