"""SageMaker Metrics: values that programs measure for trial components."""

from __future__ import annotations
