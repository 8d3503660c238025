"""What two people approved is checked once more before anything is sent."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    dismiss,
    list_transfers,
    pay,
    send,
)
from payment_service_tests.village import Village
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutsStopped, ResumptionVerdict
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.rules import (
    OwnPayoutRun,
    PayoutMonthUnproven,
    PayoutRunEmpty,
    PayoutRunStatusConflict,
    RunStatus,
    RunVerdict,
)
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.verifications import service as verifications
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

NOVEMBER = Month(2025, 11)
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
TransferOf = Callable[[Village], Awaitable[PayoutTransfer]]


async def withdrawn(session: AsyncSession) -> dict[object, str | None]:
    found = await session.scalars(select(Payout).execution_options(populate_existing=True))
    return {each.payee_id: each.withdrawn_reason for each in found}


async def test_released_payouts_get_one_attempt_each_with_references_of_their_own(
    session: AsyncSession, office: Office, account: PayoutAccount, earn: Earn, book: PayeeBook
) -> None:
    villages = await earn(3, 3, 3)
    book.add(villages[0].agent_id, bank_code="014")
    run_id = await office.prepare(account.id, NOVEMBER)
    before = await list_transfers(session, run_id)

    await office.release(run_id)
    await office.work()

    found = await list_transfers(session, run_id)
    assert before == []
    assert len(found) == 6
    assert {each.attempt for each in found} == {1}
    assert len({each.partner_reference_no for each in found}) == 6
    assert len({each.remark_code for each in found}) == 6
    assert sorted(each.service_code for each in found) == ["17", *["18"] * 5]
    assert (await office.find(run_id)).begun_sending_at is not None


async def test_a_hold_opened_meanwhile_takes_the_payout_out(
    session: AsyncSession, office: Office, account: PayoutAccount, earner: Village, faults: Faults
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.approve(run_id)
    await dismiss(session, earner.agent_id)

    await runs.release(session, run_id, by=new_id())
    await office.work()

    assert await withdrawn(session) == {earner.agent_id: "held", earner.wadah_id: None}
    assert len(await list_transfers(session, run_id)) == 1
    assert await faults(session) == []


async def test_a_hold_opened_after_the_release_takes_out_what_was_not_sent(
    session: AsyncSession, office: Office, account: PayoutAccount, earn: Earn, faults: Faults
) -> None:
    (village,) = await earn(3, pays=PaymentMethod.WADAH)
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)

    await dismiss(session, village.agent_id)

    assert await withdrawn(session) == {village.wadah_id: "held"}
    (transfer,) = await list_transfers(session, run_id)
    assert transfer.status.value == "failed"
    assert await faults(session) == []


async def test_what_is_paid_already_is_not_held(
    session: AsyncSession, village: Village, run_id: UUID, faults: Faults
) -> None:
    await pay(session, run_id)

    await dismiss(session, village.agent_id)

    assert await withdrawn(session) == {village.agent_id: None, village.wadah_id: None}
    assert await faults(session) == []


@pytest.mark.parametrize(("days", "reason"), [(None, "account_changed"), (2, "account_frozen")])
async def test_an_account_that_was_replaced_or_frozen_takes_the_payout_out(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earner: Village,
    book: PayeeBook,
    days: int | None,
    reason: str,
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    if days is None:
        book.add(earner.agent_id)
    else:
        until = clock.now() + timedelta(days=days)
        book.known[earner.agent_id]["account"]["payouts_frozen_until"] = until.isoformat()

    await office.release(run_id)

    assert await withdrawn(session) == {earner.agent_id: reason, earner.wadah_id: None}


@pytest.mark.usefixtures("earner")
async def test_a_rejected_run_frees_its_statements(
    session: AsyncSession, office: Office, account: PayoutAccount, faults: Faults
) -> None:
    first = await office.prepare(account.id, NOVEMBER)
    await office.approve(first)

    await runs.decide(session, first, verdict=RunVerdict.REJECTED, by=new_id())
    second = await office.find(await office.prepare(account.id, NOVEMBER))

    assert (await office.find(first)).status is RunStatus.REJECTED
    assert second.figures is not None
    assert second.figures["payout_count"] == 2
    assert await faults(session) == []


@pytest.mark.usefixtures("earner")
async def test_one_s_own_run_is_neither_approved_nor_released(
    session: AsyncSession, office: Office, account: PayoutAccount
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    proposer = (await office.find(run_id)).proposed_by

    with pytest.raises(OwnPayoutRun):
        await runs.decide(session, run_id, verdict=RunVerdict.APPROVED, by=proposer)
    await office.approve(run_id)
    with pytest.raises(OwnPayoutRun):
        await runs.release(session, run_id, by=proposer)
    with pytest.raises(PayoutRunStatusConflict):
        await runs.decide(session, run_id, verdict=RunVerdict.APPROVED, by=new_id())

    assert (await office.find(run_id)).status is RunStatus.APPROVED


@pytest.mark.usefixtures("earner")
async def test_a_run_that_pays_nobody_can_only_be_rejected(
    session: AsyncSession, office: Office, account: PayoutAccount, book: PayeeBook
) -> None:
    book.known.clear()
    run_id = await office.prepare(account.id, NOVEMBER)

    with pytest.raises(PayoutRunEmpty):
        await office.approve(run_id)
    rejected = await runs.decide(session, run_id, verdict=RunVerdict.REJECTED, by=new_id())

    assert rejected.status is RunStatus.REJECTED


@pytest.mark.usefixtures("earner")
async def test_a_stop_holds_back_what_is_released_until_two_people_resume(
    session: AsyncSession, office: Office, account: PayoutAccount
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.approve(run_id)
    await runs.release(session, run_id, by=new_id())
    await payout_accounts.stop(session, reason="saldo salah", by=new_id())
    await office.work()
    stopped = await office.find(run_id)
    seen = (stopped.failure_code, await list_transfers(session, run_id))

    with pytest.raises(PayoutsStopped):
        await runs.propose(
            session, through_month=NOVEMBER, payout_account_id=account.id, by=new_id()
        )
    await payout_accounts.propose_resumption(session, by=new_id())
    confirmed = ResumptionVerdict.CONFIRMED
    await payout_accounts.decide_resumption(session, verdict=confirmed, by=new_id())
    await office.work()

    assert seen == ("payouts_stopped", [])
    assert len(await list_transfers(session, run_id)) == 2


@pytest.mark.parametrize("step", ["proposal", "approval", "release"])
async def test_a_month_that_differs_is_not_paid(
    session: AsyncSession, office: Office, account: PayoutAccount, earner: Village, step: str
) -> None:
    run_id = await office.prepare(account.id, NOVEMBER)
    if step == "release":
        await office.approve(run_id)
    await session.execute(
        text("UPDATE coverage_answers SET months = '[]' WHERE agent_id = :agent_id"),
        {"agent_id": earner.agent_id},
    )
    await verifications.verify(office.database, NOVEMBER)

    async def take_step() -> None:
        match step:
            case "proposal":
                await office.prepare(account.id, NOVEMBER)
            case "approval":
                await office.approve(run_id)
            case _:
                await runs.release(session, run_id, by=new_id())

    with pytest.raises(PayoutMonthUnproven) as refused:
        await take_step()

    assert refused.value.details == {"months": {"2025-11": "differs"}}
    await runs.decide(session, run_id, verdict=RunVerdict.REJECTED, by=new_id())


async def test_what_a_bank_returned_is_held_for_an_agent_dismissed_meanwhile(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    run_id: UUID,
    faults: Faults,
) -> None:
    await pay(session, run_id)
    await dismiss(session, village.agent_id)
    for each in await list_transfers(session, run_id):
        await payouts.mark_returned(session, each.id, BY_BANK)

    second = await office.find(await office.prepare(account.id, NOVEMBER))

    assert second.figures is not None
    assert [(each["reason"], each["gross"]) for each in second.figures["left_out"]] == [
        ("held", 16_560)
    ]
    assert second.figures["payout_count"] == 1
    assert await faults(session) == []


async def test_what_a_bank_failed_to_pay_is_held_for_an_agent_dismissed_after_it_was_sent(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    run_id: UUID,
    transfer_of: TransferOf,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    await dismiss(session, village.agent_id)
    await payouts.mark_failed(session, transfer.id, REFUSED)
    await payouts.give_up(session, transfer.payout_id, by=new_id())

    second = await office.find(await office.prepare(account.id, NOVEMBER))

    assert second.figures is not None
    assert [(each["reason"], each["gross"]) for each in second.figures["left_out"]] == [
        ("held", 16_560)
    ]
    assert second.figures["payout_count"] == 0
    assert await faults(session) == []
