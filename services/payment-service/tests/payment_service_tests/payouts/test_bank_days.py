"""What the bank did on a day of December and we learn in January belongs to December."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, datetime
from uuid import UUID

import pytest
from payment_service_tests.office import Office, list_transfers, pay, send
from payment_service_tests.payouts.test_remittances import DECEMBER, Propose, due, propose, treasury
from payment_service_tests.village import Village
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.ledger import service as ledger
from payment_service.ledger.models import Transfer
from payment_service.ledger.rules import CauseKind
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_transfers.models import PayoutTransferChange
from payment_service.payout_transfers.rules import Report, TransferSource, TransferStatus
from payment_service.payouts import service as payouts
from payment_service.tax_slips import service as slips
from payment_service.taxes.rules import TaxKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime

__all__ = ["propose", "treasury"]

NOVEMBER, JANUARY = Month(2025, 11), Month(2026, 1)
NEW_YEARS_EVE = datetime(2025, 12, 31, 14, tzinfo=JAKARTA)
LEARNT = datetime(2026, 1, 3, 9, tzinfo=JAKARTA)
PAID_ON, BACK_ON = date(2025, 12, 31), date(2026, 1, 2)
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


def seen(on: date | None) -> Report:
    """Return what a bank statement says of a transfer."""
    return Report(TransferSource.BANK_STATEMENT, executed_on=on)


@pytest.fixture
async def late(session: AsyncSession, run_id: UUID, business_time: BusinessTime) -> UUID:
    """The agent's transfer, sent on 31 December; now it is 3 January and nobody knows its end."""
    business_time.at(NEW_YEARS_EVE)
    transfers = await list_transfers(session, run_id)
    for each in transfers:
        await send(session, each.id)
    business_time.at(LEARNT)
    return next(each.id for each in transfers if each.amount == 16_146)


async def list_booked(session: AsyncSession) -> list[tuple[str, date, str]]:
    rows = await session.scalars(
        select(Transfer).where(Transfer.cause_kind == CauseKind.PAYOUT_ITEM).order_by(Transfer.id)
    )
    return [(str(each.code), each.business_on, each.credit_account) for each in rows]


async def test_it_is_income_of_december_with_a_slip_of_the_old_year(
    session: AsyncSession, village: Village, late: UUID, faults: Faults
) -> None:
    await payouts.mark_paid(session, late, seen(PAID_ON))

    agent = (BeneficiaryKind.AGENT, village.agent_id)
    assert await list_booked(session) == [
        ("incentive_paid", PAID_ON, "operating_bank"),
        ("tax_withheld", PAID_ON, f"tax_payable:pph21:{DECEMBER}"),
    ]
    (slip,) = (await slips.list_slips(session, month=DECEMBER, cursor=None, limit=9)).items
    assert (slip.withholding.paid_on, slip.withholding.amount) == (PAID_ON, 414)
    assert (await slips.list_slips(session, month=JANUARY, cursor=None, limit=9)).items == []
    (old,) = (await slips.get_recap(session, 2025, *agent)).sums
    assert (old.payment_count, old.gross, old.amount) == (1, 16_560, 414)
    assert (await slips.get_recap(session, 2026, *agent)).sums == ()
    assert await faults(session) == []


async def test_what_comes_back_in_january_lowers_december_on_the_day_of_the_return(
    session: AsyncSession, village: Village, late: UUID, faults: Faults
) -> None:
    await payouts.mark_paid(session, late, seen(PAID_ON))

    await payouts.mark_returned(session, late, seen(BACK_ON))

    assert (await list_booked(session))[2:] == [
        ("incentive_returned", BACK_ON, f"incentive_payable:{village.agent_id}"),
        ("tax_released", BACK_ON, f"incentive_payable:{village.agent_id}"),
    ]
    (slip,) = (await slips.list_slips(session, month=DECEMBER, cursor=None, limit=9)).items
    assert (slip.withholding.paid_on, slip.returned_on) == (PAID_ON, BACK_ON)
    (recap,) = (await slips.get_recap(session, 2025, BeneficiaryKind.AGENT, village.agent_id)).sums
    assert (recap.payment_count, recap.amount) == (0, 0)
    assert await due(session, TaxKind.PPH21) == 0
    assert await faults(session) == []


