"""What was sent is settled by the bank's word, its statement, or people: never by sending again."""

from datetime import timedelta

import pytest
from payment_service_tests.payout_bank import Killed
from payment_service_tests.payout_world import AT_NOON, NET, World, make_payouts
from sqlalchemy import text

from payment_service.payout_sending.service import INQUIRE
from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.jobs.queue import count_jobs
from perisai_kit.testing.plugin import BusinessTime

PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
SENT, RETURNED = TransferStatus.SENT, TransferStatus.RETURNED


@pytest.mark.parametrize(
    ("status", "became"),
    [
        ("00", PAID),
        ("01", UNKNOWN),
        ("02", UNKNOWN),
        ("03", UNKNOWN),
        ("04", RETURNED),
        ("05", FAILED),
        ("06", FAILED),
        ("07", UNKNOWN),
        ("4043601", UNKNOWN),
        ("99", UNKNOWN),
        ("5003600", UNKNOWN),
        ("4013601", UNKNOWN),
        ("lost", UNKNOWN),
        ("foreign", UNKNOWN),
    ],
)
async def test_an_inquiry_makes_of_an_unknown_transfer_what_the_table_says(
    world: World, status: str, became: TransferStatus
) -> None:
    """Each row of docs/snap.md 4.4, an answer about another transfer, and no answer."""
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script, world.bank.statuses = ["lost"], [status] * 2
    await world.send(id_)

    await world.ask(id_)

    transfer = await world.find(id_)
    assert transfer.status is became
    assert world.bank.transfers == 1
    assert "bank-statement" not in world.bank.calls
    assert (transfer.next_inquiry_at is not None) is (became is UNKNOWN)
    assert await world.count_paid() == (NET if became is PAID else 0)


