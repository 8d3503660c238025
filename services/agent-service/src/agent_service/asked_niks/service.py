"""Count the different NIKs that an account names in its applications."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.asked_niks import queries, rules
from perisai_kit.domain import clock
from perisai_kit.privacy.day_limits import COUNTED


async def ask(session: AsyncSession, *, account_id: UUID, nik_hash: bytes, limit: int) -> None:
    """Record that an account names a NIK. Call it in a transaction of its own, which a refusal of
    the application does not roll back.

    Raises: TooManyNiks.
    """
    now = clock.now()
    await queries.lock_account(session, account_id)
    if await queries.was_asked(session, account_id, nik_hash, since=now - COUNTED):
        return
    rules.check_limit(await queries.find_limiting_at(session, account_id, limit), now=now)
    await queries.save(session, account_id, [nik_hash], at=now, since=now - COUNTED)
