"""Hold what is stated for agents dismissed for cause, unless it was sent to a bank."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting import service as counting
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import queries as statements
from payment_service.incentive_statements.models import Statement
from payment_service.payouts import queries as payout_queries
from payment_service.payouts import service as payouts
from perisai_kit.db.bulk import any_id
from perisai_kit.domain import clock


async def hold_dismissed(session: AsyncSession, agent_ids: Collection[UUID]) -> None:
    """Hold all that is stated for agents dismissed for cause, not held yet, and not sent to a bank.

    What waits to be sent is withdrawn. Locks the months, then payouts.
    """
    await counting.lock_months(session)
    await payouts.withdraw_for(session, agent_ids)
    own = statements.payable().where(Statement.beneficiary_id == any_id(agent_ids))
    await holds.hold(session, own.where(~payout_queries.is_sent(Statement.id)), at=clock.now())


async def hold_freed(session: AsyncSession) -> None:
    """Hold what payouts freed for agents who were dismissed for cause after it was sent.

    Banks gave it back, or failed to pay it and it was given up.
    """
    freed = statements.payable().where(
        Statement.beneficiary_kind == BeneficiaryKind.AGENT,
        payout_queries.was_freed(Statement.id),
        ~payout_queries.is_live(Statement.id),
    )
    await holds.hold(session, freed, at=clock.now())
