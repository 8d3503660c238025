"""Decide on what is held: it is released, or forfeited, less what makes up for debts."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_holds import rules
from payment_service.incentive_holds import service as holds
from payment_service.incentive_holds.models import HoldProposal
from payment_service.incentive_holds.rules import HoldProposalStatus, HoldProposalVerdict
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from perisai_kit.domain import clock


async def decide(
    session: AsyncSession,
    hold_id: UUID,
    proposal_id: UUID,
    *,
    verdict: HoldProposalVerdict,
    by: UUID,
) -> HoldProposal:
    """Approve or reject a proposal. What is forfeited is owed no more.

    Locks the proposal, debts, then the hold.
    Raises: IncentiveHoldNotFound, IncentiveHoldDecided, HoldProposalNotFound, HoldProposalDecided,
    OwnHoldProposal, IncentiveHoldChanged.
    """
    proposal = await holds.lock_proposal(session, hold_id, proposal_id)
    is_own = proposal.proposed_by == by
    rules.check_decision(proposal.status, verdict=verdict, is_own=is_own)
    now = clock.now()
    if verdict is HoldProposalVerdict.APPROVED:
        await statement_queries.lock_debts(session)
        hold = await holds.end(
            session, hold_id, verdict=proposal.verdict, amount=proposal.amount, at=now
        )
        # What is released made up for debts, which others that are held make up for now.
        await statements.set_off_held(session, beneficiary_ids=[hold.beneficiary_id])
    proposal.status = HoldProposalStatus(verdict)
    proposal.decided_by, proposal.decided_at = by, now
    await session.flush()
    return proposal
