from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.declarations.models import WorkDeclaration
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


async def list_of_members(
    session: AsyncSession, member_ids: Collection[UUID]
) -> Sequence[WorkDeclaration]:
    query = select(WorkDeclaration).where(WorkDeclaration.member_id == any_id(member_ids))
    return (await session.scalars(query)).all()
