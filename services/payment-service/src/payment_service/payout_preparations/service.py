"""Prepare runs step by step: choose the statements, then make the payouts of some payees at a time.

agent-service is asked between two transactions; what it said is used only where the run is still
as far as it was when it was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeeDetails
from payment_service.incentive_statements.models import Statement
from payment_service.payees import service as payees
from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_preparations import queries, rules
from payment_service.payout_preparations.rules import AccountFacts, Limits
from payment_service.payout_runs import queries as run_queries
from payment_service.payout_runs import service as runs
from payment_service.payout_runs.models import PayoutRun, RunEntry
from payment_service.payout_runs.rules import OmissionReason, RunStatus
from payment_service.payouts.rules import PayoutStatus
from payment_service.settings import Settings
from payment_service.statement_holds import service as statement_holds
from payment_service.taxes import rules as tax_rules
from payment_service.taxes import service as taxes
from payment_service.taxes.rules import TaxIdentity
from payment_service.taxes.service import Earning
from payment_service.verifications import service as verifications
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.nik import NikStatus

CHOOSE_MINUTES = 30
"""To look at the statements of all months that nothing was paid for; it locks nothing."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The next payees of a run. holder_ids: they, and whose incentives they are paid."""

    run_id: UUID
    after_id: UUID | None
    payee_ids: Sequence[UUID]
    holder_ids: Sequence[UUID]


async def choose(session: AsyncSession, run_id: UUID) -> bool:
    """Choose what a run may pay, and keep what it must leave out; return False if that was done."""
    run = await run_queries.lock_run(session, run_id)
    if run is None or run.status is not RunStatus.PREPARING or run.begun_at is not None:
        return False
    await allow_minutes(session, CHOOSE_MINUTES)
    await statement_holds.hold_freed(session)
    payables = await payees.make_payables(session, Statement)
    through = run.through_month
    unproven = await verifications.list_unproven(session, through=through)
    await queries.insert_entries(session, run.id, through, payables, unproven=unproven)
    await queries.insert_held_omissions(session, run.id, through, payables, unproven=unproven)
    run.begun_at = clock.now()
    await session.flush()
    return True


async def find_batch(session: AsyncSession, run_id: UUID, *, size: int) -> Batch | None:
    """Return the next payees of a run, none at its end; None where it is not being prepared."""
    run = await run_queries.find_run(session, run_id)
    if run is None or run.status is not RunStatus.PREPARING:
        return None
    after_id = run.last_payee_id
    ids = await queries.list_next_payees(session, run_id, after_id=after_id, limit=size)
    entries = await queries.list_entries(session, run_id, ids) if ids else {}
    holders = {each.beneficiary_id for found in entries.values() for each in found} | set(ids)
    return Batch(run_id, after_id, ids, sorted(holders))


async def store(
    session: AsyncSession, batch: Batch, details: Mapping[UUID, PayeeDetails], settings: Settings
) -> bool:
    """Make the payouts of a batch, or end the preparation after the last one.

    Return whether there may be more. details: what agent-service knows of the batch's holders.
    Locks the run.
    Raises: StatementsTaken, PayoutAccountNotFound, PayoutAccountNotActive, NoTaxTable.
    """
    run = await run_queries.lock_run(session, batch.run_id)
    if run is None or run.status is not RunStatus.PREPARING:
        return False
    if run.last_payee_id != batch.after_id:
        return True  # another process was faster
    if not batch.payee_ids:
        await runs.finish_preparation(session, run)
        return False
    account = await payout_accounts.get_active(session, run.payout_account_id)
    await queries.delete_taken(session, run.id, batch.payee_ids)
    entries = await queries.list_entries(session, run.id, batch.payee_ids)
    maker = _Maker(
        run=run,
        details=details,
        limits=Limits(transfer_max=account.transfer_max, batch_max=account.batch_max),
        at=clock.now(),
        policy=taxes.policy_of(settings),
        count=await queries.count_payouts(session, run.id),
    )
    for payee_id in sorted(entries):
        maker.take(payee_id, entries[payee_id])
    await maker.store(session)
    run.last_payee_id = batch.payee_ids[-1]
    run.failure_code, run.failed_at, run.failure_count = None, None, 0
    await session.flush()
    return True


