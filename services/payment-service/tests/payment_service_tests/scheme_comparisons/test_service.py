"""What a scheme would have paid beside what was booked, by the rules that book."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from payment_service_tests.village import Village, compute
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service as reviews
from payment_service.commissions.models import CommissionLine
from payment_service.counting.models import Wait
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.scheme_comparisons import service
from payment_service.scheme_comparisons.models import (
    ComparedBeneficiary,
    ComparedMonth,
    SchemeComparison,
)
from payment_service.scheme_comparisons.rules import (
    ComparisonNotFound,
    ComparisonStatus,
    MonthFigures,
)
from payment_service.scheme_comparisons.tasks import Comparer, every_hour
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import SCHEME_2022, SchemeStatus
from payment_service.schemes.schemas import NewScheme, SchemeTerms
from payment_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import lowest_id_of, new_id
from perisai_kit.domain.month import Month

NOVEMBER, DECEMBER, JANUARY = Month(2025, 11), Month(2025, 12), Month(2026, 1)
OFFICER = Principal(
    account_id=new_id(), roles=frozenset({Role.FINANCE_OFFICER}), scope=Scope(ScopeKind.COUNTRY)
)
OWN = {"scheme_comparisons", "scheme_comparison_months", "scheme_comparison_beneficiaries"}
Tell = Callable[..., Awaitable[None]]
Close = Callable[[Month], Awaitable[None]]
Compare = Callable[..., Awaitable[SchemeComparison]]
Amounts = Callable[[UUID], Awaitable[dict[UUID, tuple[int, int]]]]


async def count_rows(session: AsyncSession) -> dict[str, int]:
    """Count the rows of every table but those of comparisons."""
    names = await session.scalars(
        text(
            "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
            " WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition"
            " AND has_table_privilege(pg_class.oid, 'SELECT')"
        )
    )
    wanted = sorted(set(names) - OWN - {"alembic_version"})
    assert len(wanted) > 20
    counts = [
        f"SELECT '{name}', count(*) FROM \"{name}\""  # noqa: S608 - names of our own tables
        for name in wanted
    ]
    return dict((await session.execute(text(" UNION ALL ".join(counts)))).all())


async def test_the_worked_figures_of_2017_and_2022_stand_side_by_side(
    tell: Tell, close: Close, compare: Compare, amounts: Amounts, old_scheme: UUID
) -> None:
    villages = {count: Village() for count in (24, 30, 50, 100)}
    for count, village in villages.items():
        village.enrol(count, NOVEMBER)
    await tell(*villages.values())
    await close(NOVEMBER)

    found = await amounts((await compare(old_scheme, NOVEMBER)).id)

    # Source: docs/money.md, Worked figures: since 2022, until 2022.
    agents = {count: found[each.agent_id] for count, each in villages.items()}
    assert agents == {
        24: (132_480, 59_616),
        30: (615_600, 74_520),
        50: (1_026_000, 574_200),
        100: (2_052_000, 698_400),
    }
    wadahs = {count: found[each.wadah_id] for count, each in villages.items()}
    assert wadahs == {
        24: (13_248, 6_624),
        30: (61_560, 8_280),
        50: (102_600, 63_800),
        100: (205_200, 77_600),
    }


async def test_the_scheme_in_force_itself_differs_for_nobody(
    session: AsyncSession,
    history: list[Village],
    compare: Compare,
    amounts: Amounts,
    present_scheme: UUID,
) -> None:
    done = await compare(present_scheme, NOVEMBER, 2)

    found = await amounts(done.id)
    assert {who for who, (actual, would_be) in found.items() if actual != would_be} == set()
    stated = dict(
        (
            await session.execute(
                select(Statement.beneficiary_id, func.sum(Statement.amount)).group_by(
                    Statement.beneficiary_id
                )
            )
        ).all()
    )
    assert {who: actual for who, (actual, _) in found.items()} == stated
    assert history[4].agent_id not in found
    assert sum(stated.values()) > 1_000_000


@pytest.mark.soak
@pytest.mark.usefixtures("history")
async def test_a_month_without_late_reports_is_what_its_statements_said(
    session: AsyncSession, tell: Tell, close: Close, compare: Compare, present_scheme: UUID
) -> None:
    village = Village()
    village.enrol(27, JANUARY)
    village.pay(JANUARY, prices={"jht": (7, 0)}, is_acquisition=False)
    await tell(village)
    await close(JANUARY)

    done = await compare(present_scheme, JANUARY)

    stated = select(func.sum(Statement.amount)).where(
        Statement.month == JANUARY, Statement.beneficiary_kind == BeneficiaryKind.AGENT
    )
    (figures,) = map(MonthFigures.of_stored, done.figures)
    assert figures.agents.actual == await session.scalar(stated)
    assert figures.agents.difference == figures.wadahs.difference == 0


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.soak), 7])
@pytest.mark.usefixtures("history")
async def test_small_steps_come_to_the_same(
    compare: Compare,
    amounts: Amounts,
    old_scheme: UUID,
    batch: int,
) -> None:
    whole = await compare(old_scheme, NOVEMBER, 2)

    stepped = await compare(old_scheme, NOVEMBER, 2, batch=batch)

    assert await amounts(stepped.id) == await amounts(whole.id)
    assert stepped.figures == whole.figures
    counts = (stepped.payment_count, stepped.compared_count, stepped.waiting_count)
    assert counts == (whole.payment_count, whole.payment_count, 0)


@pytest.mark.usefixtures("history")
async def test_a_comparison_writes_nothing_but_itself(
    session: AsyncSession, compare: Compare, old_scheme: UUID
) -> None:
    before = await count_rows(session)

    await compare(old_scheme, NOVEMBER, 2, batch=20)

    assert await count_rows(session) == before


async def test_a_proposed_scheme_counts_in_months_before_it_begins(
    session: AsyncSession,
    settings: Settings,
    village: Village,
    compare: Compare,
    amounts: Amounts,
) -> None:
    terms = SchemeTerms.of(SCHEME_2022).model_copy(update={"threshold": 4, "override_bps": 0})
    new = NewScheme(name="Lower", first_month=Month(2027, 1), terms=terms, source="a test")
    proposed = await schemes.propose(session, new, by=new_id(), settings=settings)

    found = await amounts((await compare(proposed.id, NOVEMBER)).id)

    assert found[village.agent_id] == (4 * 5_520, 4 * 5_520 + 4 * 15_000)
    assert found[village.wadah_id] == (4 * 552, 0)
    assert proposed.status is SchemeStatus.PROPOSED


async def test_a_bonus_that_is_held_is_not_paid_by_another_scheme_either(
    session: AsyncSession,
    tell: Tell,
    close: Close,
    compare: Compare,
    amounts: Amounts,
    old_scheme: UUID,
) -> None:
    village = Village()
    village.enrol(50, NOVEMBER)
    await tell(village)
    review = await reviews.open_review(session, OFFICER, agent_id=village.agent_id, month=NOVEMBER)
    await compute(session)
    await close(NOVEMBER)

    held = await amounts((await compare(old_scheme, NOVEMBER)).id)
    await reviews.release(session, OFFICER, review.review.review.id)
    await compute(session)
    released = await amounts((await compare(old_scheme, NOVEMBER)).id)

    assert held[village.agent_id] == (50 * 5_520, 50 * 2_484)
    assert released[village.agent_id] == (1_026_000, 574_200)


async def test_a_payment_that_waits_is_left_out_on_both_sides_and_counted(
    session: AsyncSession,
    village: Village,
    compare: Compare,
    amounts: Amounts,
    present_scheme: UUID,
) -> None:
    payment = village.settled[0]
    session.add(
        Wait(
            allocation_id=payment.allocation_id,
            payment_id=payment.payment_id,
            counts_at=payment.counts_at,
            is_answered=True,
        )
    )
    await session.flush()

    done = await compare(present_scheme, NOVEMBER)

    assert (done.payment_count, done.compared_count, done.waiting_count) == (4, 3, 1)
    assert (await amounts(done.id))[village.agent_id] == (3 * 5_520, 3 * 5_520)


async def test_a_step_is_stored_once_however_often_it_was_computed(
    session: AsyncSession, database: Database, village: Village, old_scheme: UUID
) -> None:
    asked = await service.ask(
        session, scheme_id=old_scheme, first=NOVEMBER, month_count=1, by=new_id()
    )

    for _ in range(3):
        async with database.read_snapshot() as reading:
            steps = [await service.compute_step(reading, batch=2) for _ in range(2)]
        for step in steps:
            assert step is not None
            await service.store_step(session, step)

    assert asked.step_no == 3
    parts = select(func.sum(ComparedMonth.actual_parts), func.sum(ComparedMonth.would_be_parts))
    lines = select(func.sum(CommissionLine.parts))
    actual, would_be = (await session.execute(parts)).one()
    assert actual == await session.scalar(lines)
    assert would_be == 4 * 36_800 * 750


async def test_a_step_that_fails_says_so_and_is_tried_again(
    session: AsyncSession,
    database: Database,
    village: Village,
    compare: Compare,
    old_scheme: UUID,
) -> None:
    asked = await service.ask(
        session, scheme_id=old_scheme, first=NOVEMBER, month_count=1, by=new_id()
    )
    stray = ComparedBeneficiary(
        comparison_id=asked.id,
        beneficiary_id=village.agent_id,
        beneficiary_kind=BeneficiaryKind.AGENT,
        brought_parts=0,
        actual=0,
        would_be=0,
        difference=0,
    )
    session.add(stray)
    await session.flush()

    other = await service.ask(
        session, scheme_id=old_scheme, first=NOVEMBER, month_count=1, by=new_id()
    )

    for _ in range(2):
        with pytest.raises(IntegrityError):
            await Comparer().run(database)
    for each in (asked, other):
        await session.refresh(each)
    failed = (asked.status, asked.failure_code, asked.failure_count, other.status)
    await session.delete(stray)
    await session.flush()
    await Comparer().run(database)
    await session.refresh(asked)

    # Another one does not wait for it.
    assert failed == ("adding_up", "database_failed", 2, "done")
    assert (asked.status, asked.failure_code, asked.failure_count) == ("done", None, 0)


async def test_a_comparison_is_deleted_after_thirty_days(
    session: AsyncSession,
    database: Database,
    village: Village,
    compare: Compare,
    old_scheme: UUID,
) -> None:
    kept = await compare(old_scheme, NOVEMBER)
    old_id = lowest_id_of(clock.real_now() - timedelta(days=30, seconds=1))
    agent = {"beneficiary_id": village.agent_id, "beneficiary_kind": BeneficiaryKind.AGENT}
    amounts = {"brought_parts": 0, "actual": 1, "would_be": 1, "difference": 0}
    copied = ("scheme_id", "first_month", "last_month", "asked_by", "asked_at", "figures")
    session.add_all(
        [
            SchemeComparison(
                id=old_id,
                status=ComparisonStatus.COMPARING,
                step_no=0,
                compared_count=0,
                waiting_count=0,
                failure_count=0,
                **{name: getattr(kept, name) for name in copied},
            ),
            ComparedMonth(
                comparison_id=old_id, month=NOVEMBER, actual_parts=1, would_be_parts=1, **agent
            ),
            ComparedBeneficiary(comparison_id=old_id, **agent, **amounts),
        ]
    )
    await session.flush()

    with pytest.raises(ComparisonNotFound):
        await service.get(session, old_id)
    await every_hour(database)

    for table in (ComparedMonth, ComparedBeneficiary):
        assert set(await session.scalars(select(table.comparison_id))) == {kept.id}
    assert list(await session.scalars(select(SchemeComparison.id))) == [kept.id]
