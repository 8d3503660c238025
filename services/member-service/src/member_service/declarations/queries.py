from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.declarations.models import WorkDeclaration
from member_service.registrations.rules import Declaration
from perisai_kit.db.bulk import any_id


async def insert_declarations(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(WorkDeclaration), list(rows))


async def find_declaration(session: AsyncSession, declaration_id: UUID) -> WorkDeclaration | None:
    return await session.get(WorkDeclaration, declaration_id)


async def list_declarations(
    session: AsyncSession, member_id: UUID, *, limit: int
) -> Sequence[WorkDeclaration]:
    query = select(WorkDeclaration).where(WorkDeclaration.member_id == member_id)
    newest_first = query.order_by(WorkDeclaration.made_at.desc(), WorkDeclaration.id.desc())
    return (await session.scalars(newest_first.limit(limit))).all()


async def list_by_member(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[Declaration]]:
    row = WorkDeclaration
    query = select(row.member_id, row.id, row.declared_on, row.made_at)
    found: dict[UUID, list[Declaration]] = {}
    rows = await session.execute(query.where(row.member_id == any_id(member_ids)))
    for member_id, id_, declared_on, made_at in rows:
        found.setdefault(member_id, []).append(Declaration(id_, declared_on, made_at))
    return found
