from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.consents.models import Consent


async def insert_consents(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(Consent), list(rows))
