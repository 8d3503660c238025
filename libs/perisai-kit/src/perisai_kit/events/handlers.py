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
    """Event classes with a handler for one event, or for consecutive events at once."""

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
        for cls, run in groupby(events, lambda event: self._classes[event.type]):
            envelopes = list(run)
            facts = [cls.model_validate(envelope.data) for envelope in envelopes]
            if cls in self._batch:
                await self._batch[cls](session, facts)
                continue
            for envelope, fact in zip(envelopes, facts, strict=True):
                with structlog.contextvars.bound_contextvars(event_id=str(envelope.id)):
                    await self._single[cls](session, fact)


def get_error_name(error: BaseException) -> str:
    """Return the kind of an error, without its text, which may contain personal data."""
    return error.code if isinstance(error, DomainError) else type(error).__name__
