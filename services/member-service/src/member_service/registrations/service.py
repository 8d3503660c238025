"""The record of registrations, as the calendar judges them."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.registrations import queries
from member_service.registrations.models import RegistrationRow
from member_service.registrations.rules import History, Registration
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import RegistrationCorrected, RegistrationOpened
from perisai_kit.events.envelope import Event
from perisai_kit.events.outbox import publish


async def record(session: AsyncSession, histories: Mapping[UUID, History]) -> None:
    """Write what the calendar judged for these members, and publish what is new or corrected."""
    rows = {row.id: row for row in await queries.list_rows(session, histories)}
    events: list[Event] = []
    new: list[RegistrationRow] = []
    for member_id, history in histories.items():
        for each in history.registrations:
            row = rows.pop(each.opened_by, None)
            if row is None:
                new.append(_row(member_id, each))
                events.append(_opened(member_id, each))
            elif _correct(row, each):
                events.append(_corrected(row))
    now = clock.now()
    for row in rows.values():
        if row.superseded_at is None:
            row.superseded_at = now
            events.append(_corrected(row))
    await queries.insert_rows(session, new)
    if events:
        await publish(session, *events)


def _row(member_id: UUID, registration: Registration) -> RegistrationRow:
    return RegistrationRow(
        id=registration.opened_by,
        member_id=member_id,
        began_at=registration.began_at,
        first_month=registration.first_month,
        kind=registration.kind,
        declaration_id=registration.declaration_id,
        age=registration.age,
        ends_on=registration.ends_on,
        end_reason=registration.end_reason,
    )


def _correct(row: RegistrationRow, registration: Registration) -> bool:
    """Bring a row up to date; return whether more than its end has changed.

    An end moves with every payment, so that alone is no correction.
    """
    before = (row.first_month, row.kind, row.superseded_at)
    row.first_month, row.kind, row.superseded_at = registration.first_month, registration.kind, None
    row.declaration_id, row.age = registration.declaration_id, registration.age
    row.ends_on, row.end_reason = registration.ends_on, registration.end_reason
    return before != (row.first_month, row.kind, row.superseded_at)


def _opened(member_id: UUID, registration: Registration) -> RegistrationOpened:
    return RegistrationOpened(
        registration_id=registration.opened_by,
        member_id=member_id,
        kind=registration.kind.value,
        began_on=registration.began_on,
        first_month=registration.first_month,
    )


def _corrected(row: RegistrationRow) -> RegistrationCorrected:
    return RegistrationCorrected(
        registration_id=row.id,
        member_id=row.member_id,
        kind=row.kind.value,
        began_on=jakarta_date(row.began_at),
        first_month=row.first_month,
        superseded=row.superseded_at is not None,
    )
