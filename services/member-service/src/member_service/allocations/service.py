"""Take allocations and their reversals, judge members by those that stand, and answer each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import queries, rules
from member_service.allocations.rules import Answer, KnownAllocation, NumberedAnswer
from member_service.attribution_periods import service as attribution_periods
from member_service.attributions import service as attributions
from member_service.declarations import service as declarations
from member_service.endings import service as endings
from member_service.evidence import service as evidence
from member_service.members import service as members
from member_service.members.rules import MemberNotFound, RegistrationState
from member_service.registrations import service as registrations
from member_service.registrations.rules import (
    Allocation,
    DeclineReason,
    History,
    Person,
    Terms,
    judge,
)
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import MANDATORY, Programme
from perisai_kit.events.catalogue import (
    AllocationReversed,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    PaymentSettled,
)
from perisai_kit.events.envelope import Event
from perisai_kit.events.outbox import publish


async def take_allocations(
    session: AsyncSession, events: Sequence[PaymentSettled | AllocationReversed], terms: Terms
) -> None:
    """Record settled and reversed allocations, and judge their members again.

    A repeated event changes nothing, and neither does the order: a reversal also counts if its
    allocation becomes known later. The number of SQL statements does not depend on the number of
    events.
    """
    # Lock members first and in one order, as everywhere; the foreign key would lock them too.
    member_ids = {each.member_id for each in events}
    birth_dates = await members.lock_birth_dates(session, member_ids)
    if birth_dates.keys() != member_ids:
        raise MemberNotFound
    rows = await queries.list_allocations(session, birth_dates)
    new = _list_new([each for each in events if isinstance(each, PaymentSettled)], rows)
    for each in new:
        rows[each.member_id].append(each)
    touched = {each.member_id for each in new}
    touched |= await queries.insert_once_reversals(
        session,
        [_make_reversal_row(each) for each in events if isinstance(each, AllocationReversed)],
    )
    if touched:
        await _judge(session, {id_: birth_dates[id_] for id_ in touched}, rows, terms)


async def list_paid_bills(session: AsyncSession, member_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the bills of these members to which money was allocated, reversed or not."""
    return await queries.list_paid_bills(session, member_ids)


async def judge_members(session: AsyncSession, member_ids: Collection[UUID], terms: Terms) -> None:
    """Judge these members by what is known now; store and publish what has changed."""
    birth_dates = await members.lock_birth_dates(session, member_ids)
    await _judge(session, birth_dates, await queries.list_allocations(session, birth_dates), terms)


