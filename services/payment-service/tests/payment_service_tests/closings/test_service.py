"""The steps of a close: what each makes, and that no interruption changes the result."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.month_closing import agree_to_close
from payment_service_tests.village import Village, apply_events, compute, noon
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import service
from payment_service.closings.models import Closing, ClosingEntry
from payment_service.closings.rules import BeneficiariesUnknown, ClosingStatus, ClosingVerdict
from payment_service.commissions.models import CommissionLine
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import EarningsAsked
from payment_service.months import service as months
from payment_service.months.rules import MonthBeingClosed, MonthClosedAlready
from payment_service.schemes.rules import PARTS
from payment_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import WadahAgreementSigned, WadahTerminated
from perisai_kit.testing.plugin import BusinessTime

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
EndMonth = Callable[[Month], Awaitable[None]]
Faults = Callable[[AsyncSession], Awaitable[list[str]]]
FINANCE = Principal(
    account_id=new_id(), roles=frozenset({Role.FINANCE_OFFICER}), scope=Scope(ScopeKind.COUNTRY)
)


async def step(session: AsyncSession, settings: Settings, *, batch: int = 3) -> bool:
    return await service.step(session, batch=batch, settings=settings)


async def shown(session: AsyncSession) -> set[UUID]:
    page = await statements.list_statements(
        session, FINANCE, month=None, beneficiary_id=None, cursor=None, limit=200
    )
    return {each.beneficiary_id for each in page.items}


async def stated(session: AsyncSession) -> dict[UUID, dict[str, Any]]:
    """Return the statements by beneficiary, without their ids and the instant of the close."""
    names = {each.key for each in Statement.__mapper__.column_attrs} - {"id", "issued_at"}
    rows = await session.scalars(select(Statement))
    return {row.beneficiary_id: {name: getattr(row, name) for name in names} for row in rows}


async def preview(session: AsyncSession, village: Village, month: Month) -> dict[str, Any]:
    asked = EarningsAsked(agent_id=village.agent_id, month=month)
    found = await statements.preview(session, FINANCE, asked, scheme_id=None)
    return found.model_dump(exclude={"status"})


async def test_books_lists_and_previews_hold_after_every_step(
    session: AsyncSession,
    settings: Settings,
    villages: list[Village],
    tell: Tell,
    end_month: EndMonth,
    faults: Faults,
) -> None:
    villages[1].enrol(1, NOVEMBER.plus(1), prices={"jht": (33, 0)})
    await tell(*villages)
    await end_month(NOVEMBER)
    before = [await preview(session, each, NOVEMBER.plus(1)) for each in villages]
    await agree_to_close(session, NOVEMBER, settings=settings)
    progress = []

    while await step(session, settings):
        closing = await service.get(session, NOVEMBER)
        progress.append((closing.status.value, closing.statement_count, closing.beneficiary_count))
        listed = (await months.list_months(session, cursor=None, limit=10)).items
        assert await faults(session) == []
        assert [await preview(session, each, NOVEMBER.plus(1)) for each in villages] == before
        is_done = closing.status is ClosingStatus.DONE
        assert [each.status.value for each in listed] == [
            "open",
            "closed" if is_done else "closing",
        ]
        assert len(await shown(session)) == (8 if is_done else 0)

    assert progress == [
        ("running", 0, None),
        ("running", 0, 8),
        ("running", 3, 8),
        ("running", 6, 8),
        ("running", 8, 8),
        ("done", 8, 8),
    ]
    assert (await session.scalars(select(ClosingEntry))).all() == []


@pytest.mark.parametrize("batch", [1, 3, 2_000])
@pytest.mark.usefixtures("agreed")
async def test_statements_are_the_lines_whatever_the_batch(
    session: AsyncSession,
    settings: Settings,
    batch: int,
) -> None:
    while await step(session, settings, batch=batch):
        pass

    earned: dict[UUID, int] = defaultdict(int)
    for line in await session.scalars(select(CommissionLine)):
        earned[line.beneficiary_id] += line.base * line.rate_bps
    rows = (await session.scalars(select(Statement))).all()
    assert {row.beneficiary_id: row.amount for row in rows} == {
        who: parts // PARTS for who, parts in earned.items()
    }
    assert {row.total_parts - earned[row.beneficiary_id] for row in rows} == {0}
    assert {row.issued_at for row in rows} == {(await service.get(session, NOVEMBER)).closed_at}


@pytest.mark.parametrize(
    "after", [2, 3, *(pytest.param(each, marks=pytest.mark.soak) for each in (0, 1, 4, 5))]
)
@pytest.mark.usefixtures("agreed")
async def test_a_broken_step_is_repeated_with_the_same_result(
    session: AsyncSession,
    settings: Settings,
    faults: Faults,
    after: int,
) -> None:
    async with session.begin_nested() as whole:
        while await step(session, settings):
            pass
        uninterrupted = await stated(session)
        await whole.rollback()

    for _ in range(after):
        assert await step(session, settings)
    # A process that dies rolls its step back, at the latest at the commit.
    async with session.begin_nested() as lost:
        assert await step(session, settings)
        await lost.rollback()
    while await step(session, settings):
        pass

    assert await stated(session) == uninterrupted
    assert await faults(session) == []


async def test_what_is_counted_while_a_close_runs_is_in_the_next_month(
    session: AsyncSession,
    settings: Settings,
    agreed: list[Village],
    tell: Tell,
    faults: Faults,
) -> None:
    for _ in range(3):
        await step(session, settings)
    declined = agreed[1].decline(agreed[1].settled[0])
    late = agreed[2].pay(NOVEMBER, is_acquisition=False)

    await tell(agreed[2])
    await apply_events(session, [declined])
    await compute(session)
    while await step(session, settings):
        pass

    amounts = {who: row["amount"] for who, row in (await stated(session)).items()}
    assert amounts[agreed[1].agent_id] == 3 * 5_520
    assert amounts[agreed[2].agent_id] == 5_520
    lines = await session.scalars(
        select(CommissionLine).where(CommissionLine.booked_month > NOVEMBER)
    )
    assert {each.allocation_id for each in lines} == {
        agreed[1].settled[0].allocation_id,
        late.allocation_id,
    }
    assert await faults(session) == []


async def test_what_is_learned_of_a_wadah_while_a_close_runs_changes_no_statement(
    session: AsyncSession, settings: Settings, tell: Tell, end_month: EndMonth
) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    days = {"starts_on": noon(NOVEMBER).date(), "ends_on": noon(NOVEMBER.plus(12)).date()}
    village.decided.append(
        WadahAgreementSigned(wadah_id=village.wadah_id, agreement_id=new_id(), **days)
    )
    await tell(village)
    await end_month(NOVEMBER)
    await agree_to_close(session, NOVEMBER, settings=settings)
    await step(session, settings)
    moved = Village(agent_id=village.agent_id, branch_code="MKS", region_code="SUL")
    ended = WadahTerminated(
        wadah_id=village.wadah_id, reason_code="targets", decided_at=clock.now()
    )

    await apply_events(session, [ended, moved.reinstate(clock.now())])
    while await step(session, settings):
        pass

    rows = (await session.scalars(select(Statement))).all()
    assert {(row.wadah_id, row.branch_code, row.held_reason) for row in rows} == {
        (village.wadah_id, "BWI", None)
    }


async def test_the_next_month_waits_until_this_one_is_complete(
    session: AsyncSession,
    settings: Settings,
    villages: list[Village],
    tell: Tell,
    end_month: EndMonth,
) -> None:
    await tell(*villages)
    await end_month(NOVEMBER.plus(1))
    await agree_to_close(session, NOVEMBER, settings=settings)
    await step(session, settings)

    with pytest.raises(MonthBeingClosed) as refused:
        await service.propose(session, NOVEMBER.plus(1), by=new_id(), settings=settings)
    with pytest.raises(MonthBeingClosed):
        await service.dry_run(session, NOVEMBER.plus(1), settings)
    with pytest.raises(MonthClosedAlready):
        await service.propose(session, NOVEMBER, by=new_id(), settings=settings)

    assert refused.value.details == {"month": "2025-11"}
    while await step(session, settings):
        pass
    await service.propose(session, NOVEMBER.plus(1), by=new_id(), settings=settings)


async def test_earnings_of_nobody_known_keep_a_close_waiting(
    session: AsyncSession,
    settings: Settings,
    agreed: list[Village],
) -> None:
    await step(session, settings)
    await session.execute(
        text("DELETE FROM month_closing_entries WHERE beneficiary_id = :id"),
        {"id": agreed[0].wadah_id},
    )

    with pytest.raises(BeneficiariesUnknown) as refused:
        await step(session, settings)

    assert refused.value.details == {"count": 1}


@pytest.mark.usefixtures("agreed")
async def test_a_confirmed_closing_that_has_not_begun_can_be_rejected_and_proposed_anew(
    session: AsyncSession,
    settings: Settings,
) -> None:
    await service.decide(
        session, NOVEMBER, verdict=ClosingVerdict.REJECTED, by=new_id(), settings=settings
    )

    assert not await step(session, settings)
    assert (await service.get(session, NOVEMBER)).status is ClosingStatus.REJECTED
    await agree_to_close(session, NOVEMBER, settings=settings)
    assert (await service.get(session, NOVEMBER)).status is ClosingStatus.CONFIRMED
    assert len((await session.scalars(select(Closing))).all()) == 2


@pytest.mark.usefixtures("agreed")
async def test_the_instant_of_the_close_is_its_first_step(
    session: AsyncSession,
    settings: Settings,
    business_time: BusinessTime,
) -> None:
    await step(session, settings)
    begun = clock.now()
    business_time.at(begun + timedelta(days=2))

    while await step(session, settings):
        pass

    (closed,) = (await months.list_months(session, cursor=None, limit=10)).items
    closing = await service.get(session, NOVEMBER)
    assert closing.closed_at is not None
    assert abs(closing.closed_at - begun) < timedelta(minutes=5)
    assert closed.closed_at == closing.closed_at
    assert closed.closed_by == closing.decided_by
    assert closing.done_at is not None
    assert closing.done_at - begun > timedelta(days=1)
