"""Count the different NIKs that an account names in its applications."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from agent_service.asked_niks import rules
from agent_service.asked_niks.models import AskedNik
from perisai_kit.domain import clock
from perisai_kit.privacy import asked_niks


async def ask(session: AsyncSession, *, account_id: UUID, nik_hash: bytes, limit: int) -> None:
    """Record that an account names a NIK. Call it in a transaction of its own, which a refusal of
    the application does not roll back.

    Raises: TooManyNiks.
    """
    now = clock.now()
    await asked_niks.lock_account(session, account_id)
    if await asked_niks.was_asked(session, AskedNik, account_id, nik_hash, at=now):
        return
    limiting_at = await asked_niks.find_limiting_at(session, AskedNik, account_id, limit)
    rules.check_limit(limiting_at, now=now)
    await asked_niks.save(session, AskedNik, account_id, [nik_hash], at=now)
