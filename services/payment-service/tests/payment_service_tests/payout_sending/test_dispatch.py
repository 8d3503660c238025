"""What a round orders, whose account it is, and what shows in a log."""

import pytest
from payment_service_tests.payout_bank import HOLDER, Bank
from payment_service_tests.payout_world import (
    CORPORATE_ID,
    GROSS,
    NET,
    World,
    make_account,
    make_payout,
    make_payouts,
    make_run,
)

from payment_service.payout_sending import service
from payment_service.payout_sending.rules import NAME_MISMATCH, NameVerdict
from payment_service.payout_sending.sending import held_back_total
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.jobs.queue import count_jobs
from perisai_kit.testing.plugin import BusinessTime

PAID, FAILED, UNKNOWN = TransferStatus.PAID, TransferStatus.FAILED, TransferStatus.UNKNOWN
CREATED, SENT = TransferStatus.CREATED, TransferStatus.SENT


class TestDispatch:
    async def queued(self, world: World) -> int:
        async with world.database.read() as session:
            return (await count_jobs(session)).get((service.SEND, "queued"), 0)

    async def test_a_job_is_ordered_for_each_transfer_once(self, world: World) -> None:
        await make_payouts(world.database, 3)

        assert await world.sender.dispatch(world.database)
        assert not await world.sender.dispatch(world.database)

        assert await self.queued(world) == 3
        assert world.bank.calls == ["balance-inquiry", "balance-inquiry"]

    async def test_the_worker_looks_while_a_transfer_waits_at_an_active_account(
        self, world: World
    ) -> None:
        async def is_due() -> bool:
            async with world.database.read() as session:
                return await world.sender.is_due(session)

        found = [await is_due()]
        (id_,) = await make_payouts(world.database, 1)
        found.append(await is_due())
        await world.send(id_)

        assert found == [False, True]
        assert not await is_due()

    @pytest.mark.parametrize(("funds", "ordered"), [(None, 0), (NET - 1, 0), (2 * NET, 2)])
    async def test_no_more_is_ordered_than_there_are_funds(
        self, world: World, funds: int | None, ordered: int
    ) -> None:
        await make_payouts(world.database, 3)
        world.bank.funds = funds

        await world.sender.dispatch(world.database)

        assert await self.queued(world) == ordered

    async def test_what_is_in_flight_may_not_be_debited_yet(self, world: World) -> None:
        ids = await make_payouts(world.database, 3)
        world.bank.script = ["lost"]
        await world.send(ids[0])
        world.bank.funds = 2 * NET

        await world.sender.dispatch(world.database)

        assert await self.queued(world) == 1

    async def test_no_more_is_ordered_than_the_limit_of_a_day(self, world: World) -> None:
        await make_payouts(world.database, 3, daily_cap=2 * NET, transfer_max=NET)

        await world.sender.dispatch(world.database)

        assert await self.queued(world) == 2

    async def test_a_job_that_failed_for_good_waits_for_an_operator(self, world: World) -> None:
        await make_payouts(world.database, 1)
        await world.sender.dispatch(world.database)
        await world.execute("UPDATE pgqueuer SET status = 'failed'")

        assert not await world.sender.dispatch(world.database)

    async def test_a_transfer_too_large_for_the_funds_lets_smaller_ones_go(
        self, world: World
    ) -> None:
        async with world.database.begin() as session:
            account = await make_account(session)
            run = await make_run(session, account)
            await make_payout(session, account, run, gross=50 * GROSS)
            await make_payout(session, account, run)
        world.bank.funds = NET

        await world.sender.dispatch(world.database)

        assert await self.queued(world) == 1

    async def test_transfers_that_cannot_go_keep_none_behind_them_waiting(
        self, database: Database, settings: Settings, noon: BusinessTime
    ) -> None:
        two_a_round = settings.model_copy(update={"payout_send_batch": 2})
        world = World(database, Bank(funds=NET), two_a_round)
        async with world.database.begin() as session:
            account = await make_account(session)
            run = await make_run(session, account)
            for gross in (50 * GROSS, 50 * GROSS, 50 * GROSS, GROSS):
                await make_payout(session, account, run, gross=gross)

        rounds = [await world.sender.dispatch(database) for _ in range(4)]

        assert rounds == [False, True, False, False]
        assert await self.queued(world) == 1


