from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.open_bills.models import OpenBill
from perisai_kit.db.bulk import any_id, insert_rows_statement


async def delete_bills(session: AsyncSession, bill_ids: Collection[UUID]) -> None:
    statement = delete(OpenBill).where(OpenBill.bill_id == any_id(bill_ids))
    await session.execute(statement.execution_options(synchronize_session=False))


async def upsert_bills(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Store bills, of different members, instead of the earlier bills of these members."""
    new = insert_rows_statement(OpenBill, rows)
    moved = {name: new.excluded[name] for name in ("bill_id", "amount", "ends_at")}
    await session.execute(
        new.on_conflict_do_update(index_elements=[OpenBill.member_id], set_=moved)
    )


async def list_bills(
    session: AsyncSession, member_ids: Collection[UUID], *, at: datetime
) -> dict[UUID, OpenBill]:
    """Return the bills of these members that take money at an instant, by member id."""
    query = select(OpenBill).where(OpenBill.member_id == any_id(member_ids), OpenBill.ends_at > at)
    return {row.member_id: row for row in await session.scalars(query)}
