"""Settle what was sent by what the bank says of it, or by what two officers agree on."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_sending import service as sending
from payment_service.payout_sending.service import Attempt
from payment_service.payout_settlement import queries, rules
from payment_service.payout_settlement.models import SettlementProposal
from payment_service.payout_settlement.queries import SentTransfer
from payment_service.payout_settlement.rules import (
    PayoutNotUnknown,
    SettlementOutcome,
    SettlementProposalNotFound,
    SettlementProposalOpen,
    SettlementStatus,
    SettlementVerdict,
)
from payment_service.payout_transfers import queries as transfer_queries
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import (
    Report,
    TransferSource,
    TransferStatus,
    check_execution_day,
)
from payment_service.payout_transfers.service import REMARK_CODE_LENGTH, REMARK_SIGNS
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutNotFound, PayoutPayee
from payment_service.settings import Settings
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA, jakarta_date
from perisai_kit.privacy.read_audit import audit_read


async def has_due(session: AsyncSession) -> bool:
    """Tell whether a transfer is due to be asked about."""
    return bool(await queries.list_due(session, at=clock.now(), limit=1))


async def order_due(session: AsyncSession, *, limit: int) -> int:
    """Order a job for each transfer that is due to be asked about; return how many are new."""
    due = await queries.list_due(session, at=clock.now(), limit=limit)
    return await sending.order_inquiries(session, due)


async def schedule(session: AsyncSession, attempt: Attempt, *, is_last: bool = False) -> None:
    """Store when the bank is asked again, later each time. is_last: it can tell no more."""
    pause = rules.pause_before_inquiry(attempt.inquiries + 1)
    at = None if is_last else clock.now() + pause
    await queries.schedule_inquiry(session, attempt.transfer_id, next_inquiry_at=at)


async def settle(
    session: AsyncSession, transfer_id: UUID, outcome: SettlementOutcome, report: Report
) -> bool:
    """Settle a transfer; return whether that is new.

    Raises: PayoutTransferStatusConflict where it is settled as something else.
    """
    match outcome:
        case SettlementOutcome.PAID:
            return await payouts.mark_paid(session, transfer_id, report)
        case SettlementOutcome.FAILED:
            return await payouts.mark_failed(session, transfer_id, report)
        case SettlementOutcome.RETURNED:
            return await payouts.mark_returned(session, transfer_id, report)


async def list_other_codes(
    session: AsyncSession, attempt: Attempt, requested_at: datetime, *, until: date
) -> list[str]:
    """Return the codes of other transfers that a booking of the same amount may belong to.

    until: the first Jakarta day that is not looked at.
    """
    return await queries.list_other_codes(
        session,
        attempt.payout_account_id,
        amount=attempt.amount,
        requested_at=requested_at,
        until=datetime.combine(until, time.min, JAKARTA),
        besides=attempt.transfer_id,
    )


async def list_named(
    session: AsyncSession, account_id: UUID, remarks: Iterable[str]
) -> dict[str, SentTransfer]:
    """Return the transfers of an account that remarks of a statement name, by code.

    They are found however long ago they were sent.
    """
    codes = rules.list_possible_codes(remarks, signs=REMARK_SIGNS, length=REMARK_CODE_LENGTH)
    found = await queries.list_by_code(session, account_id, codes)
    return {each.remark_code: each for each in found}


async def order_doubtful(
    session: AsyncSession, account_id: UUID, amounts: Collection[int], *, days: int
) -> None:
    """Order that the bank is asked about the paid transfers of these amounts.

    days: for how long after the sending the bank can tell.
    """
    since = clock.now() - timedelta(days=days)
    found = await queries.list_paid_of(session, account_id, amounts, since=since)
    await sending.order_inquiries(session, sorted(each.transfer_id for each in found))


async def propose(
    session: AsyncSession,
    payout_id: UUID,
    *,
    outcome: SettlementOutcome,
    executed_on: date | None,
    evidence: str,
    by: UUID,
    settings: Settings,
) -> SettlementProposal:
    """Propose how a payout of unknown outcome is settled, or one in a file that nobody answers.

    A paid one may have come back: its outcome can only be returned, at any time.
    Another officer decides. executed_on: the bank's day; None where it moved no money.
    Raises: PayoutNotFound, PayoutNotUnknown, SettlementTooEarly, ExecutionDayMissing,
    ExecutionDayUnused, ExecutionDayImpossible, SettlementProposalOpen.
    """
    transfer = await _lock_decidable(session, payout_id, outcome)
    assert transfer.sent_at is not None, "what is unknown or paid was sent"
    now = clock.now()
    if transfer.status is not TransferStatus.PAID:
        after = timedelta(hours=settings.payout_decision_after_h)
        rules.check_decidable(sent_at=transfer.sent_at, after=after, at=now)
    paid = await transfer_queries.find_paid_days(session, [payout_id])
    check_execution_day(
        executed_on,
        is_moved=outcome is not SettlementOutcome.FAILED,
        sent_on=paid.get(payout_id) or jakarta_date(transfer.sent_at),
        today=clock.today(),
    )
    proposal = SettlementProposal(id=new_id())
    proposal.payout_id, proposal.transfer_id = payout_id, transfer.id
    proposal.outcome, proposal.executed_on, proposal.evidence = outcome, executed_on, evidence
    proposal.status = SettlementStatus.PROPOSED
    proposal.proposed_by, proposal.proposed_at = by, now
    made = await queries.insert_once_proposal(session, proposal)
    if made is None:
        raise SettlementProposalOpen
    return made


async def decide(
    session: AsyncSession,
    payout_id: UUID,
    proposal_id: UUID,
    *,
    verdict: SettlementVerdict,
    by: UUID,
) -> SettlementProposal:
    """Approve or reject a proposal. An approval settles the payout and never sends anything.

    Raises: PayoutNotFound, SettlementProposalNotFound, SettlementProposalDecided,
    OwnSettlementProposal; PayoutNotUnknown where the bank has answered meanwhile.
    """
    payout = await queries.lock_payout(session, payout_id)
    if payout is None:
        raise PayoutNotFound
    proposal = await queries.lock_proposal(session, payout_id, proposal_id)
    if proposal is None:
        raise SettlementProposalNotFound
    rules.check_decision(proposal.status, verdict=verdict, is_own=proposal.proposed_by == by)
    if verdict is SettlementVerdict.APPROVED:
        last = await _check_decidable(session, payout, proposal.outcome)
        rules.check_unanswered(
            last.status,
            is_last=last.id == proposal.transfer_id,
            settled_at=last.settled_at,
            proposed_at=proposal.proposed_at,
        )
        report = Report(TransferSource.OFFICER, reported_by=by, executed_on=proposal.executed_on)
        await settle(session, proposal.transfer_id, proposal.outcome, report)
    proposal.status = SettlementStatus(verdict)
    proposal.decided_by, proposal.decided_at = by, clock.now()
    _audit(payout)
    await session.flush()
    return proposal


async def list_proposals(session: AsyncSession, payout_id: UUID) -> Sequence[SettlementProposal]:
    """Return the proposals for a payout, the oldest first. Raises: PayoutNotFound."""
    payout = await queries.find_payout(session, payout_id)
    if payout is None:
        raise PayoutNotFound
    _audit(payout)
    return await queries.list_proposals(session, payout_id)


async def _lock_decidable(
    session: AsyncSession, payout_id: UUID, outcome: SettlementOutcome
) -> PayoutTransfer:
    payout = await queries.lock_payout(session, payout_id)
    if payout is None:
        raise PayoutNotFound
    transfer = await _check_decidable(session, payout, outcome)
    _audit(payout)
    return transfer


async def _check_decidable(
    session: AsyncSession, payout: Payout, outcome: SettlementOutcome
) -> PayoutTransfer:
    """Return the last attempt of a locked payout that officers may settle as this.

    Raises: PayoutNotUnknown.
    """
    last = await transfer_queries.find_last(session, payout.id)
    # What a file names has no X-EXTERNAL-ID: no bank can be asked, and the file may be lost.
    is_in_file = (
        last is not None and last.status is TransferStatus.SENT and last.external_id is None
    )
    is_unknown = payout.status is TransferStatus.UNKNOWN or is_in_file
    # A bank may give money back weeks after it has paid, and report that on paper alone.
    is_back = payout.status is TransferStatus.PAID and outcome is SettlementOutcome.RETURNED
    if last is None or not (is_unknown or is_back):
        raise PayoutNotUnknown(status=payout.status.value)
    return last


def _audit(payout: Payout) -> None:
    if payout.payee_kind is PayoutPayee.AGENT:
        audit_read([payout.payee_id])
