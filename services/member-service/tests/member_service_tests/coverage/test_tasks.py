"""The feed of payment-service changes coverage; the feed of agent-service makes agents known."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.allocations.test_service import reversal
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import service as attribution_periods
from member_service.members.models import Member
from member_service.worker import subscriptions
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AgentActivated, AgentDismissed, PaymentSettled
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.outbox import publish
from perisai_kit.events.parking import ParkedEvent
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.events.turns import URGENT
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import deliver
from perisai_kit.testing.plugin import Urls

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def ours(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(own_database("member").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.fixture
async def theirs(own_database: Callable[[str], Urls], keyring: Keyring) -> AsyncIterator[Database]:
    """Another service's database; only its events table matters here."""
    database = Database(own_database("member").app, keyring=keyring)
    yield database
    await database.dispose()


@pytest.fixture
def reading(theirs: Database) -> dict[str, Subscription]:
    feed = LocalFeed(theirs, source="test", signals=Signals())
    made = subscriptions(agents=feed, payments=feed, terms=TERMS, poll_s=0)
    return {each.name: each for each in made}


def test_cover_is_read_with_urgency(reading: dict[str, Subscription]) -> None:
    assert {name for name, each in reading.items() if each.urgency is URGENT} == {"payments"}


def paid(member_id: UUID) -> PaymentSettled:
    now = clock.real_now()
    return PaymentSettled.model_validate(
        {
            "allocation_id": new_id(),
            "payment_id": new_id(),
            "bill_id": new_id(),
            "member_id": member_id,
            "partner_id": new_id(),
            "amount": 16_800,
            "issued_at": now,
            "counts_at": now,
            "received_at": now,
            "payer": "self",
            "lines": [
                {
                    "month": str(Month.of(jakarta_date(now))),
                    "programme": each,
                    "amount": 8_400,
                    "relief": 0,
                }
                for each in ("jkk", "jkm")
            ],
        }
    )


async def enrolled(database: Database, enrol: Enrol) -> UUID:
    async with database.begin() as session:
        return (await enrol(session)).id


async def paid_through(session: AsyncSession, member_id: UUID) -> Any:
    return await session.scalar(select(Member.paid_through).where(Member.id == member_id))


async def test_a_settled_payment_reaches_the_members_coverage(
    ours: Database, theirs: Database, reading: dict[str, Subscription], enrol: Enrol
) -> None:
    member_id = await enrolled(ours, enrol)
    async with theirs.begin() as session:
        await publish(session, paid(member_id))

    await deliver(reading["payments"], to=ours, source=theirs)

    async with ours.read() as session:
        assert await paid_through(session, member_id) is not None


async def test_a_reversal_behind_its_payment_takes_the_coverage_back(
    ours: Database, theirs: Database, reading: dict[str, Subscription], enrol: Enrol
) -> None:
    member_id = await enrolled(ours, enrol)
    settled = paid(member_id)
    seen = []

    for event in (settled, reversal(settled, at=settled.counts_at)):
        async with theirs.begin() as session:
            await publish(session, event)
        await deliver(reading["payments"], to=ours, source=theirs)
        async with ours.read() as session:
            seen.append(await paid_through(session, member_id) is not None)

    assert seen == [True, False]


async def test_a_payment_of_an_unknown_member_is_parked_and_delays_no_other(
    ours: Database, theirs: Database, reading: dict[str, Subscription], enrol: Enrol
) -> None:
    before, after = await enrolled(ours, enrol), await enrolled(ours, enrol)
    async with theirs.begin() as session:
        await publish(session, paid(before), paid(new_id()), paid(after))

    await deliver(reading["payments"], to=ours, source=theirs)

    async with ours.read() as session:
        assert await paid_through(session, before) is not None
        assert await paid_through(session, after) is not None
        assert (await session.scalars(select(ParkedEvent.error))).all() == ["member_not_found"]


async def test_agents_are_known_from_their_feed(
    ours: Database, theirs: Database, reading: dict[str, Subscription]
) -> None:
    now = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
    agent = AgentActivated(
        agent_id=new_id(),
        account_id=new_id(),
        member_id=new_id(),
        wadah_id=new_id(),
        branch_code="banyuwangi",
        region_code="jatim",
        agent_code="A1",
        decided_at=now,
    )
    gone = AgentDismissed(
        agent_id=agent.agent_id,
        account_id=agent.account_id,
        reason_code="fraud",
        decided_at=now + timedelta(hours=1),
    )
    seen = []

    for event in (agent, gone):
        async with theirs.begin() as session:
            await publish(session, event)
        await deliver(reading["agents"], to=ours, source=theirs)
        async with ours.read() as session:
            seen.append(await attribution_periods.find_agent_at_work(session, agent.agent_id))

    assert [each and each.wadah_id for each in seen] == [agent.wadah_id, None]
