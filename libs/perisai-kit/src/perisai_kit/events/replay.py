"""Replay and dismissal of parked events, so that their subject can continue."""

import uuid

from perisai_kit.db.engine import Database
from perisai_kit.db.outage import is_outage
from perisai_kit.domain.errors import Conflict
from perisai_kit.events import cursors
from perisai_kit.events import parking as parked
from perisai_kit.events.handlers import Handlers, get_error_name
from perisai_kit.events.parking import ParkedEvent
from perisai_kit.runtime.log import get_logger

MAX_REPLAYED = 1000

log = get_logger()


class ReplayFailed(Conflict):
    """details: the id of the failing event, the name of the error, the number replayed before."""

    code = "replay_failed"
    text = "The event failed again. It stays parked, with the events behind it."
    text_id = "Event gagal diproses lagi dan tetap tertahan bersama event setelahnya."


class Replay:
    """The parked events of one subscription."""

    def __init__(self, name: str, handlers: Handlers) -> None:
        self._name = name
        self._handlers = handlers

    async def run(self, database: Database, parked_id: uuid.UUID) -> int:
        """Apply the parked events of this event's subject in order; return how many.

        Each has its own transaction, so that those before a failing one stay applied. Passed over
        events are included if they have a handler again.
        Raises: ParkedEventNotFound, ReplayFailed.
        """
        async with database.begin() as session:
            await cursors.lock_position(session, self._name)
            await parked.restore_passed_over(session, parked_id, known=self._handlers.types)
            subject = (await parked.get_waiting(session, parked_id)).subject
        return await self._replay_subject(database, subject)

    async def dismiss(
        self, database: Database, parked_id: uuid.UUID, *, by: uuid.UUID, reason: str
    ) -> int:
        """Dismiss the event and apply those that waited behind it; return how many.

        by: the deciding account. A later event that fails stays parked, with those behind it.
        Raises: ParkedEventNotFound.
        """
        subject = await dismiss(database, parked_id, by=by, reason=reason)
        return await self._replay_until_failure(database, subject)

    async def pass_over_removed(self, database: Database) -> None:
        """Pass over parked events without a handler, and continue their subjects."""
        for subject in await self._pass_over(database):
            await self._replay_until_failure(database, subject)

    async def _pass_over(self, database: Database) -> list[str]:
        async with database.begin() as session:
            await cursors.lock_position(session, self._name)
            return await parked.pass_over(session, self._name, known=self._handlers.types)

    async def _replay_until_failure(self, database: Database, subject: str) -> int:
        total = 0
        while True:
            try:
                replayed = await self._replay_subject(database, subject)
            except ReplayFailed as failed:
                before = failed.details["replayed"]
                assert isinstance(before, int)
                return total + before
            total += replayed
            if replayed < MAX_REPLAYED:
                return total

    async def _replay_subject(self, database: Database, subject: str) -> int:
        await self._pass_over(database)
        for replayed in range(MAX_REPLAYED):
            if not await self._replay_first(database, subject, replayed):
                return replayed
        return MAX_REPLAYED

    async def _replay_first(self, database: Database, subject: str, replayed: int) -> bool:
        first: ParkedEvent | None = None
        try:
            async with database.begin() as session:
                # While this lock is held, new events of the subject are parked.
                await cursors.lock_position(session, self._name)
                first = await parked.find_first_waiting(session, self._name, subject)
                if first is None:
                    return False
                await self._handlers.apply(session, [parked.to_cloud_event(first)])
                await parked.mark_replayed(session, first.id)
        except Exception as error:
            if first is None or (is_outage(error) and not await database.is_answering()):
                raise
            log.warning("event.replay_failed", event_id=str(first.event_id), exc_info=error)
            name = get_error_name(error)
            async with database.begin() as session:
                await parked.record_failure(session, first.id, error=name)
            event_id = str(first.event_id)
            raise ReplayFailed(event_id=event_id, error=name, replayed=replayed) from None
        return True


async def dismiss(database: Database, parked_id: uuid.UUID, *, by: uuid.UUID, reason: str) -> str:
    """Dismiss an event, also of a removed subscription; return its subject.

    by: the deciding account.
    Raises: ParkedEventNotFound.
    """
    async with database.begin() as session:
        event = await parked.get_waiting(session, parked_id)
        await cursors.lock_position(session, event.subscription)
        await parked.dismiss(session, parked_id, by=by, reason=reason)
    log.warning("event.dismissed", event_id=str(event.event_id), account_id=str(by))
    return event.subject