class _Maker:
    """Makes the payouts of some payees, and keeps why others are left out."""

    def __init__(
        self,
        *,
        run: PayoutRun,
        details: Mapping[UUID, PayeeDetails],
        limits: Limits,
        at: datetime,
        policy: tax_rules.TaxPolicy,
        count: int,
    ) -> None:
        self._run, self._details, self._limits = run, details, limits
        self._at, self._policy, self._count = at, policy, count
        self._payouts = list[tuple[dict[str, Any], list[Earning]]]()
        self._items = dict[UUID, RunEntry]()
        self._omissions = list[dict[str, Any]]()

    @property
    def _on(self) -> date:
        return jakarta_date(self._at)

    def take(self, payee_id: UUID, entries: Sequence[RunEntry]) -> None:
        """Make the payout of one payee, or keep why there is none."""
        details = self._details.get(payee_id)
        facts = facts_of(details)
        problem = rules.find_account_problem(facts, is_known=details is not None, at=self._at)
        payout_id, gross = new_id(), sum(each.gross for each in entries)
        earnings = [
            self._earning(payout_id, list(each))
            for _, each in groupby(entries, key=lambda entry: entry.beneficiary_id)
        ]
        tax = sum(self._tax_of(each) for each in earnings)
        problem = problem or rules.find_amount_problem(
            gross=gross, tax=tax, limits=self._limits, payout_count=self._count
        )
        if problem is not None:
            self._leave_out(payee_id, entries, problem)
            return
        assert details is not None
        self._payouts.append((self._payout_row(payout_id, details, gross, tax), earnings))
        self._count += 1

    async def store(self, session: AsyncSession) -> None:
        """Insert payouts, items, their tax, and who is left out."""
        if self._omissions:
            await queries.insert_omissions(session, self._omissions)
        if not self._payouts:
            return
        earnings = [each for _, of_payout in self._payouts for each in of_payout]
        shares = await taxes.compute(session, earnings, on=self._on, policy=self._policy)
        items = [
            self._item_row(item_id, each.payout_id, shares[item_id])
            for each in earnings
            for item_id in each.items
        ]
        if not await queries.insert_once_payouts(session, [row for row, _ in self._payouts], items):
            raise rules.StatementsTaken

    def _earning(self, payout_id: UUID, entries: Sequence[RunEntry]) -> Earning:
        """Return the payment to one beneficiary; its items are kept for `store`."""
        items = {new_id(): each for each in entries}
        self._items.update(items)
        first = entries[0]
        details = self._details.get(first.beneficiary_id)
        return Earning(
            payout_id=payout_id,
            payee_kind=first.payee_kind,
            payee_id=first.payee_id,
            beneficiary_kind=first.beneficiary_kind,
            beneficiary_id=first.beneficiary_id,
            legal_entity=details.legal_entity if details else None,
            identity=_identity_of(details),
            items={id_: each.gross for id_, each in items.items()},
        )

    def _tax_of(self, earning: Earning) -> int:
        return tax_rules.withhold(
            taxes.book(),
            gross=earning.gross,
            taxpayer=earning.taxpayer,
            on=self._on,
            policy=self._policy,
        ).amount

    def _leave_out(
        self, payee_id: UUID, entries: Sequence[RunEntry], reason: OmissionReason
    ) -> None:
        self._omissions.append(
            {
                "run_id": self._run.id,
                "payee_id": payee_id,
                "reason": reason,
                "payee_kind": entries[0].payee_kind,
                "statement_count": len(entries),
                "gross": sum(each.gross for each in entries),
            }
        )

    def _payout_row(
        self, payout_id: UUID, details: PayeeDetails, gross: int, tax: int
    ) -> dict[str, Any]:
        account = details.account
        assert account is not None, "without an account nobody is paid"
        return {
            "id": payout_id,
            "run_id": self._run.id,
            "payout_account_id": self._run.payout_account_id,
            "payee_kind": details.holder_kind,
            "payee_id": details.holder_id,
            "month": self._run.through_month,
            "gross": gross,
            "tax": tax,
            "amount": gross - tax,
            "bank_account_id": account.bank_account_id,
            "bank_code": account.bank_code,
            "account_no": account.account_no,
            "holder_name": account.holder_name,
            "status": PayoutStatus.CREATED,
            "created_at": self._at,
        }

    def _item_row(self, item_id: UUID, payout_id: UUID, tax: int) -> dict[str, Any]:
        entry = self._items[item_id]
        return {
            "id": item_id,
            "payout_id": payout_id,
            "statement_id": entry.statement_id,
            "month": entry.month,
            "beneficiary_kind": entry.beneficiary_kind,
            "beneficiary_id": entry.beneficiary_id,
            "gross": entry.gross,
            "tax": tax,
            "is_live": True,
        }


def facts_of(details: PayeeDetails | None) -> AccountFacts | None:
    """Return what decides whether a payee can be paid; None: there is no account."""
    account = details.account if details else None
    if account is None:
        return None
    return AccountFacts(
        bank_account_id=account.bank_account_id,
        name_match=account.name_match,
        frozen_until=account.payouts_frozen_until,
    )


def _identity_of(details: PayeeDetails | None) -> TaxIdentity | None:
    tax = details.tax if details else None
    if tax is None:
        return None
    status = None if tax.nik_status is None else NikStatus(tax.nik_status)
    return TaxIdentity(id=tax.tax_identity_id, has_npwp=tax.npwp is not None, nik_status=status)
