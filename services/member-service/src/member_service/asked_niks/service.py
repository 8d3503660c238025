"""Count the NIKs whose refusal shows an account that somebody has them."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.asked_niks import rules
from member_service.asked_niks.models import AskedNik
from perisai_kit.domain import clock
from perisai_kit.privacy import asked_niks


async def check_limit(session: AsyncSession, *, account_id: UUID, limit: int) -> None:
    """Check that an account may register people, before anything is answered.

    Raises: TooManyKnownNiks.
    """
    limiting_at = await asked_niks.find_limiting_at(session, AskedNik, account_id, limit)
    rules.check_limit(limiting_at, now=clock.now())


async def record(
    session: AsyncSession, *, account_id: UUID, nik_hashes: Collection[bytes], limit: int
) -> None:
    """Record refused NIKs before the refusal is answered; each counts once a day.

    The refusals of one account wait here for each other, so that only one can pass the limit.
    Raises: TooManyKnownNiks, if others have reached it meanwhile.
    """
    if nik_hashes:
        await asked_niks.lock_account(session, account_id)
        await check_limit(session, account_id=account_id, limit=limit)
        await asked_niks.save(session, AskedNik, account_id, nik_hashes, at=clock.now())
