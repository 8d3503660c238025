"""Take a forfeit back by the opposite transfers, as two people decide."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.forfeit_reversals import queries, rules
from payment_service.forfeit_reversals.models import ForfeitReversal
from payment_service.forfeit_reversals.rules import ReversalStatus, ReversalVerdict
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


async def propose(
    session: AsyncSession, hold_id: UUID, *, reason: str, is_paid_otherwise: bool, by: UUID
) -> ForfeitReversal:
    """Propose to take back the forfeit of all that a hold holds; another person decides.

    Raises: ForfeitPaidOtherwise, IncentiveHoldNotFound, IncentiveHoldNotForfeited,
    ForfeitReversalOpen.
    """
    rules.check_unpaid(is_paid_otherwise=is_paid_otherwise)
    found = await holds.lock_forfeited(session, hold_id)
    reversal = ForfeitReversal(id=new_id(), hold_id=hold_id, amount=found.amount)
    reversal.reason, reversal.status = reason, ReversalStatus.PROPOSED
    reversal.proposed_by, reversal.proposed_at = by, clock.now()
    made = await queries.insert_once_reversal(session, reversal)
    if made is None:
        raise rules.ForfeitReversalOpen
    return made


async def list_reversals(
    session: AsyncSession, principal: Principal, hold_id: UUID
) -> Sequence[ForfeitReversal]:
    """Return the proposals for a hold, the oldest first. Raises: IncentiveHoldNotFound."""
    await holds.get(session, principal, hold_id)
    return await queries.list_reversals(session, hold_id)


async def decide(
    session: AsyncSession,
    hold_id: UUID,
    reversal_id: UUID,
    *,
    verdict: ReversalVerdict,
    by: UUID,
) -> ForfeitReversal:
    """Approve or reject a proposal. What is approved is owed again, as if it had been released.

    Locks debts, then the hold.
    Raises: ForfeitReversalNotFound, ForfeitReversalDecided, OwnForfeitReversal,
    IncentiveHoldNotForfeited.
    """
    reversal = await queries.lock_reversal(session, hold_id, reversal_id)
    if reversal is None:
        raise rules.ForfeitReversalNotFound
    is_own = reversal.proposed_by == by
    rules.check_decision(reversal.status, verdict=verdict, is_own=is_own)
    if verdict is ReversalVerdict.APPROVED:
        await statement_queries.lock_debts(session)
        hold = await holds.reverse_forfeit(session, hold_id)
        # The debts that it made up for may be made up for by what else is held.
        await statements.set_off_held(session, beneficiary_ids=[hold.beneficiary_id])
    reversal.status = ReversalStatus(verdict)
    reversal.decided_by, reversal.decided_at = by, clock.now()
    await session.flush()
    return reversal
