"""Runs of payouts: one person proposes, another approves, and the first does not release.

The worker prepares what was proposed (`payout_preparations`), and sends what was released
(`payout_releases`).
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting import service as counting
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_runs import queries, rules
from payment_service.payout_runs.models import PayoutRun, RunOmission
from payment_service.payout_runs.queries import ProgressSum
from payment_service.payout_runs.rules import OmissionReason, RunKind, RunStatus, RunVerdict
from payment_service.payouts import queries as payout_queries
from payment_service.payouts import service as payouts
from payment_service.payouts.rules import WithdrawalReason
from payment_service.taxes import service as taxes
from payment_service.verifications import service as verifications
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Slice, cut_page, read_cursor


async def propose(
    session: AsyncSession, *, through_month: Month, payout_account_id: UUID, by: UUID
) -> PayoutRun:
    """Propose to pay all that is owed through a closed month; the worker prepares it.

    Raises: PayoutMonthOpen, PayoutMonthUnproven, PayoutsStopped, PayoutAccountNotFound,
    PayoutAccountNotActive.
    """
    watermark = await counting.read_watermark(session)
    closed_through, closing = watermark.closed_through, watermark.closing
    if closed_through is None or through_month > closed_through or through_month == closing:
        raise rules.PayoutMonthOpen(field="through_month")
    await check_proven(session, [through_month])
    await payout_accounts.check_sending(session, payout_account_id)
    run = make_run(RunKind.INCENTIVES, through_month, payout_account_id, by=by)
    session.add(run)
    await session.flush()
    return run


def make_run(kind: RunKind, month: Month, payout_account_id: UUID, *, by: UUID) -> PayoutRun:
    """Return a run that is not prepared yet. by: who proposes it."""
    return PayoutRun(
        id=new_id(),
        kind=kind,
        through_month=month,
        payout_account_id=payout_account_id,
        status=RunStatus.PREPARING,
        proposed_by=by,
        proposed_at=clock.now(),
        failure_count=0,
    )


async def finish_preparation(session: AsyncSession, run: PayoutRun) -> None:
    """Store what a locked run comes to, and let another person decide on it."""
    figures = asdict(await queries.sum_payouts(session, run.id))
    left_out = [asdict(each) for each in await queries.sum_omissions(session, run.id)]
    for each in left_out:
        each["reason"] = each["reason"].value
    run.figures = {**figures, "left_out": left_out}
    run.status, run.prepared_at, run.last_payee_id = RunStatus.PROPOSED, clock.now(), None
    await queries.delete_entries(session, run.id)
    await session.flush()


async def decide(
    session: AsyncSession, run_id: UUID, *, verdict: RunVerdict, by: UUID
) -> PayoutRun:
    """Approve or reject a run. What is rejected may be paid by another run.

    Raises: PayoutRunNotFound, PayoutRunStatusConflict, OwnPayoutRun, PayoutRunEmpty,
    PayoutMonthUnproven, TaxDueChanged.
    """
    run = await _lock(session, run_id)
    is_empty = not run.figures or run.figures["payout_count"] == 0
    is_own = run.proposed_by == by
    rules.check_decision(run.status, verdict=verdict, is_own=is_own, is_empty=is_empty)
    if verdict is RunVerdict.APPROVED:
        await check_proven(session, await queries.list_months(session, run.id))
        await _check_tax_due(session, run.id)
    else:
        ids = await queries.list_payout_ids(session, run.id)
        await payouts.withdraw(session, ids, reason=WithdrawalReason.RUN_REJECTED, by=by)
        await queries.delete_entries(session, run.id)
    run.status = RunStatus(verdict)
    run.decided_by, run.decided_at = by, clock.now()
    run.failure_code, run.failed_at, run.failure_count = None, None, 0
    await session.flush()
    return run


async def release(session: AsyncSession, run_id: UUID, *, by: UUID) -> PayoutRun:
    """Let the worker check the payouts of a run once more, and send what still holds.

    Raises: PayoutRunNotFound, PayoutRunStatusConflict, OwnPayoutRun, PayoutsStopped,
    PayoutAccountNotActive, PayoutMonthUnproven, TaxDueChanged.
    """
    run = await _lock(session, run_id)
    rules.check_release(run.status, is_own=run.proposed_by == by)
    await check_proven(session, await queries.list_months(session, run.id))
    await _check_tax_due(session, run.id)
    await payout_accounts.check_sending(session, run.payout_account_id)
    run.status, run.released_by, run.released_at = RunStatus.RELEASED, by, clock.now()
    await session.flush()
    return run


async def check_proven(session: AsyncSession, months: Collection[Month]) -> None:
    """Refuse to pay months whose second computation has not agreed. Raises: PayoutMonthUnproven."""
    rules.check_proven(await verifications.find_verdicts(session, months))


async def _check_tax_due(session: AsyncSession, run_id: UUID) -> None:
    """Refuse to remit what is not due as it was proposed. Raises: TaxDueChanged."""
    for amount, due in await list_dues(session, run_id):
        rules.check_tax_due(amount, due=due)


async def list_dues(session: AsyncSession, run_id: UUID) -> list[tuple[int, int]]:
    """Return what a run is to remit of each tax, and what is due of it now, in rupiah."""
    return [
        (each.amount, await taxes.find_due(session, each.tax_kind, each.month))
        for each in await payout_queries.list_open_remittances(session, run_id)
    ]


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run, and what has become of its payouts."""

    run: PayoutRun
    progress: Sequence[ProgressSum]


