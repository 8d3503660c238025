"""Store registrations as the calendar judges them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.registrations import queries, rules
from member_service.registrations.models import RegistrationRow
from member_service.registrations.rules import EndReason, History, Registration
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.events.catalogue import (
    RegistrationCorrected,
    RegistrationEnded,
    RegistrationOpened,
)
from perisai_kit.events.envelope import Event
from perisai_kit.events.outbox import publish


async def record(session: AsyncSession, histories: Mapping[UUID, History]) -> frozenset[UUID]:
    """Store the registrations of these members, and publish new and corrected ones.

    Return the members whose day of passing to the branch has changed.
    """
    rows = {row.id: row for row in await queries.list_rows(session, histories)}
    over_before = _collect_pass_overs(rows.values())
    events: list[Event] = []
    new: list[dict[str, Any]] = []
    for member_id, history in histories.items():
        for each in history.registrations:
            row = rows.pop(each.opened_by, None)
            if row is None:
                new.append(_make_registration_row(member_id, each))
                events += [_make_opened_event(member_id, each), *_make_end_events(member_id, each)]
            else:
                events += _update_row(row, each, member_id)
    now = clock.now()
    for row in rows.values():
        if row.superseded_at is None:
            row.superseded_at = now
            events.append(_make_corrected_event(row))
    await session.flush()
    if new:
        await queries.insert_rows(session, new)
    if events:
        await publish(session, *events)
    over = {
        member_id: days
        for member_id, history in histories.items()
        if (days := [day for each in history.registrations if (day := each.pass_over)])
    }
    return frozenset(
        member_id
        for member_id in over_before.keys() | over.keys()
        if over_before.get(member_id) != over.get(member_id)
    )


async def list_pass_overs(
    session: AsyncSession, member_ids: Collection[UUID]
) -> dict[UUID, list[date]]:
    """Return, by member, the days on which members pass to the branch; most have none."""
    return _collect_pass_overs(await queries.list_rows(session, member_ids))


def _collect_pass_overs(rows: Iterable[RegistrationRow]) -> dict[UUID, list[date]]:
    found: dict[UUID, list[date]] = {}
    for row in rows:
        day = rules.find_pass_over(row.first_month, row.ends_on)
        if day is not None and row.superseded_at is None:
            found.setdefault(row.member_id, []).append(day)
    return found


def _make_registration_row(member_id: UUID, registration: Registration) -> dict[str, Any]:
    return {
        "id": registration.opened_by,
        "member_id": member_id,
        "began_at": registration.began_at,
        "first_month": registration.first_month,
        "kind": registration.kind,
        "declaration_id": registration.declaration_id,
        "age": registration.age,
        "ends_on": registration.ends_on,
        "end_reason": registration.end_reason,
    }


def _update_row(row: RegistrationRow, registration: Registration, member_id: UUID) -> list[Event]:
    """Bring a row up to date; return what has changed.

    Every payment moves the lapse, so a moved lapse alone is not a correction.
    """
    before = (row.first_month, row.kind, row.superseded_at)
    end_before = (row.ends_on, row.end_reason)
    row.first_month, row.kind, row.superseded_at = registration.first_month, registration.kind, None
    row.declaration_id, row.age = registration.declaration_id, registration.age
    row.ends_on, row.end_reason = registration.ends_on, registration.end_reason
    events: list[Event] = []
    if before != (row.first_month, row.kind, row.superseded_at):
        events.append(_make_corrected_event(row))
    if end_before != (row.ends_on, row.end_reason):
        row.announced_at = None
        events += _make_end_events(member_id, registration)
    return events


def _make_end_events(member_id: UUID, registration: Registration) -> list[Event]:
    """Return the events of a new end. A lapse is published only once it is certain."""
    if registration.end_reason is EndReason.LAPSED:
        return []
    ended = RegistrationEnded(
        registration_id=registration.opened_by,
        member_id=member_id,
        ended_on=registration.ends_on,
        reason_code=registration.end_reason.value,
    )
    return [ended]


def _make_opened_event(member_id: UUID, registration: Registration) -> RegistrationOpened:
    return RegistrationOpened(
        registration_id=registration.opened_by,
        member_id=member_id,
        kind=registration.kind.value,
        began_on=registration.began_on,
        first_month=registration.first_month,
    )


def _make_corrected_event(row: RegistrationRow) -> RegistrationCorrected:
    return RegistrationCorrected(
        registration_id=row.id,
        member_id=row.member_id,
        kind=row.kind.value,
        began_on=jakarta_date(row.began_at),
        first_month=row.first_month,
        superseded=row.superseded_at is not None,
    )


def _make_ended_event(row: RegistrationRow) -> RegistrationEnded:
    return RegistrationEnded(
        registration_id=row.id,
        member_id=row.member_id,
        ended_on=row.ends_on,
        reason_code=row.end_reason.value,
    )


async def list_members_to_announce(
    session: AsyncSession, *, on: date, limit: int
) -> frozenset[UUID]:
    """Return members with an end that is certain on a day and was not announced yet."""
    return await queries.list_members_to_announce(session, on=on, limit=limit)


async def announce_ends(session: AsyncSession, member_ids: Collection[UUID], *, on: date) -> None:
    """Mark the ends of these locked members as announced.

    A lapse is published only now; a reported ending was published when it became known.
    """
    rows = await queries.list_unannounced(session, member_ids, on=on)
    now = clock.now()
    for row in rows:
        row.announced_at = now
    lapsed = [_make_ended_event(row) for row in rows if row.end_reason is EndReason.LAPSED]
    await session.flush()
    if lapsed:
        await publish(session, *lapsed)
