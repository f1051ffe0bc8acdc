"""S3: what the SDKs, the aws command line, pandas and s3fs use of it. One module per resource.

Not served (501): access lists other than the owner's, bucket policies, replication, transitions between storage
classes, object lock, events, websites, logging, select, annotations, access points and table or directory buckets.
"""

from __future__ import annotations
