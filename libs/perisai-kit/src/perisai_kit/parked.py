"""Poison events: what a subscription could not handle, set aside with what must wait behind it."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Index,
    Text,
    UniqueConstraint,
    any_,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from perisai_kit import clock
from perisai_kit.cloudevents import CloudEvent
from perisai_kit.db import KitBase
from perisai_kit.errors import NotFound
from perisai_kit.ids import new_id

WAITS_BEHIND = "waits_behind"
"""The `error` of an event that is fine itself but must not overtake a parked one."""


class ParkedEvent(KitBase):
    """One event of one subscription that waits to be replayed, or was."""

    __tablename__ = "parked_events"
    __table_args__ = (
        UniqueConstraint("subscription", "position"),
        Index(
            "ix_parked_events_waiting",
            "subscription",
            "subject",
            "position",
            postgresql_where=text("replayed_at IS NULL"),
        ),
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


class ParkedEventNotFound(NotFound):
    code = "parked_event_not_found"
    text = "There is no such parked event, or it was replayed."
    text_id = "Peristiwa tertahan itu tidak ada atau sudah dijalankan ulang."


_waiting = ParkedEvent.replayed_at.is_(None)


async def find_blocked(
    session: AsyncSession, subscription: str, subjects: Sequence[str]
) -> frozenset[str]:
    """Return those of the subjects that have an event parked."""
    found = await session.scalars(
        select(ParkedEvent.subject)
        .distinct()
        .where(
            ParkedEvent.subscription == subscription,
            _waiting,
            ParkedEvent.subject == any_(literal(list(subjects), ARRAY(Text()))),
        )
    )
    return frozenset(found)


async def park(
    session: AsyncSession,
    subscription: str,
    events: Sequence[CloudEvent],
    *,
    error: str,
    attempts: int,
) -> None:
    """Set the events aside. error: a name without personal data."""
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
    """Return a parked event that was not replayed.

    Raises: ParkedEventNotFound.
    """
    found = await session.scalar(select(ParkedEvent).where(ParkedEvent.id == parked_id, _waiting))
    if found is None:
        raise ParkedEventNotFound
    return found


async def find_first_waiting(
    session: AsyncSession, subscription: str, subject: str
) -> ParkedEvent | None:
    """Return the subject's oldest parked event."""
    return await session.scalar(
        select(ParkedEvent)
        .where(ParkedEvent.subscription == subscription, ParkedEvent.subject == subject, _waiting)
        .order_by(ParkedEvent.position)
        .limit(1)
    )


async def mark_replayed(session: AsyncSession, parked_id: uuid.UUID) -> None:
    """Let the event no longer hold up its subject; its row stays as a record."""
    await session.execute(
        update(ParkedEvent).where(ParkedEvent.id == parked_id).values(replayed_at=clock.now())
    )


def envelope_of(event: ParkedEvent) -> CloudEvent:
    """Return the event as it once came."""
    return CloudEvent(
        id=event.event_id,
        type=event.type,
        subject=event.subject,
        time=event.occurred_at,
        data=event.data,
        position=event.position,
    )


async def count_waiting(session: AsyncSession, subscription: str) -> int:
    """Count the subscription's parked events."""
    counted = await session.scalar(
        select(func.count()).where(ParkedEvent.subscription == subscription, _waiting)
    )
    return counted or 0


async def list_waiting(session: AsyncSession, *, limit: int) -> list[ParkedEvent]:
    """List parked events of all subscriptions, oldest first."""
    found = await session.scalars(
        select(ParkedEvent).where(_waiting).order_by(ParkedEvent.id).limit(limit)
    )
    return list(found)
