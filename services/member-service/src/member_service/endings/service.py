"""Reported ends of memberships: recorded, withdrawn and listed for the calendar."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.endings import queries, rules
from member_service.endings.models import ReportedEnding
from member_service.registrations.rules import Ending
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.events.catalogue import MemberUpdated
from perisai_kit.events.outbox import publish


async def report_ending(session: AsyncSession, ending: ReportedEnding) -> ReportedEnding:
    """Record that a membership ends after a day; a repeat with the same id changes nothing.

    The caller has locked the member.
    Raises: EndingDayInvalid, EndingAlreadyReported, EndingIdTaken.
    """
    problem = rules.find_day_problem(ending.reason, ending.last_day, now=clock.now())
    if problem is not None:
        raise problem
    if await queries.find_ending(session, ending.id) is None:
        await _check_unreported(session, ending)
    wanted = (ending.member_id, ending.last_day, ending.reason)
    ending_id = ending.id
    made = await insert_once(session, ending)
    first = made or await queries.find_ending(session, ending_id)
    if first is None or (first.member_id, first.last_day, first.reason) != wanted:
        raise rules.EndingIdTaken(field="id")
    if made is not None:
        await publish(session, _make_event(first))
    return first


async def _check_unreported(session: AsyncSession, ending: ReportedEnding) -> None:
    """Refuse a second report of the same ending. Raises: EndingAlreadyReported."""
    for each in await queries.list_endings(session, [ending.member_id]):
        is_same = (each.reason, each.last_day) == (ending.reason, ending.last_day)
        if is_same and each.withdrawn_at is None:
            raise rules.EndingAlreadyReported


async def withdraw_ending(
    session: AsyncSession, *, member_id: UUID, ending_id: UUID, by: UUID
) -> ReportedEnding:
    """Withdraw a mistaken report; a repeat changes nothing.

    Raises: EndingNotFound.
    """
    ending = await queries.find_ending(session, ending_id)
    if ending is None or ending.member_id != member_id:
        raise rules.EndingNotFound
    if ending.withdrawn_at is None:
        ending.withdrawn_at, ending.withdrawn_by = clock.now(), by
        await session.flush()
        await publish(session, _make_event(ending))
    return ending


def _make_event(ending: ReportedEnding) -> MemberUpdated:
    """Return the event that also says it of a person without a registration, which none ends."""
    return MemberUpdated(member_id=ending.member_id, changed=("endings",))


async def list_endings(session: AsyncSession, member_id: UUID) -> Sequence[ReportedEnding]:
    """Return the reported endings of a member, withdrawn ones too, the oldest first."""
    return await queries.list_endings(session, [member_id])


async def list_known_endings(
    session: AsyncSession, member_ids: Collection[UUID], *, known_at: datetime
) -> dict[UUID, list[Ending]]:
    """Return the endings that were known at an instant, by member, for the calendar."""
    found: dict[UUID, list[Ending]] = {}
    for row in await queries.list_endings(session, member_ids):
        is_withdrawn = row.withdrawn_at is not None and row.withdrawn_at <= known_at
        if row.reported_at <= known_at and not is_withdrawn:
            ending = Ending(row.last_day + timedelta(days=1), row.reason)
            found.setdefault(row.member_id, []).append(ending)
    return found