async def test_a_return_is_never_before_its_payment(
    session: AsyncSession, late: UUID, faults: Faults
) -> None:
    await payouts.mark_paid(session, late, seen(BACK_ON))

    await payouts.mark_returned(session, late, seen(PAID_ON))

    assert {day for _, day, _ in await list_booked(session)} == {BACK_ON}
    assert await faults(session) == []


async def test_a_payment_that_only_its_return_shows_is_of_the_day_it_was_sent(
    session: AsyncSession, late: UUID, faults: Faults
) -> None:
    await payouts.mark_returned(session, late, seen(BACK_ON))

    assert [(code, day) for code, day, _ in await list_booked(session)] == [
        ("incentive_paid", PAID_ON),
        ("tax_withheld", PAID_ON),
        ("incentive_returned", BACK_ON),
        ("tax_released", BACK_ON),
    ]
    assert await faults(session) == []


async def test_what_is_learnt_after_the_remittance_is_due_and_remitted_by_another(
    session: AsyncSession,
    office: Office,
    account: PayoutAccount,
    earn: Callable[..., Awaitable[list[Village]]],
    propose: Propose,
    business_time: BusinessTime,
    faults: Faults,
) -> None:
    await earn(3, 3)
    run_id = await office.prepare(account.id, NOVEMBER)
    await office.release(run_id)
    business_time.at(NEW_YEARS_EVE)
    to_agents = [each for each in await list_transfers(session, run_id) if each.amount == 16_146]
    for each in to_agents:
        await send(session, each.id)
    business_time.at(LEARNT)
    first, second = to_agents
    await payouts.mark_paid(session, first.id, seen(PAID_ON))
    remitted = await remit(session, office, propose)

    await payouts.mark_paid(session, second.id, seen(PAID_ON))
    owed = await due(session, TaxKind.PPH21)
    rest = await remit(session, office, propose)

    assert (remitted, owed, rest) == (414, 414, 414)
    assert await due(session, TaxKind.PPH21) == 0
    page = await ledger.list_accounts(session, cursor=None, limit=200)
    balances = {each.account: each.balance for each in page.items}
    assert balances[f"tax_payable:pph21:{DECEMBER}"] == 0
    assert await faults(session) == []


async def remit(session: AsyncSession, office: Office, propose: Propose) -> int:
    """Remit what is due of PPh 21 for December; return how much."""
    proposed = await propose()
    await office.release(proposed.payout.run_id)
    await pay(session, proposed.payout.run_id)
    await office.work()
    return proposed.payout.amount


async def test_what_is_booked_late_stands_in_the_journal_that_begins_after_its_day(
    session: AsyncSession, late: UUID
) -> None:
    january = date(2026, 1, 1)
    before = await export(session, last_on=PAID_ON)

    await payouts.mark_paid(session, late, seen(PAID_ON))

    opened = await export(session, first_on=january)
    assert "incentive_paid" not in before
    assert f"{january}={PAID_ON}" in opened
    assert "dated_before" in opened


async def export(
    session: AsyncSession, *, first_on: date | None = None, last_on: date | None = None
) -> str:
    journal = await ledger.plan_export(session, first_on=first_on, last_on=last_on)
    pieces: AsyncIterator[str] = ledger.export(session, journal)
    return "".join([piece async for piece in pieces])


async def test_the_checks_find_what_is_booked_on_another_day_than_the_banks(
    session: AsyncSession, late: UUID, office: Office, propose: Propose, faults: Faults
) -> None:
    await payouts.mark_paid(session, late, seen(PAID_ON))
    proposed = (await propose()).payout
    await office.release(proposed.run_id)
    await pay(session, proposed.run_id)
    (remitted,) = await list_transfers(session, proposed.run_id)
    before = await faults(session)

    for transfer_id in (late, remitted.id):
        session.add(
            PayoutTransferChange(
                id=new_id(),
                transfer_id=transfer_id,
                status=TransferStatus.PAID,
                source=TransferSource.BANK_ANSWER,
                changed_at=LEARNT,
                executed_on=date(2025, 12, 30),
            )
        )
    await session.flush()

    assert before == []
    assert await faults(session) == [
        "2 items that are booked on another day than the bank's",
        "1 tax remittances of another day than the bank's",
        "2 days of banks before a transfer was sent, or after the day on which they were learnt",
    ]
