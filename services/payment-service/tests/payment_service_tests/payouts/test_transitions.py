"""What the sender and the bank's answers do to a payout, its statements, the ledger and the tax."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.office import (
    BY_BANK,
    REFUSED,
    Office,
    PayeeBook,
    list_transfers,
    pay_out,
    send,
)
from payment_service_tests.village import Village
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements import service as statements
from payment_service.ledger import service as ledger
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutAccountNotActive, PayoutsStopped
from payment_service.payout_transfers.models import PayoutTransfer, PayoutTransferChange
from payment_service.payout_transfers.rules import (
    PayoutTransferNotFound,
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    TransferStatus,
)
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.tasks import on_accounts_changed
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

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


async def test_a_paid_payout_is_booked_withheld_and_published_once(
    session: AsyncSession,
    village: Village,
    transfer_of: TransferOf,
    published: Published,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)

    first = await payouts.mark_paid(session, transfer.id, BY_BANK)
    again = await payouts.mark_paid(session, transfer.id, BY_BANK)

    assert (first, again) == (True, False)
    payout = await payout_of(session, transfer)
    assert (payout.status, payout.amount) == (TransferStatus.PAID, 16_146)
    assert payout.settled_at is not None
    month = Month.of(clock.today())
    assert await balances(
        session, owed(village), "operating_bank", f"tax_payable:pph21:{month}"
    ) == [0, -16_146, 414]
    events = [data for type_, data in await published(session) if type_ == "payout.paid.v1"]
    assert events == [
        {
            "payout_id": str(payout.id),
            "run_id": str(payout.run_id),
            "payee_kind": "agent",
            "payee_id": str(village.agent_id),
            "month": "2025-11",
            "amount": 16_146,
            "statement_count": 1,
        }
    ]
    assert await statements.list_payable(session, village.agent_id) == []
    assert await faults(session) == []


async def test_only_one_of_two_workers_may_send(
    session: AsyncSession, village: Village, transfer_of: TransferOf
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    first = (transfer.external_id, transfer.sent_at)

    with pytest.raises(PayoutTransferStatusConflict):
        await send(session, transfer.id)

    transfer = await transfer_of(village)
    assert (transfer.external_id, transfer.sent_at) == first


async def test_what_nobody_knows_is_settled_later(
    session: AsyncSession, village: Village, transfer_of: TransferOf, faults: Faults
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    lost = Report(TransferSource.WORKER)

    new = await payouts.mark_unknown(session, transfer.id, lost, next_inquiry_at=clock.now())
    again = await payouts.mark_unknown(session, transfer.id, lost, next_inquiry_at=None)
    kept = (await transfer_of(village)).next_inquiry_at
    by_inquiry = Report(TransferSource.STATUS_INQUIRY, response_code="00", reference_no="R-9")
    await payouts.mark_paid(session, transfer.id, by_inquiry)

    assert (new, again) == (True, False)
    assert kept is not None
    settled = await transfer_of(village)
    assert (settled.status, settled.reference_no) == (TransferStatus.PAID, "R-9")
    assert settled.next_inquiry_at is None
    changes = await session.scalars(
        select(PayoutTransferChange)
        .where(PayoutTransferChange.transfer_id == transfer.id)
        .order_by(PayoutTransferChange.id)
    )
    assert [(each.status.value, each.source.value) for each in changes] == [
        ("created", "worker"),
        ("sent", "worker"),
        ("unknown", "worker"),
        ("paid", "status_inquiry"),
    ]
    assert await faults(session) == []


async def test_returned_money_is_booked_back_and_paid_by_a_later_run(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    village: Village,
    transfer_of: TransferOf,
    published: Published,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    await payouts.mark_paid(session, transfer.id, BY_BANK)
    back = Report(TransferSource.BANK_STATEMENT, response_code="RETURN")

    first = await payouts.mark_returned(session, transfer.id, back)
    again = await payouts.mark_returned(session, transfer.id, back)
    after = await balances(session, owed(village), "operating_bank")
    payable = await statements.list_payable(session, village.agent_id)
    await pay_out(session, office, account, NOVEMBER)

    assert (first, again) == (True, False)
    assert after == [16_560, 0]
    assert [each.payable for each in payable] == [16_560]
    (returned,) = [
        data for type_, data in await published(session) if type_ == "payout.returned.v1"
    ]
    assert (returned["reason_code"], returned["amount"]) == ("RETURN", 16_146)
    assert await balances(session, owed(village)) == [0]
    assert await faults(session) == []


async def test_what_was_unknown_and_came_back_shows_both_in_the_ledger(
    session: AsyncSession,
    village: Village,
    transfer_of: TransferOf,
    published: Published,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    await send(session, transfer.id)
    refunded = Report(TransferSource.STATUS_INQUIRY, response_code="04")

    await payouts.mark_returned(session, transfer.id, refunded)

    codes = await session.scalars(
        text("SELECT code FROM ledger_transfers WHERE cause_kind = 'payout_item' ORDER BY id")
    )
    assert codes.all() == [
        "incentive_paid",
        "tax_withheld",
        "incentive_returned",
        "tax_released",
    ]
    types = [type_ for type_, _ in await published(session) if type_.startswith("payout.")]
    assert types == ["payout.returned.v1"]
    assert await faults(session) == []


async def test_illegal_transitions_change_nothing(
    session: AsyncSession, village: Village, transfer_of: TransferOf, faults: Faults
) -> None:
    transfer = await transfer_of(village)

    for act in (payouts.mark_paid, payouts.mark_returned):
        with pytest.raises(PayoutTransferStatusConflict):
            await act(session, transfer.id, BY_BANK)
    await send(session, transfer.id)
    await payouts.mark_paid(session, transfer.id, BY_BANK)
    with pytest.raises(PayoutTransferStatusConflict):
        await payouts.mark_failed(session, transfer.id, REFUSED)

    assert (await payout_of(session, transfer)).status is TransferStatus.PAID
    with pytest.raises(PayoutTransferNotFound):
        await payouts.mark_paid(session, new_id(), BY_BANK)
    assert await faults(session) == []


async def test_nothing_is_sent_while_payouts_are_stopped_or_from_a_suspended_account(
    session: AsyncSession, account: PayoutAccount, village: Village, transfer_of: TransferOf
) -> None:
    transfer = await transfer_of(village)
    await payout_accounts.suspend(session, account.id, by=new_id())
    with pytest.raises(PayoutAccountNotActive):
        await send(session, transfer.id)
    await payout_accounts.stop(session, reason="saldo salah", by=new_id())
    with pytest.raises(PayoutsStopped):
        await send(session, transfer.id)

    assert (await transfer_of(village)).status is TransferStatus.CREATED


async def test_a_changed_account_withdraws_what_waits_to_be_sent(
    session: AsyncSession,
    village: Village,
    transfer_of: TransferOf,
    book: PayeeBook,
    faults: Faults,
) -> None:
    transfer = await transfer_of(village)
    book.add(village.agent_id)

    await on_accounts_changed(session, [book.tell(village.agent_id, at=clock.now())])

    payout = await payout_of(session, transfer)
    assert payout.withdrawn_reason == "account_changed"
    with pytest.raises(PayoutTransferStatusConflict):
        await send(session, transfer.id)
    assert await faults(session) == []


async def test_a_second_live_item_of_a_statement_is_refused_by_the_database(
    session: AsyncSession, village: Village
) -> None:
    copied = (
        "INSERT INTO payout_items SELECT uuidv7(), (SELECT id FROM payouts WHERE payee_id <> :id),"
        " statement_id, month, beneficiary_kind, beneficiary_id, gross, tax, true"
        " FROM payout_items WHERE beneficiary_id = :id"
    )

    with pytest.raises(DBAPIError, match="uq_payout_items_live"):
        async with session.begin_nested():
            await session.execute(text(copied), {"id": village.agent_id})


async def test_a_second_attempt_in_flight_is_refused_by_the_database(
    session: AsyncSession, village: Village, transfer_of: TransferOf
) -> None:
    transfer = await transfer_of(village)
    copied = (
        "INSERT INTO payout_transfers SELECT (jsonb_populate_record(t, jsonb_build_object("
        "'id', uuidv7(), 'attempt', 2, 'partner_reference_no', 'other', 'remark_code', 'OTHER'))).*"
        " FROM payout_transfers AS t WHERE id = :id"
    )

    with pytest.raises(DBAPIError, match="uq_payout_transfers_in_flight"):
        async with session.begin_nested():
            await session.execute(text(copied), {"id": transfer.id})


async def test_a_run_is_done_when_nothing_is_in_flight(
    session: AsyncSession, office: Office, run_id: UUID
) -> None:
    first, second = await list_transfers(session, run_id)
    await send(session, first.id)
    await payouts.mark_paid(session, first.id, BY_BANK)
    await send(session, second.id)
    await payouts.mark_failed(session, second.id, REFUSED)
    await office.work()
    with_failed = (await office.find(run_id)).status

    await payouts.give_up(session, second.payout_id, by=new_id())
    await office.work()

    assert with_failed.value == "released"
    assert (await office.find(run_id)).status.value == "done"
