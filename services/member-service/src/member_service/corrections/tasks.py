"""Periodic work on corrections: notify the old number, and change it after the delay."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.clients import gateway
from member_service.corrections import service
from member_service.corrections.service import Office
from member_service.members import service as members
from perisai_kit.db.engine import Database
from perisai_kit.domain.errors import DomainError
from perisai_kit.runtime.log import get_logger
from perisai_kit.services.client import ServiceClient

BATCH = 50

log = get_logger()


class CorrectionTasks:
    """Announce and apply corrections. client: of the gateway, which sends the notices."""

    def __init__(self, office: Office, client: ServiceClient) -> None:
        self._office = office
        self._client = client

    async def is_due(self, session: AsyncSession) -> bool:
        """Tell whether a correction waits to be announced or applied now."""
        return bool(await service.list_waiting(session, limit=1))

    async def advance(self, database: Database) -> bool:
        """Announce and apply what is due; return whether there is more to do."""
        async with database.read() as session:
            due = await service.list_waiting(session, limit=BATCH)
        done = 0
        for correction_id, member_id, due_at in due:
            if due_at is None:
                done += await self._announce(database, correction_id, member_id)
                continue
            async with database.begin() as session:
                await service.apply_waiting(
                    session, member_id=member_id, correction_id=correction_id, office=self._office
                )
            done += 1
        return done == BATCH

    async def _announce(self, database: Database, correction_id: UUID, member_id: UUID) -> bool:
        async with database.read() as session:
            phone = await members.read_phone(session, member_id)
        try:
            # The gateway sends each id once, so a crash before the next transaction does no harm.
            await gateway.send_notice(
                self._client,
                notice_id=correction_id,
                phone=phone,
                template=gateway.MEMBER_PHONE_CHANGING,
            )
        except DomainError as error:
            log.warning(
                "correction_notice.not_sent", correction_id=str(correction_id), code=error.code
            )
            return False
        async with database.begin() as session:
            await service.record_notice(
                session, member_id=member_id, correction_id=correction_id, office=self._office
            )
        return True
