"""A bank gives a payout back whenever it likes: by its statement, or on paper to two officers."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from payment_service_tests.payout_bank import Bank
from payment_service_tests.payout_world import AT_NOON, NET, World, make_payouts
from sqlalchemy import text

from payment_service.payout_settlement import queries, service
from payment_service.payout_settlement.models import SettlementProposal
from payment_service.payout_settlement.rules import (
    PayoutNotUnknown,
    SettlementOutcome,
    SettlementProposalOpen,
    SettlementVerdict,
)
from payment_service.payout_transfers.rules import ExecutionDayImpossible, TransferStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plans import list_whole_reads
from perisai_kit.testing.plugin import BusinessTime, Urls

PAID, RETURNED = TransferStatus.PAID, TransferStatus.RETURNED
MONTH_LATER = AT_NOON + timedelta(days=31)


async def pay(world: World, count: int = 1) -> list[UUID]:
    """Send payouts that the bank executes; return their transfers."""
    ids = list(await make_payouts(world.database, count))
    for id_ in ids:
        await world.send(id_)
    return ids


async def wait(world: World, noon: BusinessTime, *, days: int) -> None:
    """Let days pass since everything was sent, for us and for the bank."""
    noon.at(AT_NOON + timedelta(days=days))
    for order in world.bank.orders:
        order.booked_at -= timedelta(days=days)
    await world.execute(
        "UPDATE payout_transfers SET request_timestamp = request_timestamp -"
        " make_interval(days => :days)",
        days=days,
    )


async def propose(
    world: World,
    transfer_id: UUID,
    outcome: SettlementOutcome = SettlementOutcome.RETURNED,
    on: date | None = None,
) -> SettlementProposal:
    payout_id = (await world.find(transfer_id)).payout_id
    async with world.database.begin() as session:
        return await service.propose(
            session,
            payout_id,
            outcome=outcome,
            executed_on=on or clock.today(),
            evidence="Letter of the bank, number 118.",
            by=new_id(),
            settings=world.settings,
        )


async def approve(world: World, proposal: SettlementProposal) -> None:
    async with world.database.begin() as session:
        await service.decide(
            session,
            proposal.payout_id,
            proposal.id,
            verdict=SettlementVerdict.APPROVED,
            by=new_id(),
        )


async def list_returns(world: World) -> list[tuple[str, date]]:
    """Return what is booked of returns: the code and the day."""
    async with world.database.read() as session:
        rows = await session.execute(
            text(
                "SELECT code, business_on FROM ledger_transfers"
                " WHERE code IN ('incentive_returned', 'tax_released') ORDER BY code"
            )
        )
        return [(code, day) for code, day in rows]


@pytest.mark.parametrize("days", [8, 31, 400])
async def test_a_credit_with_our_code_is_matched_however_old_the_payout_is(
    world: World, noon: BusinessTime, days: int
) -> None:
    one, other = await pay(world, 2)
    await wait(world, noon, days=days)
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=days))

    for _ in range(2):
        await world.settler.watch(world.database)

    back_on = (AT_NOON + timedelta(days=days)).date()
    assert (await world.status(one), await world.status(other)) == (RETURNED, PAID)
    assert await list_returns(world) == [("incentive_returned", back_on), ("tax_released", back_on)]
    assert await world.count_paid() == NET
    assert (await world.list_events()).count("payout.returned.v1") == 1


async def test_a_return_of_what_nobody_knew_paid_is_matched_too(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["lost"]
    await world.send(id_)
    await wait(world, noon, days=20)
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=20))

    await world.settler.watch(world.database)

    assert await world.status(id_) is RETURNED
    assert await world.count_paid() == 0


async def test_a_credit_before_the_days_that_are_read_is_left_to_officers(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await pay(world)
    await wait(world, noon, days=31)
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=20))

    await world.settler.watch(world.database)

    assert await world.status(id_) is PAID


async def test_two_officers_settle_a_paid_payout_as_returned(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await pay(world)
    noon.at(MONTH_LATER)

    proposal = await propose(world, id_)
    proposed = await world.status(id_)
    await approve(world, proposal)

    day = MONTH_LATER.date()
    assert (proposed, await world.status(id_)) == (PAID, RETURNED)
    assert await list_returns(world) == [("incentive_returned", day), ("tax_released", day)]
    assert await world.count_paid() == 0
    assert world.bank.transfers == 1
    assert await world.list_events() == ["payout.paid.v1", "payout.returned.v1"]


@pytest.mark.parametrize("outcome", [SettlementOutcome.PAID, SettlementOutcome.FAILED])
async def test_a_paid_payout_can_only_be_settled_as_returned(
    world: World, outcome: SettlementOutcome
) -> None:
    (id_,) = await pay(world)

    with pytest.raises(PayoutNotUnknown):
        await propose(world, id_, outcome)


async def test_it_cannot_have_come_back_before_it_was_paid(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await pay(world)
    noon.at(MONTH_LATER)

    with pytest.raises(ExecutionDayImpossible) as refused:
        await propose(world, id_, on=AT_NOON.date() - timedelta(days=1))

    assert refused.value.details["first"] == AT_NOON.date().isoformat()


async def test_officers_settle_a_return_once(world: World, noon: BusinessTime) -> None:
    (id_,) = await pay(world)
    noon.at(MONTH_LATER)
    proposal = await propose(world, id_)
    with pytest.raises(SettlementProposalOpen):
        await propose(world, id_)
    await approve(world, proposal)

    with pytest.raises(PayoutNotUnknown):
        await propose(world, id_)

    assert await world.count_paid() == 0


async def test_what_the_bank_says_after_a_proposal_comes_before_it(
    world: World, noon: BusinessTime
) -> None:
    """The evidence was of a payout of unknown outcome; the bank answers that it has paid."""
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["lost"]
    await world.send(id_)
    noon.at(AT_NOON + timedelta(days=4))
    proposal = await propose(world, id_)
    noon.at(AT_NOON + timedelta(days=5))
    await world.ask(id_)

    with pytest.raises(PayoutNotUnknown):
        await approve(world, proposal)

    assert await world.status(id_) is PAID


async def test_codes_and_amounts_are_found_by_an_index(world: World) -> None:
    (id_,) = await pay(world)
    sent = await world.find(id_)
    account_id = sent.payout_account_id

    async with world.database.read() as session:
        by_code = queries.list_by_code(session, account_id, [sent.remark_code, "A" * 10])
        whole = await list_whole_reads(session, by_code)
        last = queries.find_last_sent(session, account_id)
        whole |= await list_whole_reads(session, last)
        long_ago = clock.now() - timedelta(days=31)
        paid = queries.list_paid_of(session, account_id, [NET], since=long_ago)
        whole |= await list_whole_reads(session, paid)

    assert whole == set()


@pytest.mark.race
async def test_a_statement_and_two_officers_at_once_book_one_return(
    own_database: Callable[[str], Urls], keyring: Keyring, settings: Settings, noon: BusinessTime
) -> None:
    database = Database(own_database("payment").app, keyring=keyring)
    world = World(database, Bank(), settings)
    (id_,) = await pay(world)
    await wait(world, noon, days=31)
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=31))
    proposal = await propose(world, id_)

    found = await asyncio.gather(
        world.settler.watch(database), approve(world, proposal), return_exceptions=True
    )

    refused = [type(each) for each in found if each is not None]
    status, booked = await world.status(id_), await list_returns(world)
    events = await world.list_events()
    await database.dispose()
    assert refused in ([], [PayoutNotUnknown])
    assert (status, len(booked)) == (RETURNED, 2)
    assert events.count("payout.returned.v1") == 1
