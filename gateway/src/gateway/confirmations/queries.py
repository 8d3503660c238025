import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account
from gateway.confirmations.models import ConfirmationCode
from perisai_kit.db.bulk import OldRows


async def is_agents_number(
    session: AsyncSession, phone_hash: bytes, *, besides_member: uuid.UUID
) -> bool:
    """Tell whether an account that is or was an agent's has this number.

    besides_member: the agent who is this member does not count.
    """
    agents = select(Account.id).where(
        Account.phone_hash == phone_hash,
        Account.was_agent_at.is_not(None),
        Account.member_id.is_distinct_from(besides_member),
    )
    return await session.scalar(agents.limit(1)) is not None


async def lock_newest(
    session: AsyncSession, *, subject_id: uuid.UUID, phone_hash: bytes
) -> ConfirmationCode | None:
    newest = (
        select(ConfirmationCode)
        .where(ConfirmationCode.subject_id == subject_id, ConfirmationCode.phone_hash == phone_hash)
        .order_by(ConfirmationCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return await session.scalar(newest)


def get_old(*, ended_before: datetime) -> OldRows:
    return OldRows(ConfirmationCode.expires_at, ended_before)