async def get(session: AsyncSession, run_id: UUID) -> RunSeen:
    """Return a run and how far it is. Raises: PayoutRunNotFound."""
    run = await queries.find_run(session, run_id)
    if run is None:
        raise rules.PayoutRunNotFound
    return await see(session, run)


async def see(session: AsyncSession, run: PayoutRun) -> RunSeen:
    """Return a run with what has become of its payouts."""
    return RunSeen(run, await queries.sum_progress(session, run.id))


async def list_runs(
    session: AsyncSession, *, status: RunStatus | None, cursor: str | None, limit: int
) -> Slice[PayoutRun]:
    """Return runs, the latest first. Raises: CursorInvalid."""
    before_id = read_cursor(cursor, UUID)
    rows = await queries.list_runs(session, status=status, before_id=before_id, limit=limit + 1)
    return cut_page(rows, limit, key=lambda row: row.id)


async def list_omissions(
    session: AsyncSession,
    run_id: UUID,
    *,
    reason: OmissionReason | None,
    cursor: str | None,
    limit: int,
) -> Slice[RunOmission]:
    """Return whom a run leaves out, by payee. Raises: PayoutRunNotFound, CursorInvalid."""
    await get(session, run_id)
    after = read_cursor(cursor, _parse_omission, parts=2)
    rows = await queries.list_omissions(
        session, run_id, reason=reason, after=after, limit=limit + 1
    )
    return cut_page(rows, limit, key=lambda row: (row.payee_id, row.reason))


async def record_failure(session: AsyncSession, run_id: UUID, code: str) -> None:
    """Store on a run that its next step has failed; it is tried again."""
    run = await queries.lock_run(session, run_id)
    if run is not None and run.status in (RunStatus.PREPARING, RunStatus.RELEASED):
        run.failure_code, run.failed_at = code, clock.now()
        run.failure_count += 1
        await session.flush()


def _parse_omission(payee_id: str, reason: str) -> tuple[UUID, str]:
    return UUID(payee_id), OmissionReason(reason).value


async def _lock(session: AsyncSession, run_id: UUID) -> PayoutRun:
    run = await queries.lock_run(session, run_id)
    if run is None:
        raise rules.PayoutRunNotFound
    return run
