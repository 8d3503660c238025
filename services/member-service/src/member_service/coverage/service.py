"""Take facts about coverage, and answer questions about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.allocations.service import JudgedMember
from member_service.coverage import rules
from member_service.coverage.rules import (
    Billable,
    Coverage,
    MemberCoverage,
    PaidMonth,
    find_billable,
)
from member_service.coverage.schemas import NewEnding
from member_service.endings import service as endings
from member_service.endings.models import ReportedEnding
from member_service.evidence import service as evidence
from member_service.evidence.models import Evidence
from member_service.evidence.schemas import NewEvidence
from member_service.holidays.rules import Holidays
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import MemberNotFound
from member_service.registrations import service as registrations
from member_service.registrations.rules import Registration, Terms
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.programmes import Programme

MONTHS_SHOWN = 120


@dataclass(frozen=True, slots=True)
class ContributionBasis:
    """The facts of a bill. settled_since: months of bills paid earlier do not count."""

    member: Member
    registration: Registration | None
    billable: Billable
    settled_since: datetime | None


async def announce_ends(session: AsyncSession, *, terms: Terms, limit: int) -> int:
    """Announce ended registrations and withdraw the later months; return how many."""
    today = clock.today()
    touched = await registrations.list_members_to_announce(session, on=today, limit=limit)
    if touched:
        # Lock members before registrations, as everywhere.
        await members.lock_birth_dates(session, touched)
        await registrations.announce_ends(session, touched, on=today)
        await allocations.judge_members(session, touched, terms)
    return len(touched)


async def take_evidence(
    session: AsyncSession, *, member_id: UUID, new: NewEvidence, officer: Principal, terms: Terms
) -> Evidence:
    """Record later evidence on an earlier registration, and judge the member again.

    Raises: MemberNotFound, NewToBpuBasisMissing, EvidenceIdTaken.
    """
    found = await evidence.record(session, member_id=member_id, new=new, officer=officer)
    await allocations.judge_members(session, [member_id], terms)
    return found


async def report_ending(
    session: AsyncSession, *, member_id: UUID, new: NewEnding, officer: Principal, terms: Terms
) -> ReportedEnding:
    """Record that a membership ends after a day, and judge the member again.

    Raises: MemberNotFound, EndingDayInvalid, EndingAlreadyReported, EndingIdTaken.
    """
    await members.lock(session, member_id=member_id, viewer=officer)
    ending = await endings.report_ending(
        session,
        ReportedEnding(
            id=new.id or new_id(),
            member_id=member_id,
            last_day=new.last_day,
            reason=new.reason,
            reported_by=officer.account_id,
            reported_at=clock.now(),
        ),
    )
    await allocations.judge_members(session, [member_id], terms)
    return ending


async def withdraw_ending(
    session: AsyncSession, *, member_id: UUID, ending_id: UUID, officer: Principal, terms: Terms
) -> ReportedEnding:
    """Withdraw a mistaken report, and judge the member again.

    Raises: MemberNotFound, EndingNotFound.
    """
    await members.lock(session, member_id=member_id, viewer=officer)
    ending = await endings.withdraw_ending(
        session, member_id=member_id, ending_id=ending_id, by=officer.account_id
    )
    await allocations.judge_members(session, [member_id], terms)
    return ending


async def list_endings(
    session: AsyncSession, *, member_id: UUID, viewer: Principal
) -> Sequence[ReportedEnding]:
    """Return the reported endings of a member, withdrawn ones too, the oldest first.

    Raises: MemberNotFound.
    """
    await members.see(session, member_id=member_id, viewer=viewer)
    return await endings.list_endings(session, member_id)


async def get(
    session: AsyncSession,
    *,
    member_id: UUID,
    viewer: Principal,
    terms: Terms,
    off: Holidays,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> MemberCoverage:
    """Return a member's protection at a moment, by what was known at an instant; default: now.

    Raises: MemberNotFound.
    """
    now = clock.now()
    at, known_at = at or now, known_at or now
    member = await members.see(session, member_id=member_id, viewer=viewer)
    judged = (await _judge(session, [member], terms=terms, known_at=known_at))[member_id]
    found = rules.find_coverage(
        judged.history, at=at, known_at=known_at, off=off, waiting=terms.waiting
    )
    return MemberCoverage(at, known_at, found, _list_paid_months(judged))


async def list_coverages(
    session: AsyncSession, visible: Sequence[Member], *, terms: Terms, off: Holidays
) -> dict[UUID, Coverage]:
    """Return the protection of members now, by member id.

    The number of SQL statements does not depend on the number of members.
    """
    now = clock.now()
    judged = await _judge(session, visible, terms=terms, known_at=now)
    return {
        member_id: rules.find_coverage(
            each.history, at=now, known_at=now, off=off, waiting=terms.waiting
        )
        for member_id, each in judged.items()
    }


async def get_basis(
    session: AsyncSession, *, member_id: UUID, viewer: Principal, terms: Terms
) -> ContributionBasis:
    """Return the facts for a bill of this member now. Raises: MemberNotFound."""
    found = await list_bases(session, member_ids=[member_id], viewer=viewer, terms=terms)
    if not found:
        raise MemberNotFound
    return found[0]


async def list_bases(
    session: AsyncSession,
    *,
    member_ids: Sequence[UUID],
    viewer: Principal,
    terms: Terms,
) -> list[ContributionBasis]:
    """Return the facts for bills of these members now, in the order asked.

    Unknown members are left out. The number of SQL statements does not depend on the number of
    members.
    """
    now = clock.now()
    visible = await members.list_visible(session, member_ids=member_ids, viewer=viewer)
    judged = await _judge(session, visible, terms=terms, known_at=now)
    return [_make_basis(member, judged[member.id], at=now, terms=terms) for member in visible]


def _make_basis(
    member: Member, judged: JudgedMember, *, at: datetime, terms: Terms
) -> ContributionBasis:
    present, last = judged.history.open_at(at), judged.history.last_at(at)
    since = present.began_at if present else last.ends_at if last else None
    billable = find_billable(judged.history, judged.person, at=at, terms=terms)
    return ContributionBasis(member, present, billable, since)


async def _judge(
    session: AsyncSession, visible: Sequence[Member], *, terms: Terms, known_at: datetime
) -> dict[UUID, JudgedMember]:
    birth_dates = {member.id: member.birth_date for member in visible}
    return await allocations.judge_known(session, birth_dates, terms=terms, known_at=known_at)


def _list_paid_months(judged: JudgedMember) -> list[PaidMonth]:
    """Return the paid months of all registrations, the newest first."""
    by_id = {row.id: row for row in judged.rows}
    found = []
    for registration in reversed(judged.history.registrations):
        for month in sorted(registration.paid, reverse=True):
            row = by_id[registration.paid[month].id]
            lines = set(zip(row.months, row.programmes, strict=True))
            programmes = tuple(each for each in Programme if (month, each) in lines)
            found.append(PaidMonth(month, programmes, jakarta_date(row.counts_at)))
    return found[:MONTHS_SHOWN]