async def _judge(
    session: AsyncSession,
    birth_dates: Mapping[UUID, date],
    rows: Mapping[UUID, Sequence[KnownAllocation]],
    terms: Terms,
) -> None:
    """Judge locked members by what is known now; store and publish what has changed.

    rows: all allocations of these members, stored or not.
    """
    people = await _load_people(session, birth_dates, known_at=clock.now())
    reversals = await queries.list_reversals(session, birth_dates)
    standing = {
        member_id: [_make_allocation(row) for row in rows[member_id] if row.id not in reversals]
        for member_id in people
    }
    known_on = clock.today()
    histories = {
        member_id: judge(standing[member_id], person, terms=terms, known_on=known_on)
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
    stored: list[NumberedAnswer] = []
    events: list[Event] = []
    for member_id, history in histories.items():
        answers = rules.find_answers(
            standing[member_id],
            history,
            reversed_ids=[row.id for row in rows[member_id] if row.id in reversals],
            periods=periods[member_id],
            is_new_to_bpu=member_id in new_to_bpu,
        )
        for row, answer in _list_changed(rows[member_id], answers):
            # The reversal of a declined allocation is stored only: it pays nothing, as before.
            is_news = row.answer.declined is None or answer.declined is not DeclineReason.REVERSED
            numbered = NumberedAnswer(row, row.answer_no + is_news, answer)
            stored.append(numbered)
            if is_news:
                events.append(_make_answer_event(numbered))
    await _store(session, stored)
    if events:
        await publish(session, *events)


async def _store(session: AsyncSession, answers: Sequence[NumberedAnswer]) -> None:
    """Insert allocations that are not stored yet with their answers, and update those of others."""
    new = [each for each in answers if not each.allocation.answer_no]
    if new:
        await queries.insert_allocations(session, new)
    changed = [each for each in answers if each.allocation.answer_no]
    if changed:
        await queries.update_answers(session, changed)


@dataclass(frozen=True, slots=True)
class JudgedMember:
    """A member as judged by what was known at an instant. rows: the allocations that stood then."""

    person: Person
    rows: Sequence[KnownAllocation]
    history: History


async def judge_known(
    session: AsyncSession, birth_dates: Mapping[UUID, date], *, terms: Terms, known_at: datetime
) -> dict[UUID, JudgedMember]:
    """Judge members, by id, by what was known at an instant, without recording anything.

    The number of SQL statements does not depend on the number of members.
    """
    people = await _load_people(session, birth_dates, known_at=known_at)
    rows = await queries.list_allocations(session, birth_dates)
    reversals = await queries.list_reversals(session, birth_dates)
    reversed_ids = {id_ for id_, reversed_at in reversals.items() if reversed_at <= known_at}
    known_on = jakarta_date(known_at)
    found = {}
    for member_id, person in people.items():
        known = [
            row
            for row in rows[member_id]
            if row.received_at <= known_at and row.id not in reversed_ids
        ]
        allocations = [_make_allocation(row) for row in known]
        history = judge(allocations, person, terms=terms, known_on=known_on)
        found[member_id] = JudgedMember(person, known, history)
    return found


async def _load_people(
    session: AsyncSession, birth_dates: Mapping[UUID, date], *, known_at: datetime
) -> dict[UUID, Person]:
    declared = await declarations.list_by_member(session, birth_dates)
    reported = await endings.list_known_endings(session, birth_dates, known_at=known_at)
    return {
        member_id: Person(birth_date, declared.get(member_id, ()), reported.get(member_id, ()))
        for member_id, birth_date in birth_dates.items()
    }


def _list_new(
    events: Sequence[PaymentSettled], rows: Mapping[UUID, Sequence[KnownAllocation]]
) -> list[KnownAllocation]:
    """Return the allocations that are not among the rows of their members, each once."""
    stored = {row.id for each in rows.values() for row in each}
    new = {each.allocation_id: each for each in events if each.allocation_id not in stored}
    return [
        KnownAllocation(
            id=each.allocation_id,
            payment_id=each.payment_id,
            bill_id=each.bill_id,
            member_id=each.member_id,
            issued_at=each.issued_at,
            counts_at=each.counts_at,
            received_at=each.received_at,
            months=[line.month for line in each.lines],
            programmes=[Programme(line.programme) for line in each.lines],
            paying_account=each.paying_account,
        )
        for each in new.values()
    ]


def _make_reversal_row(reversal: AllocationReversed) -> dict[str, Any]:
    return {
        "id": reversal.allocation_id,
        "member_id": reversal.member_id,
        "reversed_at": reversal.reversed_at,
    }


def _make_allocation(row: KnownAllocation) -> Allocation:
    paid: dict[Month, set[Programme]] = {}
    for month, programme in zip(row.months, row.programmes, strict=True):
        paid.setdefault(month, set()).add(programme)
    months = sorted(month for month, programmes in paid.items() if programmes >= MANDATORY)
    return Allocation(row.id, row.counts_at, row.issued_at, tuple(months))


def _find_state(history: History) -> RegistrationState | None:
    return rules.find_state(history.registrations[-1]) if history.registrations else None


def _list_changed(
    rows: Sequence[KnownAllocation], answers: Mapping[UUID, Answer]
) -> list[tuple[KnownAllocation, Answer]]:
    """Return the allocations whose answers differ from the earlier ones, in order."""
    ordered = sorted(rows, key=lambda row: (row.counts_at, row.id))
    found = [(row, answers[row.id]) for row in ordered]
    return [(row, answer) for row, answer in found if not row.answer_no or row.answer != answer]


def _make_answer_event(numbered: NumberedAnswer) -> Event:
    row, answer = numbered.allocation, numbered.answer
    common: dict[str, Any] = {
        "allocation_id": row.id,
        "payment_id": row.payment_id,
        "bill_id": row.bill_id,
        "member_id": row.member_id,
        "answer_no": numbered.answer_no,
        "counts_at": row.counts_at,
    }
    if answer.declined is not None:
        return CoverageDeclined(**common, reason_code=answer.declined)
    place = answer.place
    assert place is not None, "what is not declined has a place"
    common |= {
        "months": answer.months,
        "first_month": answer.first_month,
        "agent_id": place.agent_id,
        "wadah_id": place.wadah_id,
        "branch_code": place.branch_code,
        "region_code": place.region_code,
        "is_acquisition": answer.is_acquisition,
    }
    if answer.withdrawn:
        return CoverageWithdrawn(**common, withdrawn=answer.withdrawn)
    return CoverageExtended(**common)
