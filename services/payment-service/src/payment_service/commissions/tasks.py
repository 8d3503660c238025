"""What the feeds tell, and the computation that follows.

Our own feed tells of settled payments, member-service's of its answers to them, agent-service's of
agents and wadahs.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import service as agents
from payment_service.agents.service import AtWork, Away
from payment_service.answers.service import Answer
from payment_service.commissions import service
from payment_service.counting import service as counting
from perisai_kit.db.bulk import run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.events.catalogue import PaymentSettled, WadahAgreementSigned, WadahTerminated

BATCH = 500


async def on_payments_settled(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    await counting.take_payments(session, events)


async def on_coverage_answered(session: AsyncSession, events: Sequence[Answer]) -> None:
    await counting.take_answers(session, events)


async def on_agents_decided(session: AsyncSession, events: Sequence[AtWork | Away]) -> None:
    await counting.take_agents(session, events)


async def on_agreements_signed(
    session: AsyncSession, events: Sequence[WadahAgreementSigned]
) -> None:
    await agents.take_agreements(session, events)


async def on_wadahs_terminated(session: AsyncSession, events: Sequence[WadahTerminated]) -> None:
    await agents.take_terminations(session, events)


async def every_second(database: Database) -> bool:
    """Compute the commission of payments that wait for nothing; return whether there is more."""
    return await run_in_batches(database, service.compute_due, batch=BATCH)
