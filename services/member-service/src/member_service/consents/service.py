"""The consents of members: written once, never changed."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.consents import queries
from member_service.consents.schemas import Consent
from member_service.members.rules import Stamp
from perisai_kit.domain.ids import new_id


async def record(session: AsyncSession, given: Mapping[UUID, Consent], stamp: Stamp) -> None:
    """Write the consents of new members, by member id; at least one."""
    rows = [
        {
            "id": new_id(),
            "member_id": member_id,
            **consent.model_dump(),
            "made_by": stamp.account_id,
            "made_at": stamp.at,
        }
        for member_id, consent in given.items()
    ]
    await queries.insert_consents(session, rows)
