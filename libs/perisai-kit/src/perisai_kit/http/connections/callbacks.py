"""What an app has called while it answers, such as when its client has gone."""

from collections.abc import Callable
from functools import partial
from typing import Any

Callback = Callable[[], None]


class Callbacks:
    """At most one callback a name, until the answer is complete."""

    def __init__(self, *names: str) -> None:
        self._by_name: dict[str, Callback | None] = {}
        self._names = names

    def make_registers(self) -> dict[str, Any]:
        """Return, by name, what registers a callback; with None it removes it."""
        return {name: partial(self._by_name.__setitem__, name) for name in self._names}

    def call(self, name: str) -> None:
        """Call what is registered, if anything."""
        if (callback := self._by_name.get(name)) is not None:
            callback()

    def clear(self) -> None:
        self._by_name.clear()