async def test_inquiries_are_ordered_when_they_are_due_and_back_off(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script, world.bank.statuses = ["lost"], ["03"] * 9
    await world.send(id_)
    await world.execute("DELETE FROM pgqueuer")  # as after a failure that an operator removed

    async def count() -> int:
        async with world.database.read() as session:
            return (await count_jobs(session)).get((INQUIRE, "queued"), 0)

    async def is_due() -> bool:
        async with world.database.read() as session:
            return await world.settler.is_due(session)

    found = [await is_due()]
    await world.settler.order_due(world.database)
    early = await count()
    noon.at(AT_NOON + timedelta(seconds=30))
    found.append(await is_due())
    await world.settler.order_due(world.database)
    due = await count()

    pauses = []
    for _ in range(4):
        before = (await world.find(id_)).next_inquiry_at
        await world.ask(id_)
        after = (await world.find(id_)).next_inquiry_at
        assert before is not None
        assert after is not None
        pauses.append(after - before)

    assert (early, due) == (0, 1)
    assert found == [False, True]
    assert (await world.find(id_)).inquiries == 4
    assert pauses[1:] == sorted(pauses[1:])


async def test_the_first_inquiry_is_ordered_with_the_unclear_answer(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["lost"]

    await world.send(id_)

    async with world.database.read() as session:
        wait = await session.scalar(
            text("SELECT execute_after - now() FROM pgqueuer WHERE entrypoint = :name"),
            {"name": INQUIRE},
        )
    assert timedelta(seconds=5) <= wait <= timedelta(seconds=10)


async def test_what_is_sent_and_not_heard_of_again_is_asked_about(
    world: World, noon: BusinessTime
) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["killed"]
    with pytest.raises(Killed):
        await world.send(id_)

    noon.at(AT_NOON + timedelta(minutes=3))
    await world.settler.order_due(world.database)
    async with world.database.read() as session:
        counted = await count_jobs(session)
    await world.ask(id_)

    assert counted == {(INQUIRE, "queued"): 1}
    assert await world.status(id_) is PAID
    assert world.bank.transfers == 1


class TestNotFound:
    async def test_it_has_not_failed_before_the_window_of_the_bank(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["unheard"]
        await world.send(id_)

        await world.ask(id_)
        await world.age(id_, hours=23)
        await world.ask(id_)

        assert await world.status(id_) is UNKNOWN
        assert "bank-statement" not in world.bank.calls

    async def test_it_has_failed_after_it_where_the_statement_shows_no_debit(
        self, world: World
    ) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["unheard"]
        await world.send(id_)
        await world.age(id_, hours=25)

        await world.ask(id_)

        assert await world.status(id_) is FAILED
        assert world.bank.calls[-2:] == ["transfer/status", "bank-statement"]
        assert await world.list_events() == ["payout.failed.v1"]

    async def test_it_is_paid_where_the_statement_shows_the_debit(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script, world.bank.statuses = ["lost"], ["4043601"]
        await world.send(id_)
        await world.age(id_, hours=25)

        await world.ask(id_)

        assert await world.status(id_) is PAID
        assert await world.count_paid() == NET

    async def test_it_is_returned_where_the_statement_shows_the_money_coming_back(
        self, world: World
    ) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script, world.bank.statuses = ["lost"], ["07"]
        await world.send(id_)
        world.bank.give_back(world.bank.orders[0])
        await world.age(id_, hours=25)

        await world.ask(id_)

        assert await world.status(id_) is RETURNED
        assert await world.count_paid() == 0

    async def test_a_statement_that_fails_proves_nothing(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script, world.bank.has_statement = ["unheard"], False
        await world.send(id_)
        await world.age(id_, hours=25)

        await world.ask(id_)

        assert await world.status(id_) is UNKNOWN

    async def test_a_debit_of_the_amount_without_a_code_is_left_to_people(
        self, world: World
    ) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script, world.bank.statuses = ["lost"], ["4043601"]
        world.bank.remark = lambda _: "TRSF E-BANKING"
        await world.send(id_)
        await world.age(id_, hours=25)

        await world.ask(id_)

        assert await world.status(id_) is UNKNOWN

    async def test_a_debit_of_another_transfer_of_the_same_amount_is_not_its_own(
        self, world: World
    ) -> None:
        ids = await make_payouts(world.database, 2)
        world.bank.script = ["ok", "unheard"]
        for id_ in ids:
            await world.send(id_)
        for id_ in ids:
            await world.execute(
                "UPDATE payout_transfers SET request_timestamp = request_timestamp -"
                " interval '25 hours' WHERE id = :id",
                id=id_,
            )
        world.bank.orders[0].booked_at -= timedelta(hours=25)

        await world.ask(ids[1])

        assert [await world.status(id_) for id_ in ids] == [PAID, FAILED]


async def test_a_transfer_that_stays_pending_is_looked_for_in_the_statement(world: World) -> None:
    ids = await make_payouts(world.database, 2)
    world.bank.script = ["lost", "unheard"]
    for id_ in ids:
        await world.send(id_)
        await world.age(id_, hours=25)
    world.bank.statuses = ["03", "03"]

    for id_ in ids:
        await world.ask(id_)

    assert [await world.status(id_) for id_ in ids] == [PAID, UNKNOWN]


async def test_a_bank_that_can_tell_no_more_is_not_asked_for_ever(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["unheard"]
    await world.send(id_)
    await world.age(id_, days=32)

    await world.ask(id_)

    transfer = await world.find(id_)
    assert transfer.status is UNKNOWN
    assert transfer.next_inquiry_at is None
    assert world.bank.calls == ["transfer-intrabank"]


class TestReturns:
    async def test_money_that_comes_back_is_noticed_in_the_statement(self, world: World) -> None:
        ids = await make_payouts(world.database, 2)
        for id_ in ids:
            await world.send(id_)
        world.bank.give_back(world.bank.orders[0])

        await world.settler.watch(world.database)
        await world.settler.watch(world.database)

        assert [await world.status(id_) for id_ in ids] == [RETURNED, PAID]
        assert await world.count_paid() == NET
        assert (await world.list_events()).count("payout.returned.v1") == 1

    async def test_a_credit_without_a_code_lets_the_bank_be_asked(self, world: World) -> None:
        ids = await make_payouts(world.database, 2)
        world.bank.remark = lambda _: "KOREKSI"
        for id_ in ids:
            await world.send(id_)
        world.bank.give_back(world.bank.orders[0])

        await world.settler.watch(world.database)
        for id_ in ids:
            await world.ask(id_)

        assert [await world.status(id_) for id_ in ids] == [RETURNED, PAID]

    async def test_where_nothing_was_sent_no_statement_is_read(self, world: World) -> None:
        await make_payouts(world.database, 1)

        await world.settler.watch(world.database)

        assert "bank-statement" not in world.bank.calls

    async def test_a_refusal_that_the_statement_contradicts_is_paid_after_all(
        self, world: World
    ) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["+4031700"]
        await world.send(id_)
        refused = await world.status(id_)

        await world.settler.watch(world.database)

        assert (refused, await world.status(id_)) == (FAILED, PAID)
        assert await world.count_paid() == NET

    async def test_one_that_was_tried_again_meanwhile_is_left_to_people(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.script = ["+4031700", "ok"]
        await world.send(id_)
        payout_id = (await world.find(id_)).payout_id
        await world.execute(
            "UPDATE payouts SET status = 'paid', settled_at = now() WHERE id = :id", id=payout_id
        )

        await world.settler.watch(world.database)

        assert await world.status(id_) is FAILED
        assert (await world.last(payout_id)).id == id_

    async def test_an_answer_that_contradicts_what_is_settled_changes_nothing(
        self, world: World
    ) -> None:
        (id_,) = await make_payouts(world.database, 1)
        world.bank.statuses = ["06"]
        await world.send(id_)

        await world.ask(id_)

        assert await world.status(id_) is PAID
