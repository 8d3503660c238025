"""Make attempts, and keep each change of them. What a change means for a payout: `payouts`."""

import secrets
from datetime import date, datetime
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_transfers import rules
from payment_service.payout_transfers.models import PayoutTransfer, PayoutTransferChange
from payment_service.payout_transfers.rules import Report, TransferSource, TransferStatus
from perisai_kit.domain.ids import new_id
from perisai_kit.runtime.log import get_logger

REMARK_CODE_LENGTH = 10
"""Letters and digits; 50 bits. Source: docs/snap.md: a remark of BCA has twice 18 characters."""
REMARK_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

log = get_logger()
contradicted_total = Counter(
    "payment_payout_contradictions_total",
    "Words of banks that contradict what is settled.",
    ["source"],
)
for each in TransferSource:
    contradicted_total.labels(each.value)  # from 0 on, so that an alert sees the first one


def make(
    *,
    payout_id: UUID,
    payout_account_id: UUID,
    attempt: int,
    amount: int,
    service_code: str,
    at: datetime,
    by: UUID | None = None,
) -> tuple[PayoutTransfer, PayoutTransferChange]:
    """Return an attempt that nothing was sent for, with references of its own.

    by: the officer who asked for it; None: the worker.
    """
    id_ = new_id()
    transfer = PayoutTransfer(
        id=id_,
        payout_id=payout_id,
        payout_account_id=payout_account_id,
        attempt=attempt,
        amount=amount,
        partner_reference_no=id_.hex,
        remark_code="".join(secrets.choice(REMARK_SIGNS) for _ in range(REMARK_CODE_LENGTH)),
        service_code=service_code,
        status=TransferStatus.CREATED,
        created_at=at,
        inquiries=0,
    )
    source = TransferSource.WORKER if by is None else TransferSource.OFFICER
    return transfer, _change(transfer, Report(source, reported_by=by), at)


def move(
    session: AsyncSession,
    transfer: PayoutTransfer,
    to: TransferStatus,
    report: Report,
    *,
    at: datetime,
    executed_on: date | None = None,
) -> bool:
    """Change the status of a locked transfer and keep the change; False: it says nothing new.

    executed_on: the day on which the bank moved the money, as it is booked.
    Raises: PayoutTransferStatusConflict.
    """
    if not rules.check_transition(at=transfer.status, to=to):
        return False
    transfer.status = to
    transfer.settled_at = at if to in rules.SETTLED else None
    transfer.reference_no = report.reference_no or transfer.reference_no
    transfer.response_code = report.response_code or transfer.response_code
    if to in rules.SETTLED:
        transfer.next_inquiry_at = None
    session.add(_change(transfer, report, at, executed_on=executed_on))
    return True


def report_contradiction(transfer_id: UUID, outcome: str, source: TransferSource) -> None:
    """Count and log that a bank says what cannot follow. Nobody may guess which is true.

    outcome: what the bank says, for the log.
    """
    contradicted_total.labels(source.value).inc()
    log.error(
        "payout.contradicted",
        transfer_id=str(transfer_id),
        outcome=outcome,
        source=source.value,
    )


def _change(
    transfer: PayoutTransfer, report: Report, at: datetime, *, executed_on: date | None = None
) -> PayoutTransferChange:
    return PayoutTransferChange(
        id=new_id(),
        transfer_id=transfer.id,
        status=transfer.status,
        source=report.source,
        response_code=report.response_code,
        changed_by=report.reported_by,
        changed_at=at,
        executed_on=executed_on,
        stated_on=report.executed_on,
    )
