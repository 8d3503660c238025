"""Parked events: those that a subscription could not handle, and those that wait behind them."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Index,
    Text,
    UniqueConstraint,
    and_,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit.db.columns import KitBase
from perisai_kit.db.sql import SqlStatement, execute
from perisai_kit.domain import clock
from perisai_kit.domain.errors import NotFound
from perisai_kit.domain.ids import new_id
from perisai_kit.events.envelope import CloudEvent
from perisai_kit.privacy.columns import sealed_text

WAITS_BEHIND = "waits_behind"
"""The `error` of an event that only waits behind a parked one."""


WAITING = "replayed_at IS NULL AND dismissed_at IS NULL AND passed_over_at IS NULL"


class ParkedStatus(StrEnum):
    """The status of a parked event. `passed_over`: its type has no handler any more."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    DISMISSED = "dismissed"
    PASSED_OVER = "passed_over"


class ParkedEvent(KitBase):
    """One parked event of one subscription, waiting or not.

    dismissed_by: an account. dismissal_reason: free text of that account.
    """

    __tablename__ = "parked_events"
    __table_args__ = (
        UniqueConstraint("subscription", "position"),
        Index(
            "ix_parked_events_subject",
            "subscription",
            "subject",
            "position",
            postgresql_where=text(WAITING),
        ),
        Index("ix_parked_events_waiting_id", "id", postgresql_where=text(WAITING)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    subscription: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[uuid.UUID]
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    error: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    parked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    replayed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    dismissed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    dismissed_by: Mapped[uuid.UUID | None]
    dismissal_reason = sealed_text(nullable=True)
    passed_over_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def status(self) -> ParkedStatus:
        if self.replayed_at is not None:
            return ParkedStatus.REPLAYED
        if self.dismissed_at is not None:
            return ParkedStatus.DISMISSED
        if self.passed_over_at is not None:
            return ParkedStatus.PASSED_OVER
        return ParkedStatus.WAITING


class ParkedEventNotFound(NotFound):
    code = "parked_event_not_found"
    text = "There is no such parked event, or it was already handled."
    text_id = "Event tertahan ini tidak ada atau sudah ditangani."


_waiting = and_(
    ParkedEvent.replayed_at.is_(None),
    ParkedEvent.dismissed_at.is_(None),
    ParkedEvent.passed_over_at.is_(None),
)
_WITH_STATUS = {
    ParkedStatus.WAITING: _waiting,
    ParkedStatus.REPLAYED: ParkedEvent.replayed_at.is_not(None),
    ParkedStatus.DISMISSED: ParkedEvent.dismissed_at.is_not(None),
    ParkedStatus.PASSED_OVER: ParkedEvent.passed_over_at.is_not(None),
}


_FIND_BLOCKED = f"""
    SELECT DISTINCT subject FROM parked_events
    WHERE subscription = $1 AND subject = ANY($2::text[]) AND {WAITING}
"""  # noqa: S608 - our own condition


async def find_blocked(
    session: AsyncSession, subscription: str, subjects: Sequence[str]
) -> frozenset[str]:
    """Return the subjects that have a waiting parked event; there may be no subjects."""
    if not subjects:
        return frozenset()
    found = await execute(session, SqlStatement(_FIND_BLOCKED, (subscription, list(subjects))))
    return frozenset(subject for (subject,) in found)


async def park(
    session: AsyncSession,
    subscription: str,
    events: Sequence[CloudEvent],
    *,
    error: str,
    attempts: int,
) -> None:
    """Park the events; there may be none. error: a name without personal data."""
    if not events:
        return
    session.add_all(
        ParkedEvent(
            subscription=subscription,
            position=event.position,
            event_id=event.id,
            type=event.type,
            subject=event.subject,
            data=event.data,
            occurred_at=event.time,
            error=error,
            attempts=attempts,
            parked_at=clock.now(),
        )
        for event in events
    )
    await session.flush()


async def get_waiting(session: AsyncSession, parked_id: uuid.UUID) -> ParkedEvent:
    """Return a waiting parked event.

    Raises: ParkedEventNotFound.
    """
    found = await session.scalar(select(ParkedEvent).where(ParkedEvent.id == parked_id, _waiting))
    if found is None:
        raise ParkedEventNotFound
    return found


async def get_unsettled(session: AsyncSession, parked_id: uuid.UUID) -> ParkedEvent:
    """Return a parked event that is waiting or was passed over.

    Raises: ParkedEventNotFound.
    """
    found = await session.get(ParkedEvent, parked_id)
    if found is None or found.status not in {ParkedStatus.WAITING, ParkedStatus.PASSED_OVER}:
        raise ParkedEventNotFound
    return found


async def find_first_waiting(
    session: AsyncSession, subscription: str, subject: str
) -> ParkedEvent | None:
    """Return the subject's oldest waiting event."""
    return await session.scalar(
        select(ParkedEvent)
        .where(ParkedEvent.subscription == subscription, ParkedEvent.subject == subject, _waiting)
        .order_by(ParkedEvent.position)
        .limit(1)
    )


async def mark_replayed(session: AsyncSession, parked_id: uuid.UUID) -> None:
    """Mark the event as replayed, so that it no longer blocks its subject."""
    await _update(session, parked_id, replayed_at=clock.now())


async def record_failure(session: AsyncSession, parked_id: uuid.UUID, *, error: str) -> None:
    """Record that a replay failed. error: a name without personal data."""
    await _update(session, parked_id, error=error, attempts=ParkedEvent.attempts + 1)


async def dismiss(
    session: AsyncSession, parked_id: uuid.UUID, *, by: uuid.UUID, reason: str
) -> None:
    """Mark the event as dismissed, with the author and the reason."""
    why = ParkedEvent.dismissal_reason
    sealed = {why.key: why.prepare(parked_id, reason)}
    await _update(session, parked_id, dismissed_at=clock.now(), dismissed_by=by, **sealed)


async def _update(session: AsyncSession, parked_id: uuid.UUID, **values: Any) -> None:
    await session.execute(
        update(ParkedEvent)
        .where(ParkedEvent.id == parked_id, _waiting)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


async def pass_over(
    session: AsyncSession, subscription: str, *, known: Collection[str]
) -> list[str]:
    """Mark waiting events without a handler as passed over; return their subjects.

    known: the handled types.
    """
    passed = await session.scalars(
        update(ParkedEvent)
        .where(
            ParkedEvent.subscription == subscription,
            _waiting,
            ParkedEvent.type.not_in(list(known)),
        )
        .values(passed_over_at=clock.now())
        .returning(ParkedEvent.subject)
        .execution_options(synchronize_session=False)
    )
    return sorted(set(passed))


async def restore_passed_over(
    session: AsyncSession, parked_id: uuid.UUID, *, known: Collection[str]
) -> None:
    """Let passed over events of the same subject wait again, if they have a handler now.

    known: the handled types.
    """
    event = await session.get(ParkedEvent, parked_id)
    if event is None or event.passed_over_at is None:
        return
    await session.execute(
        update(ParkedEvent)
        .where(
            ParkedEvent.subscription == event.subscription,
            ParkedEvent.subject == event.subject,
            ParkedEvent.passed_over_at.is_not(None),
            ParkedEvent.type.in_(list(known)),
        )
        .values(passed_over_at=None)
        .execution_options(synchronize_session=False)
    )


def to_cloud_event(event: ParkedEvent) -> CloudEvent:
    """Return the event in its original form."""
    return CloudEvent(
        id=event.event_id,
        type=event.type,
        subject=event.subject,
        time=event.occurred_at,
        data=event.data,
        position=event.position,
    )


async def count_waiting(session: AsyncSession, subscriptions: Sequence[str]) -> dict[str, int]:
    """Count the waiting events of each of these subscriptions that has any."""
    counted = (
        select(ParkedEvent.subscription, func.count().label("waiting"))
        .where(ParkedEvent.subscription.in_(subscriptions), _waiting)
        .group_by(ParkedEvent.subscription)
    )
    return {row.subscription: row.waiting for row in await session.execute(counted)}


async def list_parked(
    session: AsyncSession, *, status: ParkedStatus, after: uuid.UUID | None, limit: int
) -> list[ParkedEvent]:
    """List parked events of all subscriptions, oldest first. after: the last id of a page."""
    asked = select(ParkedEvent).where(_WITH_STATUS[status]).order_by(ParkedEvent.id).limit(limit)
    if after is not None:
        asked = asked.where(ParkedEvent.id > after)
    return list(await session.scalars(asked))
