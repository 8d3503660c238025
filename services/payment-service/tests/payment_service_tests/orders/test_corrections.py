"""A correction of a member judges the open bill anew: it is withdrawn with its reason, or stays."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import Bank, inquiry_of, make_offer
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from payment_service.clients.members import ContributionBasis, MembersClient
from payment_service.orders import tasks
from payment_service.payments.models import Payment
from payment_service.settings import Settings
from payment_service.tables import MIGRATIONS
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberUpdated, RegistrationCorrected
from perisai_kit.services.app import create_kit
from perisai_kit.testing.plugin import BusinessTime, Tokens, Wire

IssueBill = Callable[..., Awaitable[BillOut]]
MakeBasis = Callable[..., ContributionBasis]
Know = Callable[[ContributionBasis], None]
Settle = Callable[..., Awaitable[Payment]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
Run = Callable[[], Awaitable[bool]]
NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
NOV, DEC = Month(2026, 11), Month(2026, 12)
OVER_AGE = {"offers": (), "not_billable": "over_age", "registration": None}


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(NOVEMBER)
    return business_time


@pytest.fixture
async def run(settings: Settings, database: Database, wire: Wire) -> AsyncIterator[Run]:
    """What the worker does every minute."""
    kit = create_kit(settings, migrations=MIGRATIONS, http_transport=wire)
    members = MembersClient(kit.client(settings.member_url))
    task = tasks.Correcting(members)

    async def once() -> bool:
        return await task.run(database)

    yield once
    await members.close()
    await kit.database.dispose()


async def note(session: AsyncSession, basis: ContributionBasis, *changed: str) -> None:
    event = MemberUpdated(member_id=basis.member_id, changed=changed)
    await tasks.on_member_updated(session, event)


async def read(session: AsyncSession, bill: BillOut) -> tuple[BillStatus, VoidReason | None]:
    session.expire_all()
    found = await session.get_one(Bill, bill.id)
    return found.status, found.void_reason


OPENING: dict[str, Any] = {"opens_registration": True, "pay_before": midnight(DEC.first_day)}


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        (OVER_AGE, VoidReason.OVER_AGE),
        ({**OVER_AGE, "not_billable": "deceased"}, VoidReason.REGISTRATION_ENDED),
        # The 65th birthday lies before the end of the bill.
        (
            {"offers": (make_offer(NOV, opens_registration=True, pay_before=NOVEMBER),)},
            VoidReason.DATA_CORRECTED,
        ),
        # A payment that was declined counts after all, so November is paid.
        ({"offers": (make_offer(DEC),)}, VoidReason.DATA_CORRECTED),
        ({"offers": (make_offer(NOV, **OPENING),)}, None),
        ({"offers": (make_offer(DEC, **OPENING), make_offer(NOV, **OPENING))}, None),
        ({"offers": (make_offer(NOV),)}, None),
    ],
)
async def test_a_correction_of_the_birth_date_judges_the_open_bill_anew(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
    published: Published,
    differences: dict[str, Any],
    reason: VoidReason | None,
) -> None:
    basis = make_basis(registration=None, offers=[make_offer(NOV, **OPENING)])
    bill = await issue_bill(session, basis=basis)
    other = await issue_bill(session)
    member_answers(basis.model_copy(update=differences))

    await note(session, basis, "birth_date")
    await run()

    status = BillStatus.VOID if reason else BillStatus.OPEN
    assert await read(session, bill) == (status, reason)
    assert await read(session, other) == (BillStatus.OPEN, None)
    voided = [data for type_, data in await published(session) if type_ == "bill.voided.v1"]
    assert [(each["bill_id"], each["reason_code"]) for each in voided] == (
        [(str(bill.id), reason)] if reason else []
    )


async def test_the_reason_is_shown_and_the_bank_finds_no_bill(
    bank: Bank,
    client: httpx.AsyncClient,
    tokens: Tokens,
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
) -> None:
    basis = make_basis()
    bill = await issue_bill(session, basis=basis)
    assert (await bank.inquire(inquiry_of(bill, bank.partner))).status_code == 200
    member_answers(basis.model_copy(update=OVER_AGE))
    await note(session, basis, "birth_date", "full_name")
    await run()

    inquired = await bank.inquire(inquiry_of(bill, bank.partner))
    member = tokens.make(Role.MEMBER, member_id=basis.member_id)
    shown = (await client.get(f"/v1/bills/{bill.id}", headers=member)).json()
    (own,) = (await client.get("/v1/me/bills", headers=member)).json()["items"]

    assert inquired.status_code == 404
    assert (shown["status"], shown["void_reason"]) == ("void", "over_age")
    assert (own["status"], own["void_reason"], own["next_step"]) == ("void", "over_age", "ask_anew")


@pytest.mark.parametrize("changed", [("phone",), ("sex", "occupations"), ("full_name",)])
async def test_other_corrections_leave_the_bill(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
    changed: tuple[str, ...],
) -> None:
    basis = make_basis()
    bill = await issue_bill(session, basis=basis)
    member_answers(basis.model_copy(update=OVER_AGE))

    await note(session, basis, *changed)
    await run()

    assert await read(session, bill) == (BillStatus.OPEN, None)


async def test_a_corrected_name_beside_another_correction_judges_all_the_same(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
) -> None:
    basis = make_basis()
    bill = await issue_bill(session, basis=basis)
    member_answers(basis.model_copy(update=OVER_AGE))

    await note(session, basis, "birth_date")
    await note(session, basis, "full_name")
    await run()

    assert await read(session, bill) == (BillStatus.VOID, VoidReason.OVER_AGE)


async def test_what_became_of_a_registration_or_an_ending_judges_too(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
) -> None:
    gone, dead = make_basis(), make_basis()
    bills = [await issue_bill(session, basis=basis) for basis in (gone, dead)]
    member_answers(gone.model_copy(update=OVER_AGE))
    member_answers(dead.model_copy(update={**OVER_AGE, "not_billable": "deceased"}))

    await tasks.on_registration_corrected(
        session,
        RegistrationCorrected(
            registration_id=new_id(),
            member_id=gone.member_id,
            kind="first",
            began_on=NOV.first_day,
            first_month=NOV,
            superseded=True,
        ),
    )
    await note(session, dead, "endings")
    await run()

    assert [await read(session, bill) for bill in bills] == [
        (BillStatus.VOID, VoidReason.OVER_AGE),
        (BillStatus.VOID, VoidReason.REGISTRATION_ENDED),
    ]


async def test_a_bill_that_was_just_being_issued_is_judged_in_a_second_turn(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    member_answers: Know,
    run: Run,
    november: BusinessTime,
) -> None:
    basis = make_basis()
    member_answers(basis.model_copy(update=OVER_AGE))
    await note(session, basis, "birth_date")
    await run()
    late = await issue_bill(session, basis=basis)  # member-service was asked before

    november.at(NOVEMBER + timedelta(minutes=4))
    await run()

    assert await read(session, late) == (BillStatus.VOID, VoidReason.OVER_AGE)


async def test_bills_that_are_paid_or_past_their_end_stay(
    session: AsyncSession,
    make_basis: MakeBasis,
    issue_bill: IssueBill,
    settle: Settle,
    member_answers: Know,
    run: Run,
    november: BusinessTime,
) -> None:
    payer, late = make_basis(), make_basis()
    paid = await issue_bill(session, basis=payer)
    await settle(session, paid)
    over = await issue_bill(session, basis=late)
    for basis in (payer, late):
        member_answers(basis.model_copy(update=OVER_AGE))
        await note(session, basis, "birth_date")

    november.at(over.expires_at)
    await run()

    assert (await read(session, paid))[0] is BillStatus.PAID
    assert await read(session, over) == (BillStatus.OPEN, None)
