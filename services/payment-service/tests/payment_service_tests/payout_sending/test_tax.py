"""What is due of a tax is looked at once more before a remittance goes to the bank."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from payment_service_tests.payout_world import World, make_account, make_payout, make_run
from sqlalchemy import select

from payment_service.payout_releases import service as payout_releases
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import RunVerdict
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import Report, TransferSource
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.tax_remittances import service as remittances
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = Month.parse("2026-11")
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=JAKARTA)
BACK = Report(TransferSource.BANK_STATEMENT)


async def pay_agents(world: World) -> tuple[UUID, list[UUID]]:
    """Pay two agents in November, with 25,000 of tax each; return our account and the transfers."""
    async with world.database.begin() as session:
        account = await make_account(session)
        run = await make_run(session, account)
        ids = [await make_payout(session, account, run) for _ in range(2)]
    for id_ in ids:
        await world.send(id_)
    return account.id, ids


async def propose(world: World, account_id: UUID) -> Payout:
    account: dict[str, Any] = {"treasury_bank_code": "009", "treasury_account_no": "5010000000"}
    async with world.database.begin() as session:
        proposed = await remittances.propose(
            session,
            kind=TaxKind.PPH21,
            month=NOVEMBER,
            billing_code="123456789012345",
            payout_account_id=account_id,
            by=new_id(),
            settings=world.settings.model_copy(update=account),
        )
    return proposed.payout


async def release(world: World, payout: Payout) -> UUID:
    """Approve and release a remittance, and let the worker check it; return its attempt."""
    async with world.database.begin() as session:
        await runs.decide(session, payout.run_id, verdict=RunVerdict.APPROVED, by=new_id())
        await runs.release(session, payout.run_id, by=new_id())
    async with world.database.begin() as session:
        batch = await payout_releases.find_batch(session, payout.run_id, size=9)
        assert batch is not None
        await payout_releases.check(session, batch, {})
        chosen = select(PayoutTransfer.id).where(PayoutTransfer.payout_id == payout.id)
        return (await session.scalars(chosen)).one()


async def find(world: World, payout: Payout) -> Payout:
    async with world.database.read() as session:
        return await session.get_one(Payout, payout.id, populate_existing=True)


async def test_tax_is_remitted_through_the_bank(world: World, noon: BusinessTime) -> None:
    account_id, _ = await pay_agents(world)
    noon.at(IN_DECEMBER)
    payout = await propose(world, account_id)

    await world.send(await release(world, payout))

    assert (await find(world, payout)).status == "paid"
    assert world.bank.executed[-1].amount == {"value": "50000.00", "currency": "IDR"}
    async with world.database.read() as session:
        assert await taxes.list_open(session) == []


async def test_what_is_not_due_any_more_is_withdrawn_instead_of_sent(
    world: World, noon: BusinessTime
) -> None:
    account_id, (returned, _) = await pay_agents(world)
    noon.at(IN_DECEMBER)
    payout = await propose(world, account_id)
    attempt = await release(world, payout)
    async with world.database.begin() as session:
        await payouts.mark_returned(session, returned, BACK)

    await world.send(attempt)
    await world.send(attempt)
    rest = await propose(world, account_id)

    found = await find(world, payout)
    assert (found.status, found.withdrawn_reason) == ("failed", "tax_changed")
    assert world.bank.transfers == 2
    assert rest.amount == 25_000
    await world.send(await release(world, rest))
    async with world.database.read() as session:
        assert await taxes.list_open(session) == []


async def test_tax_that_comes_back_a_month_later_is_due_again(
    world: World, noon: BusinessTime
) -> None:
    account_id, _ = await pay_agents(world)
    noon.at(IN_DECEMBER)
    payout = await propose(world, account_id)
    attempt = await release(world, payout)
    await world.send(attempt)
    noon.at(IN_DECEMBER + timedelta(days=31))
    await world.age(attempt, days=31)
    order = world.bank.executed[-1]
    world.bank.give_back(order, after=timedelta(days=31))
    world.bank.remark = lambda _: str(order.body["customerReference"])

    await world.settler.watch(world.database)

    assert (await find(world, payout)).status == "returned"
    async with world.database.read() as session:
        assert [each.due for each in await taxes.list_open(session)] == [50_000]
