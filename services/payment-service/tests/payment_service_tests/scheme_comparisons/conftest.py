"""Schemes to compare, and comparisons that the worker makes."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
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
