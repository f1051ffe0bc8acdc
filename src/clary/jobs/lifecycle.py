"""Applies the lifecycle rules of all buckets: at the start, at each midnight of UTC, and when rules were put."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path

from clary.buckets import Buckets, NoSuchBucket
from clary.errors import ServiceError
from clary.store import lifecycle
from clary.store.base import Conflict, Record, Store
from clary.store.keys import Entry
from clary.store.lifecycle import Rule

log = logging.getLogger(__name__)

_BATCH = 200  # versions that go in one write, so that others' writes do not wait long
_LONGEST = 3600.0  # seconds until the clock is looked at again: a machine that slept counts none of them


class Lifecycle:
    """``step`` does all that is due; what it did at the last midnight under the same rules it does not do again."""

    kind = lifecycle.RUN[1]
    terminal: frozenset[str] = frozenset()

    def __init__(self, store: Store, buckets: Buckets, now: Callable[[], datetime]) -> None:
        self._buckets, self._now = buckets, now
        self._done: tuple[datetime, dict[str, list[Rule]]] | None = None
        region, kind, name = lifecycle.RUN
        with contextlib.suppress(Conflict):  # it is there since the first start
            store.create(Record(region=region, kind=kind, name=name, body={}))

    def directory(self, _: Record) -> Path | None:
        return None

    def step(self, _: Record) -> float:
        now = self._now()
        rules = {bucket.name: lifecycle.rules_of(bucket) for bucket in self._buckets.index.all()}
        due = lifecycle.midnight(now) - timedelta(days=1), rules
        if due != self._done:
            for bucket in filter(rules.get, rules):
                with contextlib.suppress(NoSuchBucket):  # deleted meanwhile
                    self._apply(bucket, rules[bucket], now)
            self._done = due
        return min((lifecycle.midnight(now) - now).total_seconds() + 1, _LONGEST)

    def _apply(self, bucket: str, rules: Sequence[Rule], now: datetime) -> None:
        expired, doomed = 0, self._doomed(bucket, rules, now)
        while batch := list(islice(doomed, _BATCH)):
            expired += self._buckets.expire(bucket, batch)
        aborted = 0
        for upload in self._buckets.uploads.page(bucket):
            end = lifecycle.upload_end(rules, upload.key, upload.created)
            if end is not None and end[0] <= now:
                with contextlib.suppress(ServiceError):  # completed meanwhile
                    self._buckets.abort(upload)
                    aborted += 1
        if expired or aborted:
            log.info("lifecycle of %s: %d versions expired, %d uploads aborted", bucket, expired, aborted)

    def _doomed(self, bucket: str, rules: Sequence[Rule], now: datetime) -> Iterator[Entry]:
        for _, versions in groupby(self._buckets.keys.all_versions(bucket), key=lambda entry: entry.key):
            yield from lifecycle.doomed(rules, list(versions), now)
