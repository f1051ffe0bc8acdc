"""A hook that fails switches itself off, and says so once; the training goes on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from clary.runtime.hook import notice


class Switchable(Protocol):
    off: bool

    def switch_off(self) -> None: ...


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a hook that runs within the training: it does nothing once the hook is off, and never raises."""

    @functools.wraps(method)
    def call(self: Switchable, *given: Any, **named: Any) -> Any:
        if self.off:
            return None
        try:
            return method(self, *given, **named)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not the training's
            self.off = True
            notice.tell(error)
            self.switch_off()
            return None

    return call
