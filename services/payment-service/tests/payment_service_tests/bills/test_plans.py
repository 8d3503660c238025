"""Lists of few bills among many have an index."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def test_a_list_of_bills_that_are_not_paid_reads_their_index(session: AsyncSession) -> None:
    for other in ("seqscan", "bitmapscan", "sort"):
        await session.execute(text(f"SET LOCAL enable_{other} = off"))
    for status in ("open", "replaced", "void", "ended"):
        rows = await session.scalars(
            text(
                f"EXPLAIN SELECT * FROM bills WHERE status = '{status}'"  # noqa: S608 - from above
                " ORDER BY id DESC LIMIT 51"
            )
        )
        assert "ix_bills_unpaid" in "".join(rows)
