"""What a payout to a wadah publishes: an event for each of its agents."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    know,
    list_transfers,
    send,
)
from payment_service_tests.village import Village
from sqlalchemy import event as database_events
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import Report, TransferSource
from payment_service.payouts import service as payouts
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.events.catalogue import PayoutPaidForAgent, PayoutReturnedForAgent
from perisai_kit.events.envelope import Event
from perisai_kit.testing.feeds import list_published

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Pay = Callable[..., Awaitable[PayoutTransfer]]


async def list_parts(session: AsyncSession) -> list[Event]:
    """Return the events for agents, in their order."""
    kinds = (PayoutPaidForAgent, PayoutReturnedForAgent)
    return [each for each in await list_published(session) if isinstance(each, kinds)]


@pytest.fixture
async def agents(session: AsyncSession, book: PayeeBook, earn: Earn) -> list[Village]:
    """Two agents of one wadah, which is paid for both: 16,560 of November, 414 of it tax."""
    wadah_id = new_id()
    villages = [Village(wadah_id=wadah_id) for _ in range(2)]
    await know(session, book, *villages, pays=PaymentMethod.WADAH)
    await earn(3, 3, villages=villages)
    return villages


@pytest.fixture
def dispatch(session: AsyncSession, office: Office, account: PayoutAccount) -> Pay:
    """Send the one payout of a run to the bank: `await dispatch(through)`."""

    async def dispatch(through: Month = NOVEMBER) -> PayoutTransfer:
        run_id = await office.prepare(account.id, through)
        await office.release(run_id)
        (transfer,) = await list_transfers(session, run_id)
        await send(session, transfer.id)
        return transfer

    return dispatch


def part(cls: Callable[..., Event], payout_id: UUID, agent: Village, **more: Any) -> Event:
    values = {
        "payout_id": payout_id,
        "agent_id": agent.agent_id,
        "wadah_id": agent.wadah_id,
        "month": NOVEMBER,
        "amount": 16_146,
    }
    return cls(**{**values, **more})


def by_agent(agents: Sequence[Village]) -> list[Village]:
    return sorted(agents, key=lambda each: each.agent_id)


async def test_a_payment_to_a_wadah_has_one_event_for_each_agent(
    session: AsyncSession, agents: list[Village], dispatch: Pay, faults: Faults
) -> None:
    transfer = await dispatch()
    before = await list_parts(session)

    await payouts.mark_paid(session, transfer.id, BY_BANK)
    await payouts.mark_paid(session, transfer.id, BY_BANK)

    assert before == []
    assert await list_parts(session) == [
        part(PayoutPaidForAgent, transfer.payout_id, each) for each in by_agent(agents)
    ]
    assert await faults(session) == []


async def test_the_months_of_an_agent_are_one_part_up_to_the_last_of_them(
    session: AsyncSession, agents: list[Village], earn: Earn, dispatch: Pay, faults: Faults
) -> None:
    first, second = agents
    await earn(3, villages=[first], month=DECEMBER)

    transfer = await dispatch(DECEMBER)
    await payouts.mark_paid(session, transfer.id, BY_BANK)

    parts = {each.subject: each for each in await list_parts(session)}
    twice = part(PayoutPaidForAgent, transfer.payout_id, first, month=DECEMBER, amount=32_292)
    assert parts[str(first.agent_id)] == twice
    assert parts[str(second.agent_id)] == part(PayoutPaidForAgent, transfer.payout_id, second)
    assert await faults(session) == []


async def test_what_came_back_has_one_more_event_for_each_agent(
    session: AsyncSession, agents: list[Village], dispatch: Pay, faults: Faults
) -> None:
    transfer = await dispatch()
    await payouts.mark_paid(session, transfer.id, BY_BANK)

    for _ in range(2):
        await payouts.mark_returned(session, transfer.id, REFUSED)

    assert await list_parts(session) == [
        part(cls, transfer.payout_id, each)
        for cls in (PayoutPaidForAgent, PayoutReturnedForAgent)
        for each in by_agent(agents)
    ]
    assert await faults(session) == []


async def test_what_was_never_known_to_be_paid_is_published_as_returned_alone(
    session: AsyncSession, agents: list[Village], earn: Earn, dispatch: Pay, faults: Faults
) -> None:
    paid = await dispatch()
    await payouts.mark_paid(session, paid.id, BY_BANK)
    before = await list_parts(session)
    await earn(3, 3, villages=agents, month=DECEMBER)
    transfer = await dispatch(DECEMBER)
    lost = Report(TransferSource.WORKER)
    await payouts.mark_unknown(session, transfer.id, lost, next_inquiry_at=clock.now())

    await payouts.mark_returned(session, transfer.id, REFUSED)

    assert (await list_parts(session))[len(before) :] == [
        part(PayoutReturnedForAgent, transfer.payout_id, each, month=DECEMBER)
        for each in by_agent(agents)
    ]
    assert await faults(session) == []


async def test_a_part_that_is_all_tax_has_no_event(
    session: AsyncSession, agents: list[Village], dispatch: Pay
) -> None:
    first, second = agents
    transfer = await dispatch()
    await session.execute(
        text("UPDATE payout_items SET tax = gross WHERE beneficiary_id = :id"),
        {"id": first.agent_id},
    )

    await payouts.mark_paid(session, transfer.id, BY_BANK)

    assert [each.subject for each in await list_parts(session)] == [str(second.agent_id)]


async def test_an_agent_who_is_paid_directly_has_the_event_of_their_own_payout_alone(
    session: AsyncSession, village: Village, run_id: UUID
) -> None:
    for each in await list_transfers(session, run_id):
        await send(session, each.id)
        await payouts.mark_paid(session, each.id, BY_BANK)

    types = [each.type for each in await list_published(session) if each.type[:6] == "payout"]
    assert types == ["payout.paid.v1"] * 2  # the wadah's own has no agent in it


async def test_the_events_of_all_agents_are_one_statement_of_sql(
    session: AsyncSession, agents: list[Village], dispatch: Pay
) -> None:
    transfer = await dispatch()
    executed: list[str] = []
    connection = (await session.connection()).sync_connection

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        executed.append(statement)

    database_events.listen(connection, "before_cursor_execute", record)
    await payouts.mark_paid(session, transfer.id, BY_BANK)
    database_events.remove(connection, "before_cursor_execute", record)

    published = [each for each in executed if each.startswith("INSERT INTO events")]
    assert len(await list_parts(session)) == len(agents) == 2
    assert len([each for each in published if "payout_items" in each]) == 1


async def test_a_part_that_is_published_twice_is_a_fault(
    session: AsyncSession, agents: list[Village], dispatch: Pay, faults: Faults
) -> None:
    transfer = await dispatch()
    await payouts.mark_paid(session, transfer.id, BY_BANK)
    await payouts.mark_returned(session, transfer.id, REFUSED)
    kept = await faults(session)

    await session.execute(
        text(
            "INSERT INTO events (id, type, subject, data, occurred_at)"
            " SELECT uuidv7(), type, subject, data, occurred_at FROM events"
            " WHERE type LIKE 'payout.%_for_agent.v1' AND subject = :id"
        ),
        {"id": str(agents[0].agent_id)},
    )

    assert kept == []
    assert sorted(await faults(session)) == [
        "1 agents' parts of paid payouts that were not published once",
        "1 agents' parts of returned payouts that were not published once",
    ]
