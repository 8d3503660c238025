"""The handlers of a subscription by type of event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from perisai_kit.domain.errors import DomainError
from perisai_kit.events.envelope import CloudEvent, Event, build_registry

Handler: TypeAlias = Callable[[AsyncSession, Any], Awaitable[None]]


class Handlers:
    """Event classes with a handler for one event, or for consecutive events at once.

    A batch handler of several classes gets their consecutive events together, in order.
    """

    def __init__(
        self,
        single: Mapping[type[Event], Handler] | None = None,
        batch: Mapping[type[Event], Handler] | None = None,
    ) -> None:
        self._single = dict(single or {})
        self._batch = dict(batch or {})
        self._classes = build_registry(*self._single, *self._batch)

    @property
    def types(self) -> frozenset[str]:
        """The handled types of events; events of other types are passed over."""
        return frozenset(self._classes)

    async def apply(self, session: AsyncSession, events: Sequence[CloudEvent]) -> None:
        """Handle events of known types in order, in the caller's transaction."""
        for batch_handler, run in groupby(events, self._find_batch_handler):
            if batch_handler is not None:
                await batch_handler(session, [self._read(envelope) for envelope in run])
                continue
            for envelope in run:
                with structlog.contextvars.bound_contextvars(event_id=str(envelope.id)):
                    handler = self._single[self._classes[envelope.type]]
                    await handler(session, self._read(envelope))

    def _find_batch_handler(self, envelope: CloudEvent) -> Handler | None:
        return self._batch.get(self._classes[envelope.type])

    def _read(self, envelope: CloudEvent) -> Event:
        return self._classes[envelope.type].model_validate(envelope.data)


def get_error_name(error: BaseException) -> str:
    """Return the kind of an error, without its text, which may contain personal data."""
    return error.code if isinstance(error, DomainError) else type(error).__name__
