"""What the key index refuses, as S3 names it.

* ServiceError
  + Missing (also a ``KeyError``)
    - NoSuchBucket
    - NoSuchKey
    - NoSuchVersion
    - NoSuchUpload
  + IsDeleteMarker (405)
  + BucketNotEmpty
  + OperationAborted
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

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

    def __init__(self, bucket: str, key: str, marker: str = "") -> None:
        """``marker``: the version of the delete marker that hides the key."""
        super().__init__("The specified key does not exist.", Key=key)
        if marker:
            self.members |= {"x-amz-delete-marker": "true", "x-amz-version-id": marker}
        self.bucket, self.key = bucket, key

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key} does not exist"


class NoSuchVersion(Missing):
    code = "NoSuchVersion"

    def __init__(self, key: str, version: str) -> None:
        super().__init__("The specified version does not exist.", Key=key, VersionId=version)


class IsDeleteMarker(ServiceError):
    """The version that is named is a delete marker, which can only be deleted."""

    code = "MethodNotAllowed"
    status = 405

    def __init__(self, key: str, version: str, modified: datetime) -> None:
        super().__init__("The specified method is not allowed against this resource.", Key=key)
        self.members |= {"ResourceType": "DeleteMarker", "x-amz-delete-marker": "true", "x-amz-version-id": version}
        self.members |= {"Allow": "DELETE", "Last-Modified": format_datetime(modified, usegmt=True)}


class NoSuchUpload(Missing):
    code = "NoSuchUpload"

    def __init__(self, upload: str) -> None:
        super().__init__(
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
            "or completed.",
            UploadId=upload,
        )


class BucketNotEmpty(ServiceError):
    """The bucket still holds objects, versions or delete markers."""

    code = "BucketNotEmpty"
    status = 409

    def __init__(self, bucket: str, *, versioned: bool) -> None:
        also = ". You must delete all versions in the bucket." if versioned else ""
        super().__init__(f"The bucket you tried to delete is not empty{also}", BucketName=bucket)


class OperationAborted(ServiceError):
    """Somebody else changed what this call was working on."""

    code = "OperationAborted"
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        )
