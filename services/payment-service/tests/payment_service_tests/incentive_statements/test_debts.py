"""Statements that take back more than they give, and overrides that are held."""

from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from payment_service_tests.month_closing import find_month
from payment_service_tests.village import Village, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import StatementIssued, WadahAgreementSigned, WadahTerminated
from perisai_kit.testing.feeds import list_published

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]


async def test_more_taken_back_than_earned_is_stated_as_a_debt(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = Village()
    declined = [village.pay(NOVEMBER, is_acquisition=False) for _ in range(3)]
    await tell(village)
    await close(NOVEMBER)
    for payment in declined:
        village.decline(payment)
    village.pay(NOVEMBER.plus(1), is_acquisition=False)
    village.pay(NOVEMBER.plus(2), month_count=3, is_acquisition=False)
    await tell(village)

    await close(NOVEMBER.plus(1))
    await close(NOVEMBER.plus(2))

    rows = await session.scalars(
        select(Statement).where(Statement.beneficiary_id == village.agent_id).order_by(Statement.id)
    )
    found = [(row.amount, row.brought_debt, row.line_count) for row in rows]
    assert found == [(16_560, 0, 9), (-11_040, 0, 12), (16_560, 11_040, 9)]
    december = await find_month(session, NOVEMBER.plus(1))
    assert december.amount == -11_040 - 1_104
    accounts = await ledger.list_accounts(session, cursor=None, limit=200)
    balances = {item.account: item.balance for item in accounts.items}
    assert balances[f"incentive_payable:{village.agent_id}"] == 22_080
    issued = [each for each in await list_published(session) if isinstance(each, StatementIssued)]
    own = [each for each in issued if each.beneficiary_id == village.agent_id]
    assert [(each.amount, each.payable) for each in own] == [
        (16_560, 16_560),
        (-11_040, 0),
        (16_560, 5_520),
    ]
    assert await faults(session) == []


@pytest.mark.parametrize(
    ("agreement", "terminated", "held"),
    [
        (None, False, "agreement_ended"),
        ((date(2025, 1, 1), date(2025, 12, 9)), False, "agreement_ended"),
        ((date(2025, 12, 11), date(2026, 12, 9)), False, "agreement_ended"),
        ((date(2025, 1, 1), date(2025, 12, 10)), False, None),
        ((date(2025, 12, 10), date(2026, 12, 9)), False, None),
        ((date(2025, 1, 1), date(2026, 12, 9)), True, "wadah_terminated"),
    ],
    ids=str,
)
async def test_an_override_is_held_where_the_wadah_has_no_agreement_on_the_day_of_the_close(
    session: AsyncSession,
    tell: Tell,
    close: Close,
    agreement: tuple[date, date] | None,
    terminated: bool,
    held: str | None,
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    if agreement is not None:
        days = {"starts_on": agreement[0], "ends_on": agreement[1]}
        village.decided.append(
            WadahAgreementSigned(wadah_id=village.wadah_id, agreement_id=new_id(), **days)
        )
    if terminated:
        village.decided.append(
            WadahTerminated(
                wadah_id=village.wadah_id, reason_code="targets", decided_at=noon(NOVEMBER, 1)
            )
        )
    await tell(village)

    await close(NOVEMBER)

    rows = (await session.scalars(select(Statement))).all()
    assert {row.beneficiary_kind: row.held_reason for row in rows} == {"agent": None, "wadah": held}
    assert {row.beneficiary_id: row.amount for row in rows} == {
        village.agent_id: 5_520,
        village.wadah_id: 552,
    }
    issued = [each for each in await list_published(session) if isinstance(each, StatementIssued)]
    assert {each.beneficiary_kind: each.is_held for each in issued} == {
        "agent": False,
        "wadah": held is not None,
    }
    assert {each.issued_at for each in issued} == {row.issued_at for row in rows}
