"""Schemes to compare, and comparisons that the worker makes."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
from payment_service_tests.beginnings import Close, Live, Tell
from payment_service_tests.village import TWO, Village, apply_events, compute, noon
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.scheme_comparisons import service
from payment_service.scheme_comparisons.models import ComparedBeneficiary, SchemeComparison
from payment_service.scheme_comparisons.tasks import Comparer
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import NEW_PERISAI, PROGRAMME_BEGAN
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import Step

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
MakeStep = Callable[[Live], Step]
Compare = Callable[..., Awaitable[SchemeComparison]]
Find = Callable[[Month], Awaitable[UUID]]
Amounts = Callable[[UUID], Awaitable[dict[UUID, tuple[int, int]]]]


@pytest.fixture
def find_scheme(session: AsyncSession) -> Find:
    """Return the approved scheme that begins in a month."""

    async def find(first_month: Month) -> UUID:
        found = select(Scheme.id).where(
            Scheme.first_month == first_month, Scheme.status == "approved"
        )
        return (await session.scalars(found)).one()

    return find


@pytest.fixture
async def old_scheme(find_scheme: Find) -> UUID:
    """The scheme of 2017."""
    return await find_scheme(PROGRAMME_BEGAN)


@pytest.fixture
async def present_scheme(find_scheme: Find) -> UUID:
    """The scheme of 2022, under which everything is booked."""
    return await find_scheme(NEW_PERISAI)


@pytest.fixture
def compare(session: AsyncSession, database: Database) -> Compare:
    """Ask for a comparison, and let the worker make it."""

    async def compare(
        scheme_id: UUID, first: Month, month_count: int = 1, *, batch: int = 500
    ) -> SchemeComparison:
        asked = await service.ask(
            session, scheme_id=scheme_id, first=first, month_count=month_count, by=new_id()
        )
        comparer = Comparer(batch=batch)
        assert await comparer.is_due(session)
        assert await comparer.run(database) is False
        assert not await comparer.is_due(session)
        await session.refresh(asked)
        return asked

    return compare


@pytest.fixture
def amounts(session: AsyncSession) -> Amounts:
    """Return what was booked and what would be, in rupiah, by beneficiary."""

    async def read(comparison_id: UUID) -> dict[UUID, tuple[int, int]]:
        rows = await session.scalars(
            select(ComparedBeneficiary).where(ComparedBeneficiary.comparison_id == comparison_id)
        )
        return {each.beneficiary_id: (each.actual, each.would_be) for each in rows}

    return read


async def make_history(tell: Tell, close: Close, session: AsyncSession) -> list[Village]:
    """Let villages earn, lose and carry rests in two months, around closings."""
    wadah_id = new_id()
    villages = [Village(wadah_id=wadah_id) for _ in range(5)]
    villages[0].enrol(26, NOVEMBER)
    villages[1].enrol(24, NOVEMBER, prices=TWO)
    villages[2].pay(NOVEMBER, prices={"jht": (6, 0)}, is_acquisition=False)  # 0.9 rupiah
    villages[3].enrol(25, NOVEMBER)
    villages[4].enrol(3, NOVEMBER, agent_id=None, wadah_id=None)  # the branch's
    villages[3].decided.append(villages[3].suspend(noon(NOVEMBER, 12)))
    await tell(*villages)
    await close(NOVEMBER)
    for village in villages[:3]:
        village.pay(DECEMBER, prices={"jht": (7, 0)}, is_acquisition=False)
    villages[1].enrol(30, DECEMBER)
    villages[3].pay(DECEMBER)  # not at work any more
    await tell(*villages)
    late = [villages[0].decline(villages[0].settled[index]) for index in (0, 1)]
    await apply_events(session, late)  # it loses the threshold of the closed month
    await compute(session)
    await close(DECEMBER)
    return villages


async def earn(tell: Tell, close: Close, _: AsyncSession) -> Village:
    village = Village()
    village.enrol(4, NOVEMBER)
    await tell(village)
    await close(NOVEMBER)
    return village


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    """A closed month of one village, or the history of two, if a test asks for them."""
    steps = {"village": earn, "history": make_history}
    return [make_step(live) for name, live in steps.items() if name in request.fixturenames]


@pytest.fixture
def history(made: list[Village]) -> list[Village]:
    """Villages after two closed months."""
    return made


@pytest.fixture
def village(made: Village) -> Village:
    """A village of four new members, whose November is closed."""
    return made
