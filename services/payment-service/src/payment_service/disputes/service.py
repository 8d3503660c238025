"""Open disputes on commission, answer them, and say which wait too long.

A dispute changes no money: what is wrong is corrected as a fact (an attribution, a payment), and
commission follows by itself.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service as attributions
from payment_service.counting import service as counting
from payment_service.counting.models import Beneficiary
from payment_service.disputes import queries, rules
from payment_service.disputes.models import Dispute
from payment_service.disputes.queries import Disputed
from payment_service.disputes.rules import DisputeOutcome, DisputeStatus
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class Subject:
    """What is disputed: a line with the month it is for, or a payment without one."""

    line_id: int | None
    earned_month: Month | None
    payment_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Found:
    beneficiary_id: UUID
    member_id: UUID
    payment_id: UUID


async def open_dispute(
    session: AsyncSession, principal: Principal, subject: Subject, *, reason: str, answer_days: int
) -> Disputed:
    """Dispute a line of one's own, or that a payment of a member in one's care has none.

    Raises: DisputeUnclear, DisputedLineNotFound, DisputedPaymentNotFound, DisputedPaymentHasLines,
    DisputeOpen.
    """
    rules.check_subject(subject.line_id, subject.earned_month, subject.payment_id)
    found = await _find_subject(session, principal, subject)
    await queries.lock_subject(session, found.payment_id)
    known = await queries.find_open(
        session,
        beneficiary_id=found.beneficiary_id,
        payment_id=found.payment_id,
        line_id=subject.line_id,
    )
    if known is not None:
        raise rules.DisputeOpen
    now = clock.now()
    dispute = Dispute(
        id=new_id(),
        beneficiary_id=found.beneficiary_id,
        member_id=found.member_id,
        payment_id=found.payment_id,
        line_id=subject.line_id,
        earned_month=subject.earned_month,
        reason=reason,
        status=DisputeStatus.OPEN,
        opened_by=principal.account_id,
        opened_at=now,
        due_at=rules.find_due(now, answer_days=answer_days),
    )
    await queries.insert_dispute(session, dispute)
    return await get(session, principal, dispute.id)


async def get(session: AsyncSession, principal: Principal, dispute_id: UUID) -> Disputed:
    """Return a dispute the subject may see. Raises: DisputeNotFound."""
    return await _find(session, principal, dispute_id, lock=False)


async def list_disputes(
    session: AsyncSession,
    principal: Principal,
    *,
    status: DisputeStatus | None,
    is_overdue: bool,
    beneficiary_id: UUID | None,
    cursor: str | None,
    limit: int,
) -> Slice[Disputed]:
    """Return the disputes the subject may see, the oldest first. Raises: CursorInvalid."""
    rows = await queries.list_disputes(
        session,
        visible_earnings(principal, Beneficiary),
        status=status,
        due_before=clock.now() if is_overdue else None,
        beneficiary_id=beneficiary_id,
        after_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(rows, limit, key=lambda row: row.dispute.id)


async def answer(
    session: AsyncSession,
    principal: Principal,
    dispute_id: UUID,
    *,
    outcome: DisputeOutcome,
    text: str,
) -> Disputed:
    """Answer a dispute, saying what was corrected if anything was.

    Raises: DisputeNotFound, DisputeClosed, OwnDispute.
    """
    found = await _find(session, principal, dispute_id, lock=True)
    dispute = found.dispute
    rules.check_open(dispute.status)
    rules.check_answerer(principal.account_id, opened_by=dispute.opened_by)
    dispute.status, dispute.answer = rules.ANSWERED[outcome], text
    dispute.closed_by, dispute.closed_at = principal.account_id, clock.now()
    await session.flush()
    return found


async def withdraw(session: AsyncSession, principal: Principal, dispute_id: UUID) -> Disputed:
    """Withdraw one's own dispute. Raises: DisputeNotFound, DisputeClosed."""
    found = await _find(session, principal, dispute_id, lock=True)
    dispute = found.dispute
    rules.check_open(dispute.status)
    dispute.status = DisputeStatus.WITHDRAWN
    dispute.closed_by, dispute.closed_at = principal.account_id, clock.now()
    await session.flush()
    return found


async def count_overdue(session: AsyncSession) -> int:
    """Return how many disputes wait longer than promised."""
    return await queries.count_overdue(session, clock.now())


async def _find(
    session: AsyncSession, principal: Principal, dispute_id: UUID, *, lock: bool
) -> Disputed:
    condition = visible_earnings(principal, Beneficiary)
    found = await queries.find_dispute(session, dispute_id, condition, lock=lock)
    if found is None:
        raise rules.DisputeNotFound
    return found


async def _find_subject(session: AsyncSession, principal: Principal, subject: Subject) -> _Found:
    if subject.line_id is not None and subject.earned_month is not None:
        line = await queries.find_line(
            session, subject.line_id, subject.earned_month, visible_earnings(principal, Beneficiary)
        )
        if line is None:
            raise rules.DisputedLineNotFound
        return _Found(line.beneficiary_id, line.member_id, line.payment_id)
    assert subject.payment_id is not None, "one of both was sent"
    return await _find_payment(session, principal, subject.payment_id)


async def _find_payment(session: AsyncSession, principal: Principal, payment_id: UUID) -> _Found:
    """Return a payment of a member in the principal's care, which earned the principal nothing."""
    beneficiary_id = principal.agent_id if principal.has(Role.AGENT) else principal.wadah_id
    found = await queries.list_bill_allocations(session, payment_id)
    members = [each.member_id for each in found if each.member_id is not None]
    seen = [id_ for id_ in members if await attributions.is_visible(session, principal, id_)]
    if beneficiary_id is None or not seen:
        raise rules.DisputedPaymentNotFound
    if await counting.find_beneficiary(session, beneficiary_id, principal) is None:
        raise rules.DisputedPaymentNotFound  # agent-service's word on them is not read yet
    if await queries.has_lines(session, [each.id for each in found], beneficiary_id):
        raise rules.DisputedPaymentHasLines
    return _Found(beneficiary_id, seen[0], payment_id)
