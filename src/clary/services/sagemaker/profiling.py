"""ProfilerConfig of a training job: what of it is refused, and what the job's description says of it.

What profiling writes is in ``clary.jobs.profiler``.
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services.sagemaker import named_buckets

_INTERVALS = (100, 200, 500, 1000, 5000, 60_000)  # milliseconds
_INTERVAL = 500


def check(context: Context, config: dict[str, Any]) -> None:
    if config.get("ProfilingParameters"):
        raise NotServed(
            "ProfilerConfig.ProfilingParameters (framework profiling) is not served: it needs smdebug in the image, which "
            "no framework carries any more. Leave it away; the system profiler works without."
        )
    interval = config.get("ProfilingIntervalInMilliseconds", _INTERVAL)
    if interval not in _INTERVALS:
        allowed = ", ".join(map(str, _INTERVALS))
        raise ValidationException(
            f"Invalid ProfilingIntervalInMilliseconds {interval}. It takes one of these values: {allowed}."
        )
    if config.get("DisableProfiler"):
        return
    uri = config.get("S3OutputPath")
    if not uri:
        raise ValidationException("ProfilerConfig needs an S3OutputPath, unless DisableProfiler is true.")
    named_buckets.require(context, uri, f"The S3OutputPath {uri} of ProfilerConfig")


def members(config: dict[str, Any] | None) -> dict[str, Any]:
    """How Describe tells of it: without a configuration, or with a disabled one, nothing is profiled."""
    if config is None:
        return {"ProfilingStatus": "Disabled"}
    full = {"ProfilingIntervalInMilliseconds": _INTERVAL, "DisableProfiler": False, **config}
    return {"ProfilerConfig": full, "ProfilingStatus": "Disabled" if full["DisableProfiler"] else "Enabled"}
