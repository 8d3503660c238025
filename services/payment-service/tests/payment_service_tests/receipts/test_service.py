from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from payment_service.payments.models import Payment
from payment_service.receipts import service
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = datetime(2026, 11, 5, 3, 0, tzinfo=UTC)
AUDITOR = Principal(
    account_id=new_id(), roles=frozenset({Role.AUDITOR}), scope=Scope(ScopeKind.COUNTRY)
)
IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]


async def test_a_receipt_says_what_was_paid_and_hides_the_name_from_an_auditor(
    session: AsyncSession, issue_bill: IssueBill, settle: Settle, business_time: BusinessTime
) -> None:
    business_time.at(NOVEMBER)
    bill = await issue_bill(session, month_count=2)
    payment = await settle(session, bill)

    receipt = await service.get_receipt(session, AUDITOR, payment.id, bill_id=None)

    assert receipt.member_name == "S*** A***"
    assert [str(month) for month in receipt.months] == ["2026-11", "2026-12"]
    assert [(each.programme.value, each.amount) for each in receipt.programmes] == [
        ("jkk", 10_000),
        ("jkm", 6_800),
        ("jht", 40_000),
    ]
    assert receipt.programmes[0].relief_basis == ["PP 50/2025 art. 4"]
    assert (receipt.partner_name, receipt.channel_code) == ("Bank Uji", "6017")
    assert receipt.reference_no == "00001136962"
    assert receipt.amount == sum(each.amount for each in receipt.programmes)
