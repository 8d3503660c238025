"""What banks are shown of a name, and how a correction of it reaches the bills."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, make_offer, payment_of
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import service as bill_service
from payment_service.bills.models import Bill
from payment_service.bills.schemas import BillOut, NewBill
from payment_service.clients.members import ContributionBasis, MembersClient
from payment_service.orders import service as orders
from payment_service.orders import tasks
from payment_service.orders.models import CorrectedMember
from payment_service.orders.schemas import NewOrder
from payment_service.payments.models import Payment
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.services.app import create_kit
from perisai_kit.testing.plugin import BusinessTime, Wire

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBank = Callable[..., Awaitable[Bank]]
MakeBasis = Callable[..., ContributionBasis]
Settle = Callable[..., Awaitable[Payment]]
Know = Callable[[ContributionBasis], None]
NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
NAME = "Raden Mas José ’Abdurrahman Wahid al-Hasyim"


@dataclass
class Renames:
    """The periodic task, on the database of the test."""

    task: tasks.Correcting
    database: Database

    async def run(self) -> bool:
        return await self.task.run(self.database)


@pytest.fixture
async def renames(settings: Settings, database: Database, wire: Wire) -> AsyncIterator[Renames]:
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    members = MembersClient(kit.client(settings.member_url))
    yield Renames(tasks.Correcting(members), database)
    await members.close()
    await kit.database.dispose()


async def shown_at(bank: Bank, asked: BillOut) -> str:
    answer = await bank.inquire(inquiry_of(asked, bank.partner))
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["virtualAccountData"]["virtualAccountName"]
    return name


async def note(session: AsyncSession, basis: ContributionBasis, *changed: str) -> None:
    event = MemberUpdated(member_id=basis.member_id, changed=changed)
    await tasks.on_member_updated(session, event)


async def test_each_bank_is_shown_the_name_in_its_letters_and_length(
    session: AsyncSession, make_bank: MakeBank, make_basis: MakeBasis, issue_bill: IssueBill
) -> None:
    plain = await make_bank()
    short = await make_bank(profile="bca", company_code="12345", name="Bank Lain")
    bill = await issue_bill(session, basis=make_basis(display_name=NAME))

    names = [await shown_at(plain, bill), await shown_at(short, bill)]
    paid = await plain.pay(payment_of(bill, plain.partner, virtualAccountName=names[0]))

    assert names == [
        "Raden Mas Jose 'Abdurrahman Wahid al-Hasyim",
        "Raden Mas Jose 'Abdurrahman Wa",
    ]
    assert paid.json()["responseCode"] == "2002500"
    assert paid.json()["virtualAccountData"]["virtualAccountName"] == names[0]


@pytest.mark.parametrize("echo", [NAME, NAME[:30], "", "x" * 255, None, 7, "Siti 😀"])
async def test_a_payment_is_taken_whatever_name_comes_back(
    bank: Bank,
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    echo: object,
) -> None:
    bill = await issue_bill(session, basis=make_basis(display_name=NAME))

    paid = await bank.pay(payment_of(bill, bank.partner, virtualAccountName=echo))

    assert paid.json()["responseCode"] == "2002500"


async def test_a_corrected_name_reaches_the_bills_and_the_bank(
    bank: Bank,
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    settle: Settle,
    member_answers: Know,
    renames: Renames,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER)
    basis = make_basis()
    paid = await issue_bill(session, basis=basis)
    await settle(session, paid)
    december = Month(2026, 12)
    later = basis.model_copy(update={"offers": (make_offer(december),)})
    bill = await issue_bill(session, basis=later, first_month=december)
    other = await issue_bill(session)
    corrected = basis.model_copy(update={"display_name": "Siti Ámina"})
    member_answers(corrected)

    await note(session, corrected, "phone")
    unchanged = await shown_at(bank, bill)
    await note(session, corrected, "full_name", "phone")
    has_more = await renames.run()

    assert (unchanged, has_more) == ("Siti Aminah", False)
    assert await shown_at(bank, bill) == "Siti Amina"
    assert await shown_at(bank, other) == "Siti Aminah"
    session.expire_all()
    names = {row.id: row.display_name for row in await session.scalars(select(Bill))}
    assert names == {paid.id: "Siti Ámina", bill.id: "Siti Ámina", other.id: "Siti Aminah"}


async def test_bills_that_were_being_issued_are_renamed_in_a_second_turn(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    renames: Renames,
    business_time: BusinessTime,
) -> None:
    business_time.at(NOVEMBER)
    basis = make_basis()
    corrected = basis.model_copy(update={"display_name": "Siti Baru"})
    member_answers(corrected)
    await note(session, corrected, "full_name")
    await renames.run()

    await renames.run()
    late = await issue_bill(session, basis=basis)  # member-service was asked before
    await renames.run()
    session.expire_all()
    too_early = (await session.get_one(Bill, late.id)).display_name
    business_time.at(NOVEMBER + timedelta(minutes=4))
    await renames.run()

    session.expire_all()
    assert too_early == "Siti Aminah"
    assert (await session.get_one(Bill, late.id)).display_name == "Siti Baru"
    assert (await session.scalars(select(CorrectedMember))).all() == []


async def test_a_name_stays_noted_while_member_service_is_away(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    renames: Renames,
    wire: Wire,
) -> None:
    basis = make_basis()
    bill = await issue_bill(session, basis=basis)
    await note(session, basis, "full_name")

    await renames.run()  # nobody answers
    noted = (await session.scalars(select(CorrectedMember))).all()
    member_answers(basis.model_copy(update={"display_name": "Siti Baru"}))
    await renames.run()

    assert [row.member_id for row in noted] == [basis.member_id]
    session.expire_all()
    assert (await session.get_one(Bill, bill.id)).display_name == "Siti Baru"


async def test_a_name_corrected_again_meanwhile_is_asked_for_again(
    session: AsyncSession, make_basis: MakeBasis, business_time: BusinessTime
) -> None:
    business_time.at(NOVEMBER)
    basis = make_basis()
    await note(session, basis, "full_name")
    first = await orders.list_corrected(session, limit=10)
    business_time.at(NOVEMBER.replace(hour=4))
    await note(session, basis, "full_name")

    await orders.follow_corrections(session, {basis.member_id: basis}, first)

    noted = await orders.list_corrected(session, limit=10)
    assert [each.member_id for each in noted] == [basis.member_id]


async def test_an_order_of_several_bills_goes_on_showing_who_pays_it(
    bank: Bank,
    session: AsyncSession,
    settings: Settings,
    make_basis: MakeBasis,
    member_answers: Know,
    renames: Renames,
) -> None:
    bases = {basis.member_id: basis for basis in (make_basis(), make_basis())}
    first = next(iter(bases.values()))
    asked = [
        NewBill(member_id=each, first_month=Month.of(clock.today()), month_count=1)
        for each in bases
    ]
    issued = await orders.issue(
        session,
        NewOrder(name="Keluarga Ámin", bills=asked),
        bases,
        by=new_id(),
        settings=settings,
    )
    (bill, _) = issued.bills
    member_answers(first.model_copy(update={"display_name": "Siti Baru"}))
    await note(session, first, "full_name")

    await renames.run()

    assert await shown_at(bank, await bill_service.read(session, bill)) == "Keluarga Amin"
    session.expire_all()
    bills = {row.member_id: row.display_name for row in await session.scalars(select(Bill))}
    assert bills[first.member_id] == "Siti Baru"
