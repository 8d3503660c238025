"""Closing months: what is stated, owed and published, and what is refused."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.month_closing import find_month
from payment_service_tests.village import (
    FULL,
    RELIEVED,
    Village,
    noon,
)
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.incentive_statements import service
from payment_service.incentive_statements.models import Statement
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import Cause, CauseKind
from payment_service.months import service as months
from payment_service.months.rules import MonthStatus
from payment_service.schemes.rules import PARTS
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import StatementIssued
from perisai_kit.events.outbox import EventRow
from perisai_kit.testing.feeds import list_published

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
ReadAll = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
FINANCE = Principal(
    account_id=new_id(),
    roles=frozenset({Role.FINANCE_OFFICER}),
    scope=Scope(ScopeKind.COUNTRY),
)


async def stated(session: AsyncSession) -> dict[tuple[UUID, Month], int]:
    rows = await session.scalars(select(Statement))
    return {(row.beneficiary_id, row.month): row.amount for row in rows}


async def balances(session: AsyncSession) -> dict[str, int]:
    page = await ledger.list_accounts(session, cursor=None, limit=200)
    return {item.account: item.balance for item in page.items}


async def test_a_close_states_owes_and_tells_what_was_earned(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = Village()
    village.enrol(50, NOVEMBER)
    await tell(village)

    await close(NOVEMBER)

    assert await stated(session) == {
        (village.agent_id, NOVEMBER): 1_026_000,
        (village.wadah_id, NOVEMBER): 102_600,
    }
    assert await balances(session) == {
        "incentive_expense:2025-11": 1_128_600,
        f"incentive_payable:{village.agent_id}": 1_026_000,
        f"incentive_payable:{village.wadah_id}": 102_600,
    }
    issued = [each for each in await list_published(session) if isinstance(each, StatementIssued)]
    assert {(each.beneficiary_kind, each.beneficiary_id, each.amount) for each in issued} == {
        ("agent", village.agent_id, 1_026_000),
        ("wadah", village.wadah_id, 102_600),
    }
    assert {(each.wadah_id, each.month) for each in issued} == {(village.wadah_id, NOVEMBER)}
    month = await find_month(session, NOVEMBER)
    assert (month.status, month.statement_count, month.amount) == (MonthStatus.CLOSED, 2, 1_128_600)
    assert (month.agent_parts, month.wadah_parts) == (10_260_000_000, 1_026_000_000)
    assert month.line_count == 50 * (3 + 1) * 2
    assert await faults(session) == []


async def test_a_month_with_relief_states_the_relieved_figure(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(50, Month(2026, 11), prices=RELIEVED)
    await tell(village)

    await close(Month(2026, 11))

    assert sorted((await stated(session)).values()) == [96_300, 963_000]


async def test_a_transfer_bears_the_statement_and_the_last_day(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)

    await close(NOVEMBER)

    ids = (await session.scalars(select(Statement.id))).all()
    page = await ledger.list_transfers(
        session, account=None, cause=Cause(CauseKind.STATEMENT, ids[0]), cursor=None, limit=10
    )
    (transfer,) = page.items
    assert (transfer.cause, transfer.code) == (f"statement:{ids[0]}", "incentive_accrued")
    assert transfer.business_on == NOVEMBER.last_day
    assert len(ids) == 2


async def test_the_rest_below_a_rupiah_is_carried_and_not_lost(
    session: AsyncSession, tell: Tell, close: Close, faults: Faults
) -> None:
    village = Village()
    for ahead in range(3):
        village.pay(NOVEMBER.plus(ahead), prices={"jht": (33, 0)}, is_acquisition=False)
    await tell(village)

    for ahead in range(3):
        await close(NOVEMBER.plus(ahead))

    rows = await session.scalars(
        select(Statement).where(Statement.beneficiary_id == village.agent_id).order_by(Statement.id)
    )
    # 33 at 15 % is 4.95 a month: 14.85 in three.
    found = [(row.brought_parts, row.contribution_parts, row.amount) for row in rows]
    assert found == [(0, 49_500, 4), (9_500, 49_500, 5), (9_000, 49_500, 5)]
    assert await faults(session) == []


async def test_less_than_a_rupiah_is_stated_and_owes_nothing(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.pay(NOVEMBER, prices={"jht": (6, 0)}, is_acquisition=False)
    await tell(village)

    await close(NOVEMBER)

    assert set((await stated(session)).values()) == {0}
    assert await balances(session) == {}
    assert len(await list_published(session)) == 2


async def test_an_empty_month_can_be_closed(session: AsyncSession, close: Close) -> None:
    await close(NOVEMBER)

    month = await find_month(session, NOVEMBER)
    assert (month.statement_count, month.amount, month.line_count) == (0, 0, 0)
    assert await stated(session) == {}


async def test_who_earns_nothing_more_gets_no_more_statements(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, later = Village(), Village()
    village.enrol(1, NOVEMBER)
    later.enrol(1, NOVEMBER.plus(1))
    await tell(village, later)

    await close(NOVEMBER)
    await close(NOVEMBER.plus(1))

    assert {key[1] for key in await stated(session) if key[0] == village.agent_id} == {NOVEMBER}


async def test_a_late_report_is_stated_in_the_next_month(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    await tell(village)
    await close(NOVEMBER)
    village.pay(NOVEMBER, is_acquisition=False)

    await tell(village)
    await close(NOVEMBER.plus(1))

    assert await stated(session) == {
        (village.agent_id, NOVEMBER.plus(1)): 5_520,
        (village.wadah_id, NOVEMBER.plus(1)): 552,
    }


async def test_months_are_listed_open_and_closed_with_what_waits(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, unknown = Village(), Village()
    village.enrol(25, NOVEMBER)
    village.enrol(1, NOVEMBER.plus(2))
    for _ in range(3):
        unknown.settle(NOVEMBER.plus(3))
    await tell(village)
    await close(NOVEMBER)
    await tell(unknown)

    first = await months.list_months(session, cursor=None, limit=2)
    rest = await months.list_months(session, cursor=first.next_cursor, limit=2)

    shown = [
        (str(each.month), each.status, each.line_count, each.waiting_contributions, each.amount)
        for each in [*first.items, *rest.items]
    ]
    assert shown == [
        ("2026-02", "open", 0, 3 * 36_800, None),
        ("2026-01", "open", 6, 0, None),
        ("2025-11", "closed", 200, 0, 564_300),
    ]
    assert rest.next_cursor is None


async def test_what_waits_for_a_closed_month_is_shown_in_the_first_open_one(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village, late = Village(), Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    late.settle(NOVEMBER)
    late.settle(NOVEMBER.plus(1))
    await tell(late)

    page = await months.list_months(session, cursor=None, limit=10)

    shown = [(str(each.month), each.status, each.waiting_payments) for each in page.items]
    assert shown == [("2025-12", "open", 2), ("2025-11", "closed", 0)]


async def test_every_statement_adds_up_its_lines(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(30, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)

    page = await service.list_statements(
        session, FINANCE, month=NOVEMBER, beneficiary_id=None, cursor=None, limit=10
    )

    assert len(page.items) == 2
    for statement in page.items:
        lines: list[Any] = []
        cursor = None
        while not lines or cursor:
            part = await service.list_lines(
                session, FINANCE, statement.id, cursor=cursor, limit=100
            )
            lines += part.items
            cursor = part.next_cursor
        assert len(lines) == statement.line_count == 120
        assert all(line.parts == line.base * line.rate_bps for line in lines)
        by_rule = {
            rule: sum(line.parts for line in lines if line.rule == rule)
            for rule in ("contribution", "acquisition", "override")
        }
        assert by_rule == {
            "contribution": statement.contribution_parts,
            "acquisition": statement.acquisition_parts,
            "override": statement.override_parts,
        }
        assert sum(by_rule.values()) == statement.amount * PARTS + statement.carried_parts


async def test_the_record_of_statements_and_lines_cannot_be_changed(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER, prices=FULL)
    await tell(village)
    await close(NOVEMBER)

    for change in (
        "UPDATE statements SET line_count = 1",
        "DELETE FROM statements",
        "UPDATE commission_lines SET parts = base * rate_bps",
        "DELETE FROM commission_lines",
        "UPDATE commission_months SET amount = 1",
        "DELETE FROM commission_months",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(change))


async def test_a_statement_stays_with_the_wadah_of_its_time(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    moved = Village(agent_id=village.agent_id, branch_code="MKS", region_code="SUL")
    moved.decided = [moved.reinstate(noon(NOVEMBER, 20))]
    moved.enrol(1, NOVEMBER.plus(1))

    await tell(moved)
    await close(NOVEMBER.plus(1))

    rows = await session.scalars(
        select(Statement).where(Statement.beneficiary_id == village.agent_id).order_by(Statement.id)
    )
    assert [(row.wadah_id, row.branch_code) for row in rows] == [
        (village.wadah_id, "BWI"),
        (moved.wadah_id, "MKS"),
    ]


async def test_events_of_statements_have_ids_of_their_own(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)

    await close(NOVEMBER)

    rows = (await session.scalars(select(EventRow))).all()
    assert len({row.id for row in rows}) == 2
    assert {row.subject for row in rows} == {str(village.agent_id), str(village.wadah_id)}
    assert all(abs(row.occurred_at - clock.now()) < timedelta(minutes=5) for row in rows)
