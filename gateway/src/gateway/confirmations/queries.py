import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Account


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
