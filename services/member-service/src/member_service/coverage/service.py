"""Judge registrations and coverage, from settled allocations only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import service as attribution_periods
from member_service.attributions import service as attributions
from member_service.coverage import queries, rules
from member_service.coverage.models import AllocationRow
from member_service.coverage.rules import (
    Answer,
    Billable,
    MemberCoverage,
    PaidMonth,
    find_billable,
)
from member_service.coverage.schemas import NewEnding
from member_service.declarations import service as declarations
from member_service.endings import service as endings
from member_service.endings.models import ReportedEnding
from member_service.evidence import service as evidence
from member_service.evidence.models import Evidence
from member_service.evidence.schemas import NewEvidence
from member_service.holidays.rules import Holidays
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import RegistrationState
from member_service.registrations import service as registrations
from member_service.registrations.rules import (
    Allocation,
    History,
    Person,
    Registration,
    Terms,
    judge,
)
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import MANDATORY, Programme
from perisai_kit.events.catalogue import (
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    PaymentSettled,
)
from perisai_kit.events.envelope import Event
from perisai_kit.events.outbox import publish

MONTHS_SHOWN = 120


@dataclass(frozen=True, slots=True)
class ContributionBasis:
    """The facts of a bill. settled_since: months of bills paid earlier do not count."""

    member: Member
    registration: Registration | None
    billable: Billable
    settled_since: datetime | None


async def extend(session: AsyncSession, payments: Sequence[PaymentSettled], terms: Terms) -> None:
    """Record settled payments and judge their members again. A repeated payment changes nothing.

    The number of SQL statements does not depend on the number of payments.
    """
    # Lock members first and in one order, as everywhere; the foreign key would lock them too.
    await members.lock_birth_dates(session, {each.member_id for each in payments})
    touched = await queries.insert_once_allocations(
        session, [_make_allocation_row(each) for each in payments]
    )
    if touched:
        await judge_members(session, touched, terms)


async def judge_members(session: AsyncSession, member_ids: Collection[UUID], terms: Terms) -> None:
    """Judge these members by what is known now; store and publish what has changed."""
    birth_dates = await members.lock_birth_dates(session, member_ids)
    people = await _load_people(session, birth_dates, known_at=clock.now())
    rows = await queries.list_allocations(session, birth_dates)
    known_on = clock.today()
    histories = {
        member_id: judge(
            [_make_allocation(row) for row in rows[member_id]],
            person,
            terms=terms,
            known_on=known_on,
        )
        for member_id, person in people.items()
    }
    passed_over = await registrations.record(session, histories)
    await members.record_states(
        session, {member_id: _find_state(history) for member_id, history in histories.items()}
    )
    if passed_over:
        await attributions.record_periods(session, passed_over)
    periods = await attribution_periods.list_periods(session, birth_dates)
    new_to_bpu = await evidence.list_new_to_bpu(session, birth_dates, bases=terms.evidence)
    events: list[Event] = []
    for member_id, history in histories.items():
        answers = rules.find_answers(
            [_make_allocation(row) for row in rows[member_id]],
            history,
            periods=periods[member_id],
            is_new_to_bpu=member_id in new_to_bpu,
        )
        events += _update_answers(rows[member_id], answers)
    await session.flush()
    if events:
        await publish(session, *events)


async def announce_ends(session: AsyncSession, *, terms: Terms, limit: int) -> int:
    """Announce ended registrations and withdraw the later months; return how many."""
    today = clock.today()
    touched = await registrations.list_members_to_announce(session, on=today, limit=limit)
    if touched:
        # Lock members before registrations, as everywhere.
        await members.lock_birth_dates(session, touched)
        await registrations.announce_ends(session, touched, on=today)
        await judge_members(session, touched, terms)
    return len(touched)


async def take_evidence(
    session: AsyncSession, *, member_id: UUID, new: NewEvidence, officer: Principal, terms: Terms
) -> Evidence:
    """Record later evidence on an earlier registration, and judge the member again.

    Raises: MemberNotFound, NewToBpuBasisMissing, EvidenceIdTaken.
    """
    found = await evidence.record(session, member_id=member_id, new=new, officer=officer)
    await judge_members(session, [member_id], terms)
    return found


async def report_ending(
    session: AsyncSession, *, member_id: UUID, new: NewEnding, officer: Principal, terms: Terms
) -> ReportedEnding:
    """Record that a membership ends after a day, and judge the member again.

    Raises: MemberNotFound, EndingDayInvalid, EndingIdTaken.
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
    await judge_members(session, [member_id], terms)
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
    await judge_members(session, [member_id], terms)
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
    history, _, rows = await _load_history(session, member, terms=terms, known_at=known_at)
    found = rules.find_coverage(history, at=at, known_at=known_at, off=off, waiting=terms.waiting)
    return MemberCoverage(at, known_at, found, _list_paid_months(history, rows))


