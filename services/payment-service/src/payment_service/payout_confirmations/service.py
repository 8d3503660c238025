"""Keep whether agents received what a wadah was paid for them."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_confirmations import queries, rules
from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payouts.rules import PayoutNotFound
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
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
