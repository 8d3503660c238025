"""Two people who decide on what is held, and on forfeits, in the transaction of a test."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.forfeit_reversals import service as reversals
from payment_service.forfeit_reversals.rules import ReversalVerdict
from payment_service.hold_decisions import service as decisions
from payment_service.incentive_holds import service as holds
from payment_service.incentive_holds.models import IncentiveHold
from payment_service.incentive_holds.rules import HoldProposalVerdict, HoldVerdict
from perisai_kit.domain.ids import new_id


async def list_holds(
    session: AsyncSession, beneficiary_id: UUID | None = None, *, status: str
) -> Sequence[IncentiveHold]:
    """Return the holds of a status, of one beneficiary or of all, the oldest first."""
    chosen = select(IncentiveHold).where(IncentiveHold.status == status)
    if beneficiary_id is not None:
        chosen = chosen.where(IncentiveHold.beneficiary_id == beneficiary_id)
    return (await session.scalars(chosen.order_by(IncentiveHold.id))).all()


async def approve(session: AsyncSession, hold_id: UUID, verdict: HoldVerdict) -> None:
    """Let one person propose to release or forfeit what a hold holds, and another approve it."""
    made = await holds.propose(session, hold_id, verdict=verdict, by=new_id())
    approved = HoldProposalVerdict.APPROVED
    await decisions.decide(session, hold_id, made.id, verdict=approved, by=new_id())


async def take_back_forfeit(session: AsyncSession, hold_id: UUID) -> None:
    """Let two people take a forfeit back."""
    made = await reversals.propose(
        session, hold_id, reason="Keliru.", is_paid_otherwise=False, by=new_id()
    )
    approved = ReversalVerdict.APPROVED
    await reversals.decide(session, hold_id, made.id, verdict=approved, by=new_id())
