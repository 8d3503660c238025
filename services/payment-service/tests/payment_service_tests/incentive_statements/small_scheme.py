"""The scheme of 2022 with a threshold that a small village reaches, and what is booked under it."""

from fractions import Fraction
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.schemes.rules import PARTS, SCHEME_2022
from payment_service.schemes.schemas import SchemeTerms

THRESHOLD = 3


async def add_scheme(session: AsyncSession) -> None:
    """Let the scheme of 2022 apply with a threshold that a small village reaches."""
    terms = SchemeTerms.of(SCHEME_2022).model_copy(update={"threshold": THRESHOLD})
    await session.execute(
        text(
            "INSERT INTO commission_schemes (id, name, first_month, terms, source, status,"
            " proposed_at, decided_at) VALUES (:id, 'Small', '2025-01', CAST(:terms AS jsonb),"
            " 'a test', 'approved', now(), now())"
        ),
        {"id": UUID(int=1), "terms": terms.model_dump_json()},
    )


async def earned(session: AsyncSession) -> dict[tuple[UUID, str], Fraction]:
    """Return the sum of all lines, opposites too, by the month they are for."""
    rows = await session.execute(
        text(
            "SELECT beneficiary_id, earned_month, sum(parts) FROM commission_lines"
            " GROUP BY 1, 2 HAVING sum(parts) <> 0"
        )
    )
    return {(who, month): Fraction(int(parts), PARTS) for who, month, parts in rows}
