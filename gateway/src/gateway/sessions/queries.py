import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.sessions.models import SignInSession
from perisai_kit.db.bulk import OldRows

_ENDED = select(SignInSession.id, SignInSession.ended_at).where(
    SignInSession.ended_at >= bindparam("since")
)
"""Made once, because every process asks every two seconds."""


async def lock_session(session: AsyncSession, session_id: uuid.UUID) -> SignInSession | None:
    return await session.get(
        SignInSession, session_id, with_for_update=True, populate_existing=True
    )


async def list_living(
    session: AsyncSession, *, account_id: uuid.UUID, now: datetime, limit: int
) -> Sequence[SignInSession]:
    """Return the living sessions of an account, newest first."""
    living = (
        select(SignInSession)
        .where(
            SignInSession.account_id == account_id,
            SignInSession.ended_at.is_(None),
            SignInSession.expires_at > now,
        )
        .order_by(SignInSession.id.desc())
        .limit(limit)
    )
    return (await session.scalars(living)).all()


async def list_ended(session: AsyncSession, *, since: datetime) -> list[tuple[uuid.UUID, datetime]]:
    rows = await session.execute(_ENDED, {"since": since})
    return [(session_id, at) for session_id, at in rows if at is not None]


def get_old_sessions(*, expired_before: datetime) -> OldRows:
    return OldRows(SignInSession.expires_at, expired_before)
