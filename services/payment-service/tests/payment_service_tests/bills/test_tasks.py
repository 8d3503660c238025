"""What the feeds change of bills."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import tasks
from payment_service.bills.models import Bill
from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.bills.schemas import BillOut
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import RegistrationEnded
from perisai_kit.testing.plugin import BusinessTime

IssueBill = Callable[..., Awaitable[BillOut]]
NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)


@pytest.fixture
async def bill(
    session: AsyncSession, issue_bill: IssueBill, business_time: BusinessTime
) -> BillOut:
    business_time.at(NOVEMBER)
    return await issue_bill(session)


async def end_registration(session: AsyncSession, bill: BillOut) -> Bill:
    ended = RegistrationEnded(
        registration_id=new_id(),
        member_id=bill.member_id,
        ended_on=date(2026, 11, 30),
        reason_code="choice",
    )
    for _ in range(2):
        await tasks.on_registration_ended(session, ended)
    return await session.get_one(Bill, bill.id)


async def test_an_ending_withdraws_the_open_bill(session: AsyncSession, bill: BillOut) -> None:
    kept = await end_registration(session, bill)

    assert (kept.status, kept.void_reason, kept.withdrawn_by) == (
        BillStatus.VOID,
        VoidReason.REGISTRATION_ENDED,
        None,
    )


async def test_a_bill_past_its_end_waits_for_a_late_report_all_the_same(
    session: AsyncSession, bill: BillOut, business_time: BusinessTime
) -> None:
    business_time.at(bill.expires_at + timedelta(hours=1))

    assert (await end_registration(session, bill)).status is BillStatus.OPEN
