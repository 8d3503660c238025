from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.endings.models import ReportedEnding
from perisai_kit.db.bulk import any_id


async def list_endings(
    session: AsyncSession, member_ids: Collection[UUID]
) -> Sequence[ReportedEnding]:
    """Return the reported endings of these members, withdrawn ones too, the oldest first.

    Officers report them by hand, so a member has only a few.
    """
    query = select(ReportedEnding).where(ReportedEnding.member_id == any_id(member_ids))
    ordered = query.order_by(ReportedEnding.reported_at, ReportedEnding.id)
    return (await session.scalars(ordered)).all()


async def find_ending(session: AsyncSession, ending_id: UUID) -> ReportedEnding | None:
    return await session.get(ReportedEnding, ending_id)
