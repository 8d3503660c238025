"""Check what was approved once more before it is sent: the first time, and each time after it.

Gives each payout of a released run its first attempt, a failed one another, and ends the run.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeeDetails
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.payees import service as payees
from payment_service.payees.rules import Payee
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_preparations.service import facts_of
from payment_service.payout_releases import queries, rules
from payment_service.payout_runs import queries as run_queries
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun
from payment_service.payout_runs.rules import RunKind, RunStatus, TaxDueChanged
from payment_service.payout_transfers import queries as transfer_queries
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts import queries as payout_queries
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import (
    PayoutAccountReplaced,
    PayoutOutdated,
    PayoutPayee,
    WithdrawalReason,
)
from payment_service.taxes import service as taxes
from perisai_kit.domain import clock


@dataclass(frozen=True, slots=True)
class Batch:
    """The next payees of a released run. asked_ids: those whose bank account must be asked for."""

    run_id: UUID
    after_id: UUID | None
    payee_ids: Sequence[UUID]
    asked_ids: Sequence[UUID]


async def find_batch(session: AsyncSession, run_id: UUID, *, size: int) -> Batch | None:
    """Return the next payees of a run, none at its end; None where nothing is left to check."""
    run = await run_queries.find_run(session, run_id)
    if run is None or not _has_to_check(run):
        return None
    after_id = run.last_payee_id
    ids = await queries.list_next_payees(session, run_id, after_id=after_id, limit=size)
    return Batch(run_id, after_id, ids, ids if run.kind is RunKind.INCENTIVES else [])


async def check(session: AsyncSession, batch: Batch, details: Mapping[UUID, PayeeDetails]) -> bool:
    """Withdraw what no longer holds of a batch, and let the rest be sent.

    Return whether there may be more. details: what agent-service knows now of those asked about.
    Locks the run, the debts and the payouts.
    Raises: PayoutsStopped, PayoutAccountNotFound, PayoutAccountNotActive.
    """
    run = await run_queries.lock_run(session, batch.run_id)
    if run is None or not _has_to_check(run):
        return False
    if run.last_payee_id != batch.after_id:
        return True  # another process was faster
    if not batch.payee_ids:
        run.begun_sending_at = clock.now()
        await session.flush()
        return False
    await payout_accounts.check_sending(session, run.payout_account_id)
    account = await payout_accounts.get(session, run.payout_account_id)
    await statement_queries.lock_debts(session)
    found = await payout_queries.lock_of_run(session, run.id, batch.payee_ids)
    changes = await _find_changes(session, run, found, details)
    for reason in sorted(set(changes.values())):
        ids = [id_ for id_, change in changes.items() if change is reason]
        await payouts.withdraw(session, ids, reason=reason)
    for each in found:
        if each.id not in changes:
            await payouts.begin(session, each, from_bank=account.bank_code)
    run.last_payee_id = batch.payee_ids[-1]
    run.failure_code, run.failed_at, run.failure_count = None, None, 0
    await session.flush()
    return True


async def finish(session: AsyncSession, run_id: UUID) -> bool:
    """End a run of which nothing is in flight; return whether it is over. Locks the run."""
    run = await run_queries.lock_run(session, run_id)
    if run is None or run.status is not RunStatus.RELEASED or run.begun_sending_at is None:
        return False
    if await run_queries.is_in_flight(session, run_id):
        return False
    run.status, run.done_at = RunStatus.DONE, clock.now()
    await session.flush()
    return True


async def retry(session: AsyncSession, payout_id: UUID, *, by: UUID) -> PayoutTransfer:
    """Make another attempt of a failed payout, with new references; the sender takes it.

    Locks the payout.
    Raises: PayoutNotFound, PayoutWithdrawn, PayoutNotFailed, PayoutAccountReplaced, PayoutOutdated,
    PayoutMonthUnproven.
    """
    payout = await payouts.lock_failed(session, payout_id)
    reason = await find_change(session, payout)
    if reason in (WithdrawalReason.ACCOUNT_CHANGED, WithdrawalReason.ACCOUNT_FROZEN):
        raise PayoutAccountReplaced
    if reason is not None:
        raise PayoutOutdated(reason=reason.value)
    items = await payout_queries.list_items(session, payout.id)
    await runs.check_proven(session, {each.month for each in items})
    last = await transfer_queries.find_last(session, payout.id)
    assert last is not None, "what failed was attempted"
    return await payouts.begin_again(session, payout, last, by=by)


async def find_change(session: AsyncSession, payout: Payout) -> WithdrawalReason | None:
    """Return why a locked payout that was sent must not be sent again; None: all of it still holds.

    What it pays has no hold while a bank has it, so dismissals for cause are looked at themselves.
    """
    if payout.payee_kind is PayoutPayee.TREASURY:
        return await _find_tax_change(session, payout)
    items = await payout_queries.list_items(session, payout.id)
    agents = [
        each.beneficiary_id for each in items if each.beneficiary_kind is BeneficiaryKind.AGENT
    ]
    if await holds.are_dismissed(session, agents):
        return WithdrawalReason.HELD
    paid = await payees.find_payees(session, Statement, [each.statement_id for each in items])
    current = await payees.find_current_account(session, payout.payee_id)
    assert payout.bank_account_id is not None, "only the state has none"
    return rules.find_change(
        payee_id=payout.payee_id,
        bank_account_id=payout.bank_account_id,
        current_account_id=current.bank_account_id if current else None,
        frozen_until=current.payouts_frozen_until if current else None,
        payees=paid.values(),
        has_debt=bool(await _find_debts(session, items)),
        at=clock.now(),
    )


async def withdraw_changed_tax(session: AsyncSession, transfer_id: UUID) -> bool:
    """Withdraw a remittance that waits and of which less is due by now; tell whether it was.

    Call it before it is sent, which may be days after the release. Locks payout and attempt.
    """
    payout, transfer = await payouts.lock(session, transfer_id)
    reason = await _find_tax_change(session, payout)
    if reason is None or transfer.status is not TransferStatus.CREATED:
        return False
    await payouts.withdraw_unsent(session, [payout], reason)
    return True


async def check_tax(session: AsyncSession, run_id: UUID) -> None:
    """Refuse that a run remits more tax than is due by now. Raises: TaxDueChanged."""
    for amount, due in await runs.list_dues(session, run_id):
        if rules.find_tax_change(amount, due=due) is not None:
            raise TaxDueChanged(amount=amount, due=due)


async def _find_tax_change(session: AsyncSession, payout: Payout) -> WithdrawalReason | None:
    remittance = await payout_queries.find_remittance(session, payout.id)
    due = await taxes.find_due(session, remittance.tax_kind, remittance.month)
    return rules.find_tax_change(remittance.amount, due=due)


def _has_to_check(run: PayoutRun) -> bool:
    """Tell whether a run still has payouts to check."""
    return run.status is RunStatus.RELEASED and run.begun_sending_at is None


async def _find_changes(
    session: AsyncSession,
    run: PayoutRun,
    found: Sequence[Payout],
    details: Mapping[UUID, PayeeDetails],
) -> dict[UUID, WithdrawalReason]:
    """Return the payouts that must not be sent any more, with the reason."""
    if run.kind is RunKind.TAX:
        taxes_changed = {each.id: await _find_tax_change(session, each) for each in found}
        return {id_: reason for id_, reason in taxes_changed.items() if reason is not None}
    of_payout = await queries.list_items(session, [each.id for each in found])
    every = [each for items in of_payout.values() for each in items]
    ids = [each.statement_id for each in every]
    paid: Mapping[UUID, Payee] = await payees.find_payees(session, Statement, ids)
    await statements.set_off_held(session, beneficiary_ids={each.beneficiary_id for each in every})
    debts = await _find_debts(session, every)
    changes = {}
    for each in found:
        assert each.bank_account_id is not None, "only the state has none"
        account = facts_of(details.get(each.payee_id))
        reason = rules.find_change(
            payee_id=each.payee_id,
            bank_account_id=each.bank_account_id,
            current_account_id=account.bank_account_id if account else None,
            frozen_until=account.frozen_until if account else None,
            payees=[paid[item.statement_id] for item in of_payout[each.id]],
            has_debt=any(item.beneficiary_id in debts for item in of_payout[each.id]),
            at=clock.now(),
        )
        if reason is not None:
            changes[each.id] = reason
    return changes


async def _find_debts(session: AsyncSession, items: Iterable[PayoutItem]) -> Collection[UUID]:
    """Return who of those that items pay for owes more than payouts deduct."""
    paid = {each.beneficiary_id for each in items if each.gross}
    return (await statement_queries.find_debts(session, paid)).keys()
