"""What officers may do about a payout that has failed, and what a bank says of it later."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    dismiss,
    pay,
    pay_out,
    send,
    sign_agreement,
)
from payment_service_tests.village import Village, apply_events
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service as ledger
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_releases import service as payout_releases
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import (
    PayoutTransferStatusConflict,
    TransferStatus,
)
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import (
    PayoutAccountReplaced,
    PayoutNotFailed,
    PayoutOutdated,
    PayoutWithdrawn,
    WithdrawalReason,
)
from payment_service.payouts.tasks import on_accounts_changed
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

NOVEMBER = Month(2025, 11)
Earn = Callable[..., Awaitable[list[Village]]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
TransferOf = Callable[[Village], Awaitable[PayoutTransfer]]


async def balances(session: AsyncSession, *names: str) -> list[int]:
    page = await ledger.list_accounts(session, cursor=None, limit=200)
    found = {item.account: item.balance for item in page.items}
    return [found.get(name, 0) for name in names]


async def payout_of(session: AsyncSession, transfer: PayoutTransfer) -> Payout:
    return await session.get_one(Payout, transfer.payout_id, populate_existing=True)


def owed(village: Village) -> str:
    return f"incentive_payable:{village.agent_id}"


async def test_a_failed_payout_is_tried_again_only_when_an_officer_asks(
    session: AsyncSession,
    office: Office,
    village: Village,
    transfer_of: TransferOf,
    published: Published,
    faults: Faults,
) -> None:
    first = await transfer_of(village)
    await send(session, first.id)
    await payouts.mark_failed(session, first.id, REFUSED)
    await office.work()
    still = await transfer_of(village)
    officer = new_id()

    second = await payout_releases.retry(session, first.payout_id, by=officer)
    await send(session, second.id)
    await payouts.mark_paid(session, second.id, BY_BANK)

    assert still.id == first.id
    assert (second.attempt, second.amount) == (2, first.amount)
    assert second.partner_reference_no != first.partner_reference_no
    assert second.remark_code != first.remark_code
    (failed,) = [data for type_, data in await published(session) if type_ == "payout.failed.v1"]
    assert failed["reason_code"] == "4041811"
    assert (await payout_of(session, second)).status is TransferStatus.PAID
    assert await faults(session) == []


async def test_a_payout_that_has_not_failed_cannot_be_tried_again_or_given_up(
    session: AsyncSession, village: Village, transfer_of: TransferOf
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)

    for act in (payout_releases.retry, payouts.give_up):
        with pytest.raises(PayoutNotFailed) as refused:
            await act(session, transfer.payout_id, by=new_id())
        assert refused.value.details == {"status": "sent"}


@pytest.mark.parametrize(
    "reason",
    [
        WithdrawalReason.ACCOUNT_CHANGED,
        WithdrawalReason.HELD,
        WithdrawalReason.PAYEE_CHANGED,
    ],
)
async def test_a_failed_payout_is_not_tried_again_once_what_was_approved_has_changed(
    session: AsyncSession,
    village: Village,
    transfer_of: TransferOf,
    book: PayeeBook,
    reason: WithdrawalReason,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    match reason:
        case WithdrawalReason.ACCOUNT_CHANGED:
            book.add(village.agent_id)
            # The subscription of payouts is enough: another one of ours may read it later.
            await on_accounts_changed(session, [book.tell(village.agent_id, at=clock.now())])
        case WithdrawalReason.HELD:
            await dismiss(session, village.agent_id)
        case _:
            signed = sign_agreement(village.wadah_id, pays=PaymentMethod.WADAH)
            await apply_events(session, [signed])
    await payouts.mark_failed(session, transfer.id, REFUSED)

    is_of_account = reason is WithdrawalReason.ACCOUNT_CHANGED
    with pytest.raises(PayoutAccountReplaced if is_of_account else PayoutOutdated) as refused:
        await payout_releases.retry(session, transfer.payout_id, by=new_id())

    assert refused.value.details == ({} if is_of_account else {"reason": reason})
    await payouts.mark_paid(session, transfer.id, BY_BANK)
    assert (await payout_of(session, transfer)).status is TransferStatus.PAID
    assert await faults(session) == []


async def test_what_is_given_up_is_paid_by_a_later_run_to_the_account_of_then(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    transfer_of: TransferOf,
    book: PayeeBook,
    faults: Faults,
) -> None:
    first = await transfer_of(village)
    await send(session, first.id)
    await payouts.mark_failed(session, first.id, REFUSED)
    await payouts.give_up(session, first.payout_id, by=new_id())
    bank_account_id = book.add(village.agent_id)

    await pay_out(session, office, account, NOVEMBER)

    second = await transfer_of(village)
    assert second.payout_id != first.payout_id
    assert (await payout_of(session, second)).bank_account_id == bank_account_id
    assert await balances(session, owed(village)) == [0]
    with pytest.raises(PayoutWithdrawn):
        await payout_releases.retry(session, first.payout_id, by=new_id())
    assert await faults(session) == []


async def test_what_waits_to_be_sent_can_be_given_up_and_is_paid_by_a_later_run(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    run_id: UUID,
    transfer_of: TransferOf,
    faults: Faults,
) -> None:
    first, officer = await transfer_of(village), new_id()

    given_up = await payouts.give_up(session, first.payout_id, by=officer)

    with pytest.raises(PayoutTransferStatusConflict):
        await send(session, first.id)
    assert (given_up.withdrawn_reason, given_up.withdrawn_by) == (
        WithdrawalReason.GIVEN_UP,
        officer,
    )
    await pay(session, run_id)
    second = await office.prepare(account.id, NOVEMBER)
    (payout_id,) = await session.scalars(select(Payout.id).where(Payout.run_id == second))
    with pytest.raises(PayoutNotFailed):
        await payouts.give_up(session, payout_id, by=officer)
    await office.release(second)
    await pay(session, second)
    assert await balances(session, owed(village)) == [0]
    assert await faults(session) == []


async def test_a_late_report_that_it_was_paid_counts_until_it_was_tried_again(
    session: AsyncSession, village: Village, transfer_of: TransferOf, faults: Faults
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    await payouts.mark_failed(session, transfer.id, REFUSED)

    await payouts.mark_paid(session, transfer.id, BY_BANK)

    assert (await payout_of(session, transfer)).status is TransferStatus.PAID
    assert await faults(session) == []


@pytest.mark.parametrize("act", [payout_releases.retry, payouts.give_up])
async def test_a_late_report_is_refused_after_that(
    session: AsyncSession,
    village: Village,
    transfer_of: TransferOf,
    faults: Faults,
    act: Callable[..., Awaitable[object]],
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    await payouts.mark_failed(session, transfer.id, REFUSED)
    await act(session, transfer.payout_id, by=new_id())

    with pytest.raises(PayoutTransferStatusConflict):
        await payouts.mark_paid(session, transfer.id, BY_BANK)

    assert await balances(session, owed(village)) == [16_560]
    assert await faults(session) == []
