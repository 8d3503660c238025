"""What the feeds tell, and the computation that follows.

Our own feed tells of settled allocations, member-service's of its answers to them,
agent-service's of agents and wadahs.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import service as agents
from payment_service.answers.service import Answer
from payment_service.commissions import service
from payment_service.counting import service as counting
from payment_service.payees import service as payees
from payment_service.suspense import service as suspense
from perisai_kit.db.bulk import RUN_S, run_in_batches
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import Unavailable
from perisai_kit.events.catalogue import (
    AGENT_DECIDED,
    AGENT_MOVED,
    AgentDecided,
    AgentMoved,
    BankAccountChanged,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    PaymentSettled,
    WadahAgreementSigned,
    WadahTerminated,
)
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import FeedSource, Subscription
from perisai_kit.events.turns import BUSY_FROM, DEFERRABLE
from perisai_kit.runtime.graceful import finish

BATCH = 1000


async def on_payments_settled(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    await counting.take_settlements(session, events)


async def on_coverage_answered(session: AsyncSession, events: Sequence[Answer]) -> None:
    """Store answers; what member-service declined goes to suspense."""
    changed = await counting.take_answers(session, events)
    declined = [each for each in changed if isinstance(each, CoverageDeclined)]
    if declined:
        await suspense.suspend_declined(session, declined)


async def on_agents_decided(session: AsyncSession, events: Sequence[AgentDecided]) -> None:
    await counting.take_agents(session, events)


async def on_agents_moved(session: AsyncSession, events: Sequence[AgentMoved]) -> None:
    await agents.take_moves(session, events)


async def on_agreements_signed(
    session: AsyncSession, events: Sequence[WadahAgreementSigned]
) -> None:
    await agents.take_agreements(session, events)


async def on_wadahs_terminated(session: AsyncSession, events: Sequence[WadahTerminated]) -> None:
    await agents.take_terminations(session, events)


async def on_accounts_changed(session: AsyncSession, events: Sequence[BankAccountChanged]) -> None:
    await payees.take_accounts(session, events)


class Computation:
    """Computes the commission of allocations that wait for nothing any more."""

    def __init__(self, agents: FeedSource, own_signals: Signals | None = None) -> None:
        self._agents = subscribe_to_agents(agents, poll_s=0)
        self._rest = partial(DEFERRABLE.get_ratio, own_signals)

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether an allocation waits for nothing, or for agents' events only."""
        is_due = bool(await counting.list_due(session, limit=1))
        return is_due or await counting.waits_for_agents(session)

    async def run(self, database: Database, *, run_s: float = RUN_S) -> bool:
        """Compute what is due, with pauses between full batches; return whether there is more.

        A feed without news says only at the end of a long poll how far it has been read. So if
        allocations wait for nothing else, agent-service is asked at once. run_s: it ends with the
        batch after which so many seconds have passed.
        """
        batches = partial(run_in_batches, database, batch=BATCH, run_s=run_s, rest_ratio=self._rest)
        has_more = await batches(service.compute_due)
        if has_more or not await self._read_agents(database):
            return has_more
        return await batches(service.compute_due)

    async def _read_agents(self, database: Database) -> bool:
        async with database.read() as session:
            if not await counting.waits_for_agents(session):
                return False
        try:
            while await self._agents.step(database):
                pass
        except Unavailable:
            return False  # the allocations go on waiting
        return True


class AnswerSubscription(Subscription):
    """Computes at once what a few answers have made due. The rest waits for the periodic task."""

    def __init__(self, source: FeedSource, computation: Computation, *, poll_s: float) -> None:
        super().__init__(
            name=counting.MEMBERS,
            source=source,
            poll_s=poll_s,
            batch_handlers={
                CoverageExtended: on_coverage_answered,
                CoverageWithdrawn: on_coverage_answered,
                CoverageDeclined: on_coverage_answered,
            },
        )
        self._computation = computation

    async def step(self, database: Database) -> int:
        """Fetch one batch, apply it and compute what a few have made due; return its length."""
        length = await super().step(database)
        if 0 < length < BUSY_FROM:
            await finish(self._computation.run(database, run_s=0))
        return length


def subscribe_to_agents(source: FeedSource, *, poll_s: float) -> Subscription:
    """Return the subscription to agent-service's feed."""
    return Subscription(
        name=counting.AGENTS,
        source=source,
        poll_s=poll_s,
        batch_handlers={
            **dict.fromkeys(AGENT_DECIDED, on_agents_decided),
            **dict.fromkeys(AGENT_MOVED, on_agents_moved),
            WadahAgreementSigned: on_agreements_signed,
            WadahTerminated: on_wadahs_terminated,
            BankAccountChanged: on_accounts_changed,
        },
    )
