"""Removes what has grown old: log events that their group keeps no longer, metric points after 15 months, encryption
keys whose time is over, the folders of deleted jobs; and gives new material to those whose rotation is due.

In small steps, so that other writes come between; once an hour, and when a group's retention or the clock changed, or a
job was deleted.
"""

from __future__ import annotations

import logging
import sqlite3
import threading

from clary.context import Context
from clary.errors import ServiceError
from clary.jobs.removal import Removal

log = logging.getLogger(__name__)

_STEP = 5_000  # rows of a transaction
_PAUSE = 3600.0  # seconds
_METRICS = 455 * 86_400_000  # milliseconds, as CloudWatch keeps points of an hour


class Retention:
    def __init__(self, context: Context, removal: Removal, step: int = _STEP) -> None:
        self._context, self._removal, self._step = context, removal, step
        self._stopped = False
        context.clock.subscribe(context.logs.expired.set)
        removal.subscribe(context.logs.expired.set)
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._context.logs.expired.set()
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self._context.logs.expired.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> None:
        while not self._stopped and self._context.logs.expire(self._step) == self._step:
            pass
        old = self._context.clock.ms() - _METRICS
        while not self._stopped and self._context.metrics.expire(old, self._step) == self._step:
            pass
        self._removal.sweep()
        self._context.encryption_keys.expire()
        self._context.encryption_keys.rotate_due()

    def _run(self) -> None:
        while not self._stopped:
            self._context.logs.expired.wait(_PAUSE)
            self._context.logs.expired.clear()
            try:
                self.sweep()
            except (sqlite3.Error, OSError, ServiceError) as error:  # a full disk; the next hour may be better
                log.warning("what is expired could not be removed: %s", error)
