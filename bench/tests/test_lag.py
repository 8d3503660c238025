from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import select, text

from bench.agents import AGENTS, WADAHS, name_id, publish_agents
from bench.bills import seed
from bench.lag import Paid, find_pace, is_kept
from bench.members import seed_members
from bench.results import BenchError
from member_service.allocations import service as allocations
from member_service.members.models import Member
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentActivated,
    MemberAttributed,
    MemberEnrolled,
    PaymentSettled,
    SettledLine,
)
from perisai_kit.events.outbox import EventRow
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import list_published
from perisai_kit.testing.plugin import Urls
from sandbox.vault import BankSecrets

BANK = BankSecrets(
    client_id="bank", client_secret="s", outbound_client_id="us", outbound_client_secret="s"
)
COUNT = 10


def find(kept: float, wanted: float = 400.0) -> tuple[float, list[float]]:
    tried = list[float]()

    def keeps(pace: float) -> bool:
        tried.append(pace)
        return pace <= kept

    return find_pace(keeps, wanted), tried


def test_the_wanted_pace_is_taken_where_it_is_kept() -> None:
    assert find(kept=400) == (400.0, [400.0])


@pytest.mark.parametrize(
    ("kept", "found", "tried"),
    [
        (390, 375.0, [400.0, 200.0, 300.0, 350.0, 375.0]),
        (130, 125.0, [400.0, 200.0, 100.0, 150.0, 125.0]),
        (25, 25.0, [400.0, 200.0, 100.0, 50.0, 25.0]),
    ],
)
def test_else_the_highest_pace_that_is_kept_is_found_in_few_tries(
    kept: float, found: float, tried: list[float]
) -> None:
    assert find(kept) == (found, tried)


def test_where_no_pace_is_kept_there_is_no_figure() -> None:
    with pytest.raises(BenchError, match="not even 25 payments/s were kept"):
        find(kept=20)


@pytest.mark.parametrize(("seconds", "kept"), [(10.0, True), (11.1, True), (11.2, False)])
def test_a_pace_is_kept_if_nine_tenths_of_it_are(seconds: float, kept: bool) -> None:
    assert is_kept(Paid(seconds, [0.1], earned_s=0), 10.0) is kept


async def test_agents_of_the_members_are_those_that_are_published(
    own_database: Callable[[str], Urls],
) -> None:
    urls = own_database("agent")

    await publish_agents(urls.owner)

    database = Database(urls.app)
    async with database.read() as session:
        named = await session.scalar(text("SELECT md5('agent 7')::uuid"))
        events = await list_published(session)
    await database.dispose()
    agents = [event for event in events if isinstance(event, AgentActivated)]
    assert len({agent.agent_id for agent in agents}) == AGENTS
    assert agents[7].agent_id == named
    assert {agent.wadah_id for agent in agents} == {
        name_id("wadah", each) for each in range(WADAHS)
    }


async def test_copied_members_are_those_of_the_bills_and_can_be_covered(
    own_database: Callable[[str], Urls], keyring: Keyring
) -> None:
    billed, urls = own_database("payment"), own_database("member")
    key = rsa.generate_private_key(65537, 2048).public_key()
    await seed(billed.owner, keyring, bank=BANK, public_key=key, count=COUNT)

    await seed_members(urls.owner, keyring, payment_url=billed.owner)

    bills = Database(billed.app)
    async with bills.read() as session:
        issued_at = (await session.execute(text("SELECT max(issued_at) FROM bills"))).scalar_one()
    await bills.dispose()
    database = Database(urls.app, keyring=keyring)
    async with database.begin() as session:
        members = (await session.scalars(select(Member))).all()
        events = (await session.scalars(select(EventRow).order_by(EventRow.seq))).all()
        await allocations.take_allocations(session, [_paid(members[0], issued_at)], TERMS)
        await session.refresh(members[0])
    await database.dispose()

    assert len({each.agent_id for each in members}) == COUNT
    assert len(events) == 2 * COUNT
    assert {each.type for each in events} == {MemberEnrolled.type, MemberAttributed.type}
    attributed = [
        MemberAttributed.model_validate(each.data)
        for each in events
        if each.type == MemberAttributed.type
    ]
    assert {(each.member_id, each.periods[0].agent_id) for each in attributed} == {
        (each.id, each.agent_id) for each in members
    }
    assert members[0].paid_through == Month.of(clock.today())


def _paid(member: Member, issued_at: datetime) -> PaymentSettled:
    now, month = clock.now(), Month.of(clock.today())
    return PaymentSettled(
        allocation_id=uuid4(),
        payment_id=uuid4(),
        bill_id=uuid4(),
        member_id=member.id,
        partner_id=uuid4(),
        amount=200,
        issued_at=issued_at,
        counts_at=now,
        received_at=now,
        payer="self",
        lines=tuple(
            SettledLine(month=month, programme=programme, amount=100, relief=0)
            for programme in ("jkk", "jkm")
        ),
    )
