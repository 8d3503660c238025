"""The first payments of a bank raise an alarm; those of a bank that has paid for long do not."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from payment_service_tests.conftest import MakeBank
from payment_service_tests.partner_bank import Bank, payment_of
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.payments import queries, service
from payment_service.payments.rules import NewBank
from payment_service.payments.tasks import NewBankWatch
from payment_service.settings import Settings
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of
from perisai_kit.testing.plugin import BusinessTime

IssueBill = Callable[..., Awaitable[BillOut]]


SECOND = timedelta(seconds=1)


def measured() -> float | None:
    return REGISTRY.get_sample_value("perisai_new_bank_payments")


async def pay(bank: Bank, session: AsyncSession, issue_bill: IssueBill) -> None:
    bill = await issue_bill(session)
    assert (await bank.pay(payment_of(bill, bank.partner))).status_code == 200


async def test_the_first_payments_of_a_bank_are_counted(
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    database: Database,
    settings: Settings,
) -> None:
    bank, quiet = await make_bank(), await make_bank(company_code="88002")
    await NewBankWatch(settings).run(database)
    assert measured() == 0
    before = clock.now()

    for _ in range(2):
        await pay(bank, session, issue_bill)
    await NewBankWatch(settings).run(database)

    assert measured() == 2
    (found,) = await service.list_new_banks(session, settings)
    assert (found.partner_id, found.recent) == (bank.partner.id, 2)
    assert found.partner_id != quiet.partner.id
    assert found.first_received_at >= before


async def test_a_bank_is_new_for_some_days_after_its_first_payment(
    make_bank: MakeBank,
    issue_bill: IssueBill,
    session: AsyncSession,
    settings: Settings,
    business_time: BusinessTime,
) -> None:
    bank = await make_bank()
    await pay(bank, session, issue_bill)
    paid_at, day = clock.now(), timedelta(days=1)

    business_time.at(paid_at + settings.new_bank_days * day - timedelta(minutes=1))
    assert len(await service.list_new_banks(session, settings)) == 1
    business_time.at(paid_at + settings.new_bank_days * day + timedelta(minutes=1))
    assert await service.list_new_banks(session, settings) == []


async def test_only_what_was_booked_lately_is_counted(
    make_bank: MakeBank, issue_bill: IssueBill, session: AsyncSession, settings: Settings
) -> None:
    bank = await make_bank()
    await pay(bank, session, issue_bill)
    since, later = clock.now() - timedelta(days=1), lowest_id_of(clock.real_now() + 2 * SECOND)

    (found,) = await queries.list_new_banks(session, since=since, booked_since=later)

    assert found == NewBank(bank.partner.id, found.first_received_at, 0)
