"""Keep whether agents received what a wadah was paid for them."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_confirmations import queries, rules
from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payout_confirmations.queries import MissingConfirmation
from payment_service.payouts.rules import PayoutNotFound
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.http.paging import Slice, cut_page, parse_instant, read_cursor
from perisai_kit.privacy.read_audit import audit_read


async def confirm(
    session: AsyncSession, payout_id: UUID, *, agent_id: UUID | None, is_received: bool, by: UUID
) -> PayoutConfirmation:
    """Keep whether an agent received their part of a payout; the same answer twice is once.

    Another answer later is kept beside the first. Locks the payout.
    Raises: PayoutNotFound, PayoutNotPaidToWadah.
    """
    if agent_id is None:
        raise PayoutNotFound
    payout = await queries.lock_payout_of(session, payout_id, agent_id)
    if payout is None:
        raise PayoutNotFound
    rules.check_confirmable(payout.payee_kind, payout.status)
    last = await queries.find_last(session, payout_id, agent_id)
    if last is not None and last.is_received is is_received:
        return last
    confirmation = PayoutConfirmation(
        id=new_id(),
        payout_id=payout_id,
        agent_id=agent_id,
        is_received=is_received,
        confirmed_by=by,
        confirmed_at=clock.now(),
    )
    session.add(confirmation)
    await session.flush()
    return confirmation


async def list_confirmations(
    session: AsyncSession,
    *,
    is_received: bool | None,
    payout_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[PayoutConfirmation]:
    """Return what agents said last of payouts, the latest first, and record the reading.

    Raises: CursorInvalid.
    """
    rows = await queries.list_confirmations(
        session,
        is_received=is_received,
        payout_id=payout_id,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    audit_read([each.agent_id for each in page.items])
    return page


async def list_missing(
    session: AsyncSession,
    *,
    payout_id: UUID | None,
    wadah_id: UUID | None,
    settled_before: date | None,
    cursor: str | None,
    limit: int,
) -> Slice[MissingConfirmation]:
    """Return what wadahs were paid for agents who said nothing of it, the earliest payment first.

    settled_before: a day of Jakarta. Records the reading. Raises: CursorInvalid.
    """
    rows = await queries.list_missing(
        session,
        payout_id=payout_id,
        wadah_id=wadah_id,
        settled_before=None if settled_before is None else midnight(settled_before),
        after=read_cursor(cursor, _parse_key, parts=3),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: (row.settled_at, row.payout_id, row.agent_id))
    audit_read([each.agent_id for each in page.items])
    return page


async def find_answers(
    session: AsyncSession, payout_ids: Collection[UUID], agent_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], bool]:
    """Return whether agents received their parts, by payout and agent; not answered: missing."""
    return await queries.find_answers(session, payout_ids, agent_ids)


def _parse_key(settled_at: str, payout_id: str, agent_id: str) -> tuple[datetime, UUID, UUID]:
    return parse_instant(settled_at), UUID(payout_id), UUID(agent_id)
