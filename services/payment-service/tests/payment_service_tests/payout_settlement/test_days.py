"""A payout that is settled late is booked and taxed on the day of the bank."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from payment_service_tests.payout_world import World, make_payouts
from sqlalchemy import text

from payment_service.payout_settlement import service
from payment_service.payout_settlement.asking import LATEST_INQUIRY
from payment_service.payout_settlement.rules import SettlementOutcome, SettlementVerdict
from payment_service.payout_transfers import queries as transfer_queries
from payment_service.payout_transfers.rules import (
    ExecutionDayImpossible,
    ExecutionDayMissing,
    TransferStatus,
)
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.testing.plugin import BusinessTime

LEARNT = datetime(2027, 1, 3, 12, tzinfo=JAKARTA)
SENT_ON, NEXT, LEARNT_ON = date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 3)
PAID, RETURNED = TransferStatus.PAID, TransferStatus.RETURNED


@pytest.fixture
async def lost(world: World, noon: BusinessTime) -> UUID:
    """A transfer of 31 December that the bank executed at once; now it is 3 January."""
    noon.at(LEARNT)
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["lost"]
    await world.send(id_)
    await world.age(id_, days=3)
    return id_


async def list_days(world: World, id_: UUID) -> list[tuple[str, date | None, date | None]]:
    """Return each status that moved money, with the day it is booked on and the one stated."""
    payout_id = (await world.find(id_)).payout_id
    async with world.database.read() as session:
        changes = await transfer_queries.list_changes(session, payout_id)
    moved = [each for each in changes if each.status in (PAID, RETURNED)]
    return [(each.status.value, each.executed_on, each.stated_on) for each in moved]


async def list_booked(world: World) -> list[tuple[str, date]]:
    async with world.database.read() as session:
        found = await session.execute(
            text("SELECT code, business_on FROM ledger_transfers ORDER BY id")
        )
        return [(code, day) for code, day in found]


async def list_taxed(world: World) -> list[tuple[str, str, date]]:
    async with world.database.read() as session:
        found = await session.execute(
            text("SELECT cause, month, paid_on FROM withholdings ORDER BY id")
        )
        return [(cause, str(month), day) for cause, month, day in found]


def move(world: World, days: int) -> None:
    """Let the bank have executed the transfer so many days after it was sent."""
    world.bank.orders[0].booked_at += timedelta(days=days)


async def ask_often(world: World, transfer_id: UUID) -> None:
    """Ask about a transfer for the last time at which its day may still be found."""
    await world.execute(
        "UPDATE payout_transfers SET inquiries = :count WHERE id = :id",
        count=LATEST_INQUIRY,
        id=transfer_id,
    )
    await world.ask(transfer_id)


async def test_a_payout_of_december_that_is_learnt_in_january_is_taxed_in_december(
    world: World, lost: UUID
) -> None:
    world.bank.statuses = ["00"]

    await world.ask(lost)

    assert await list_days(world, lost) == [("paid", SENT_ON, SENT_ON)]
    assert await list_booked(world) == [("incentive_paid", SENT_ON), ("tax_withheld", SENT_ON)]
    assert await list_taxed(world) == [("paid", "2026-12", SENT_ON)]


async def test_an_inquiry_follows_the_day_of_the_statement(world: World, lost: UUID) -> None:
    world.bank.statuses = ["00"]
    move(world, 1)

    await world.ask(lost)

    assert await list_days(world, lost) == [("paid", NEXT, NEXT)]
    assert await list_taxed(world) == [("paid", "2027-01", NEXT)]


async def test_a_statement_that_cannot_be_read_just_now_is_read_later(
    world: World, lost: UUID
) -> None:
    world.bank.statuses, world.bank.has_statement = ["00", "00"], False
    move(world, 1)

    await world.ask(lost)
    early = await list_days(world, lost)
    world.bank.has_statement = True
    await world.ask(lost)

    assert early == []
    assert await list_days(world, lost) == [("paid", NEXT, NEXT)]


async def test_the_day_that_the_bank_states_counts_where_no_statement_is_to_be_had(
    world: World, lost: UUID
) -> None:
    world.bank.statuses, world.bank.has_statement = ["00"], False
    world.bank.states_day = True
    move(world, 1)

    await world.ask(lost)

    assert await list_days(world, lost) == [("paid", NEXT, NEXT)]


async def test_the_day_of_the_answer_itself_says_nothing(world: World, lost: UUID) -> None:
    world.bank.statuses, world.bank.has_statement = ["00", "00"], False
    world.bank.states_day = True
    move(world, 3)

    await world.ask(lost)
    early = await list_days(world, lost)
    await ask_often(world, lost)

    assert early == []
    assert await list_days(world, lost) == [("paid", SENT_ON, None)]


async def test_a_bank_that_states_no_day_paid_on_the_day_it_was_asked_to(
    world: World, lost: UUID
) -> None:
    world.bank.statuses, world.bank.has_statement = ["00", "00"], False

    await world.ask(lost)
    early = await list_days(world, lost)
    await ask_often(world, lost)

    assert early == []
    assert await list_days(world, lost) == [("paid", SENT_ON, None)]


@pytest.mark.parametrize(("days", "booked_on"), [(-9, SENT_ON), (9, LEARNT_ON)])
async def test_a_day_that_cannot_be_is_kept_and_does_not_count(
    world: World, lost: UUID, days: int, booked_on: date
) -> None:
    world.bank.statuses, world.bank.has_statement = ["00"], False
    world.bank.states_day = True
    move(world, days)

    await world.ask(lost)

    stated_on = SENT_ON + timedelta(days=days)
    assert await list_days(world, lost) == [("paid", booked_on, stated_on)]


async def test_the_answer_to_the_transfer_itself_has_the_day_of_the_request(
    world: World, noon: BusinessTime
) -> None:
    noon.at(LEARNT)
    (id_,) = await make_payouts(world.database, 1)

    await world.send(id_)

    assert await list_days(world, id_) == [("paid", LEARNT_ON, None)]
    assert world.bank.calls == ["transfer-intrabank"]


async def test_a_statement_settles_on_the_day_of_its_row(world: World, lost: UUID) -> None:
    world.bank.statuses = ["4043601"]
    move(world, 1)

    await world.ask(lost)

    assert await list_days(world, lost) == [("paid", NEXT, NEXT)]


async def test_money_that_came_back_is_booked_on_its_day_in_the_month_of_the_payment(
    world: World, lost: UUID
) -> None:
    world.bank.statuses = ["00"]
    await world.ask(lost)
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=2))

    await world.settler.watch(world.database)

    day = date(2027, 1, 2)
    assert await list_days(world, lost) == [("paid", SENT_ON, SENT_ON), ("returned", day, day)]
    assert (await list_booked(world))[2:] == [("incentive_returned", day), ("tax_released", day)]
    assert await list_taxed(world) == [
        ("paid", "2026-12", SENT_ON),
        ("returned", "2026-12", day),
    ]


async def test_a_return_that_the_bank_reports_has_the_day_of_its_credit(
    world: World, lost: UUID
) -> None:
    world.bank.give_back(world.bank.orders[0], after=timedelta(days=1))

    await world.ask(lost)

    assert await list_days(world, lost) == [("returned", NEXT, NEXT)]
    assert await list_booked(world) == [
        ("incentive_paid", SENT_ON),
        ("tax_withheld", SENT_ON),
        ("incentive_returned", NEXT),
        ("tax_released", NEXT),
    ]


async def test_a_return_of_which_no_day_is_known_is_booked_when_it_is_learnt(
    world: World, lost: UUID
) -> None:
    world.bank.statuses, world.bank.has_statement = ["04", "04"], False
    world.bank.states_day = True  # of the transfer, so not of the return

    await world.ask(lost)
    early = await list_days(world, lost)
    await ask_often(world, lost)

    assert early == []
    assert await list_days(world, lost) == [("returned", LEARNT_ON, None)]


async def test_a_refusal_that_the_statement_contradicts_is_paid_on_the_day_of_its_row(
    world: World, noon: BusinessTime
) -> None:
    noon.at(LEARNT)
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["+4031700"]
    await world.send(id_)
    await world.age(id_, days=3)

    await world.settler.watch(world.database)

    assert await list_days(world, id_) == [("paid", SENT_ON, SENT_ON)]


async def settle(world: World, id_: UUID, outcome: SettlementOutcome, day: date | None) -> None:
    """Let two officers settle a transfer."""
    payout_id = (await world.find(id_)).payout_id
    async with world.database.begin() as session:
        made = await service.propose(
            session,
            payout_id,
            outcome=outcome,
            executed_on=day,
            evidence="Surat bank nomor 118.",
            by=new_id(),
            settings=world.settings,
        )
        await service.decide(
            session, payout_id, made.id, verdict=SettlementVerdict.APPROVED, by=new_id()
        )


@pytest.mark.parametrize(
    ("outcome", "days"),
    [
        (SettlementOutcome.PAID, [("paid", NEXT, NEXT)]),
        (SettlementOutcome.RETURNED, [("returned", NEXT, NEXT)]),
    ],
)
async def test_officers_settle_on_the_day_that_they_give(
    world: World, lost: UUID, outcome: SettlementOutcome, days: list[tuple[str, date, date]]
) -> None:
    await settle(world, lost, outcome, NEXT)

    assert await list_days(world, lost) == days


async def test_officers_must_give_a_day_that_can_be(world: World, lost: UUID) -> None:
    with pytest.raises(ExecutionDayMissing):
        await settle(world, lost, SettlementOutcome.PAID, None)
    for day in (SENT_ON - timedelta(days=1), clock.today() + timedelta(days=1)):
        with pytest.raises(ExecutionDayImpossible):
            await settle(world, lost, SettlementOutcome.PAID, day)

    assert await world.status(lost) is not PAID
