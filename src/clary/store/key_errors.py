"""What the key index refuses, as S3 names it.

* ServiceError
  + Missing (also a ``KeyError``)
    - NoSuchBucket
    - NoSuchKey
    - NoSuchUpload
  + BucketNotEmpty
  + OperationAborted
"""

from __future__ import annotations

from clary.errors import ServiceError


class Missing(ServiceError, KeyError):
    """Something that is named is not there."""

    status = 404

    def __str__(self) -> str:  # KeyError's would quote it
        return self.message


class NoSuchBucket(Missing):
    code = "NoSuchBucket"

    def __init__(self, bucket: str) -> None:
        super().__init__("The specified bucket does not exist", BucketName=bucket)


class NoSuchKey(Missing):
    code = "NoSuchKey"

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__("The specified key does not exist.", Key=key)
        self.bucket, self.key = bucket, key

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key} does not exist"


class NoSuchUpload(Missing):
    code = "NoSuchUpload"

    def __init__(self, upload: str) -> None:
        super().__init__(
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed.",
            UploadId=upload,
        )


class BucketNotEmpty(ServiceError):
    code = "BucketNotEmpty"
    status = 409

    def __init__(self, bucket: str) -> None:
        super().__init__("The bucket you tried to delete is not empty", BucketName=bucket)


class OperationAborted(ServiceError):
    """Somebody else changed what this call was working on."""

    code = "OperationAborted"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        )