class TestNameCheck:
    async def test_bca_is_asked_under_the_reference_of_the_transfer(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1, profile="bca")

        await world.send(id_)

        assert world.bank.calls == ["account-inquiry-internal", "transfer-intrabank"]
        assert await world.status(id_) is PAID
        async with world.database.read() as session:
            check = await service.find_name_check(session, id_)
        assert check is not None
        assert check.verdict is NameVerdict.MATCH

    async def test_bca_knows_us_by_the_corporate_id_of_the_account(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1, profile="bca")
        world.bank.script = ["lost"]

        await world.sender.dispatch(world.database)
        await world.send(id_)
        await world.ask(id_)
        await world.settler.watch(world.database)

        assert set(world.bank.calls) == {
            "balance-inquiry",
            "account-inquiry-internal",
            "transfer-intrabank",
            "transfer/status",
            "bank-statement",
        }
        assert set(world.bank.partner_ids) == {CORPORATE_ID}

    async def test_nothing_goes_to_a_bank_that_would_not_know_us(self, world: World) -> None:
        (id_,) = await make_payouts(world.database, 1, profile="bca", corporate_id=None)

        assert not await world.sender.dispatch(world.database)
        await world.send(id_)

        assert world.bank.calls == []
        assert await world.status(id_) is CREATED

    @pytest.mark.parametrize(
        ("name", "refusal", "verdict", "code"),
        [
            ("Budi Santoso", (404, "11"), NameVerdict.MISMATCH, NAME_MISMATCH),
            (None, (404, "11"), NameVerdict.NOT_FOUND, "4041511"),
            (None, (403, "18"), NameVerdict.NOT_FOUND, "4031518"),
        ],
    )
    async def test_another_holder_is_not_paid(
        self,
        world: World,
        name: str | None,
        refusal: tuple[int, str],
        verdict: NameVerdict,
        code: str,
    ) -> None:
        (id_,) = await make_payouts(world.database, 1, profile="bca")
        world.bank.name, world.bank.refusal = name, refusal

        await world.send(id_)

        transfer = await world.find(id_)
        assert (transfer.status, transfer.response_code) == (FAILED, code)
        assert transfer.sent_at is None
        assert world.bank.transfers == 0
        async with world.database.read() as session:
            check = await service.find_name_check(session, id_)
        assert check is not None
        assert check.verdict is verdict

    @pytest.mark.parametrize("refusal", [(403, "04"), (404, "02"), (500, "00")])
    async def test_a_holder_that_no_bank_tells_holds_a_transfer_back_and_is_counted(
        self, world: World, refusal: tuple[int, str]
    ) -> None:
        (id_,) = await make_payouts(world.database, 1, profile="bca")
        world.bank.name, world.bank.refusal = None, refusal
        before = held_back_total.labels("name_unknown")._value.get()

        await world.send(id_)

        assert await world.status(id_) is CREATED
        assert world.bank.transfers == 0
        assert held_back_total.labels("name_unknown")._value.get() == before + 1

    async def test_names_are_asked_at_other_banks_where_it_is_set(
        self, database: Database, settings: Settings, noon: BusinessTime
    ) -> None:
        careful = settings.model_copy(update={"payout_check_names": True})
        world = World(database, Bank(name=HOLDER.upper()), careful)
        (id_,) = await make_payouts(database, 1)

        await world.send(id_)

        assert world.bank.calls == ["account-inquiry-internal", "transfer-intrabank"]
        assert await world.status(id_) is PAID


async def test_bri_takes_ids_of_nine_digits_and_one_that_is_taken_is_drawn_anew(
    world: World,
) -> None:
    ids = await make_payouts(world.database, 2, profile="bri")

    for id_ in ids:
        await world.send(id_)

    external_ids = [(await world.find(id_)).external_id for id_ in ids]
    assert [len(str(each)) for each in external_ids] == [9, 9]
    assert len(set(external_ids)) == 2


async def test_no_person_and_no_account_number_shows_in_what_is_logged(world: World) -> None:
    (id_,) = await make_payouts(world.database, 1)

    async with world.database.read() as session:
        attempt = await service.find_attempt(session, id_)

    assert attempt is not None
    assert HOLDER not in repr(attempt)
    assert "1234567890" not in repr(attempt)
    assert "8880001112" not in repr(attempt)