async def get_basis(
    session: AsyncSession, *, member_id: UUID, viewer: Principal, terms: Terms, request_id: str
) -> ContributionBasis:
    """Return the facts for a bill of this member now, and record the reading.

    Raises: MemberNotFound.
    """
    now = clock.now()
    member = await members.get(session, member_id=member_id, viewer=viewer, request_id=request_id)
    history, person, _ = await _load_history(session, member, terms=terms, known_at=now)
    present, last = history.open_at(now), history.last_at(now)
    since = present.began_at if present else last.ends_at if last else None
    billable = find_billable(history, person, at=now, terms=terms)
    return ContributionBasis(member, present, billable, since)


async def _load_history(
    session: AsyncSession, member: Member, *, terms: Terms, known_at: datetime
) -> tuple[History, Person, Sequence[AllocationRow]]:
    people = await _load_people(session, {member.id: member.birth_date}, known_at=known_at)
    person = people[member.id]
    rows = await queries.list_allocations(session, [member.id])
    known = [row for row in rows[member.id] if row.received_at <= known_at]
    history = judge(
        [_make_allocation(row) for row in known],
        person,
        terms=terms,
        known_on=jakarta_date(known_at),
    )
    return history, person, known


async def _load_people(
    session: AsyncSession, birth_dates: Mapping[UUID, date], *, known_at: datetime
) -> dict[UUID, Person]:
    declared = await declarations.list_by_member(session, birth_dates)
    reported = await endings.list_known_endings(session, birth_dates, known_at=known_at)
    return {
        member_id: Person(birth_date, declared.get(member_id, ()), reported.get(member_id, ()))
        for member_id, birth_date in birth_dates.items()
    }


def _make_allocation_row(payment: PaymentSettled) -> dict[str, Any]:
    return {
        "id": payment.payment_id,
        "bill_id": payment.bill_id,
        "member_id": payment.member_id,
        "issued_at": payment.issued_at,
        "counts_at": payment.paid_at,
        "received_at": payment.received_at,
        "months": [line.month for line in payment.lines],
        "programmes": [Programme(line.programme) for line in payment.lines],
        "answer_no": 0,
        "withdrawn": [],
        "is_acquisition": False,
    }


def _make_allocation(row: AllocationRow) -> Allocation:
    paid: dict[Month, set[Programme]] = {}
    for month, programme in zip(row.months, row.programmes, strict=True):
        paid.setdefault(month, set()).add(programme)
    months = sorted(month for month, programmes in paid.items() if programmes >= MANDATORY)
    return Allocation(row.id, row.counts_at, row.issued_at, tuple(months))


def _find_state(history: History) -> RegistrationState | None:
    return rules.find_state(history.registrations[-1]) if history.registrations else None


def _update_answers(rows: Sequence[AllocationRow], answers: Mapping[UUID, Answer]) -> list[Event]:
    """Store the answers that differ from the earlier ones, and return their events."""
    events: list[Event] = []
    for row in sorted(rows, key=lambda row: (row.counts_at, row.id)):
        answer = answers.get(row.id)
        if answer is None or (row.answer_no and row.answer == answer):
            continue
        row.answer_no += 1
        row.declined, row.withdrawn = answer.declined, list(answer.withdrawn)
        row.first_month, row.is_acquisition = answer.first_month, answer.is_acquisition
        place = answer.place
        row.agent_id = place.agent_id if place else None
        row.wadah_id = place.wadah_id if place else None
        row.branch_code = place.branch_code if place else None
        row.region_code = place.region_code if place else None
        events.append(_make_answer_event(row, answer))
    return events


def _make_answer_event(row: AllocationRow, answer: Answer) -> Event:
    common: dict[str, Any] = {
        "payment_id": row.id,
        "bill_id": row.bill_id,
        "member_id": row.member_id,
        "answer_no": row.answer_no,
        "counts_at": row.counts_at,
    }
    if answer.declined is not None:
        return CoverageDeclined(**common, reason_code=answer.declined)
    common |= {
        "months": answer.months,
        "first_month": answer.first_month,
        "agent_id": row.agent_id,
        "wadah_id": row.wadah_id,
        "branch_code": row.branch_code,
        "region_code": row.region_code,
        "is_acquisition": row.is_acquisition,
    }
    if answer.withdrawn:
        return CoverageWithdrawn(**common, withdrawn=answer.withdrawn)
    return CoverageExtended(**common)


def _list_paid_months(history: History, rows: Sequence[AllocationRow]) -> list[PaidMonth]:
    """Return the paid months of all registrations, the newest first."""
    by_id = {row.id: row for row in rows}
    found = []
    for registration in reversed(history.registrations):
        for month in sorted(registration.paid, reverse=True):
            row = by_id[registration.paid[month].id]
            lines = set(zip(row.months, row.programmes, strict=True))
            programmes = tuple(each for each in Programme if (month, each) in lines)
            found.append(PaidMonth(month, programmes, jakarta_date(row.counts_at)))
    return found[:MONTHS_SHOWN]
