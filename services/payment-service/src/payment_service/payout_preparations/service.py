"""Prepare runs step by step: choose the statements, then make the payouts of some payees at a time.

agent-service is asked between two transactions; what it said is used only where the run is still
as far as it was when it was asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.clients.payees import PayeeDetails
from payment_service.incentive_holds.rules import set_off
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
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
    unproven = await verifications.list_unproven(session)
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
    Locks the run, then debts.
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
    await statement_queries.lock_debts(session)
    earners = {each.beneficiary_id for found in entries.values() for each in found}
    await statements.set_off_held(session, beneficiary_ids=earners)
    maker = _Maker(
        run=run,
        details=details,
        limits=Limits(transfer_max=account.transfer_max, batch_max=account.batch_max),
        at=clock.now(),
        policy=taxes.policy_of(settings),
        debts=await statement_queries.find_debts(session, earners),
        count=await queries.count_payouts(session, run.id),
    )
    for payee_id in sorted(entries):
        maker.take(payee_id, entries[payee_id])
    await maker.store(session)
    run.last_payee_id = batch.payee_ids[-1]
    run.failure_code, run.failed_at, run.failure_count = None, None, 0
    await session.flush()
    return True


@dataclass(frozen=True, slots=True)
class Owed:
    """A statement that is about to be paid, less what makes up for a debt, in rupiah."""

    entry: RunEntry
    set_off: int

    @property
    def gross(self) -> int:
        return self.entry.gross - self.set_off


class _Maker:
    """Makes the payouts of some payees, and keeps why others are left out.

    debts: what beneficiaries owe, of those who do.
    """

    def __init__(
        self,
        *,
        run: PayoutRun,
        details: Mapping[UUID, PayeeDetails],
        limits: Limits,
        at: datetime,
        policy: tax_rules.TaxPolicy,
        debts: Mapping[UUID, int],
        count: int,
    ) -> None:
        self._run, self._details, self._limits = run, details, limits
        self._at, self._policy, self._debts, self._count = at, policy, dict(debts), count
        self._payouts = list[tuple[dict[str, Any], list[Earning]]]()
        self._items = dict[UUID, Owed]()
        self._omissions = dict[tuple[UUID, OmissionReason], dict[str, Any]]()

    @property
    def _on(self) -> date:
        return jakarta_date(self._at)

    def take(self, payee_id: UUID, entries: Sequence[RunEntry]) -> None:
        """Make the payouts of one payee, and keep why something is left out."""
        details = self._details.get(payee_id)
        facts = facts_of(details)
        problem = rules.find_account_problem(facts, is_known=details is not None, at=self._at)
        if problem is not None:
            self._leave_out(payee_id, entries, problem)
            return
        assert details is not None
        earnings = self._earn(payee_id, entries)
        nets = {each.beneficiary_id: each.gross - self._tax_of(each) for each in earnings}
        if sum(nets.values()) <= 0:
            self._leave_out_earnings(payee_id, earnings, OmissionReason.NOTHING_LEFT)
            return
        groups = rules.share_out(nets, transfer_max=self._limits.transfer_max)
        of = {each.beneficiary_id: each for each in earnings}
        over = [each for each in earnings if nets[each.beneficiary_id] > self._limits.transfer_max]
        self._leave_out_earnings(payee_id, over, OmissionReason.OVER_TRANSFER_MAX)
        for part, group in enumerate(groups, start=1):
            taken = [of[id_] for id_ in group]
            if self._count >= self._limits.batch_max:
                self._leave_out_earnings(payee_id, taken, OmissionReason.BATCH_FULL)
                continue
            self._pay(details, part, taken, amount=sum(nets[id_] for id_ in group))

    async def store(self, session: AsyncSession) -> None:
        """Insert payouts, items, their tax, and who is left out."""
        if self._omissions:
            await queries.insert_omissions(session, list(self._omissions.values()))
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

    def _earn(self, payee_id: UUID, entries: Sequence[RunEntry]) -> list[Earning]:
        """Return what each beneficiary is to be paid; one who is in debt for all of it is none."""
        earnings = []
        for beneficiary_id, each in groupby(entries, key=lambda entry: entry.beneficiary_id):
            own = list(each)
            deducted = set_off([entry.gross for entry in own], self._debts.get(beneficiary_id, 0))
            owed = [Owed(entry, amount) for entry, amount in zip(own, deducted, strict=True)]
            if any(entry.gross for entry in owed):
                earnings.append(self._earning(owed))
            else:
                self._leave_out(payee_id, own, OmissionReason.IN_DEBT)
        return earnings

    def _earning(self, owed: Sequence[Owed]) -> Earning:
        """Return the payment to one beneficiary; its items are kept for `store`."""
        items = {new_id(): each for each in owed}
        self._items.update(items)
        first = owed[0].entry
        details = self._details.get(first.beneficiary_id)
        return Earning(
            payout_id=new_id(),
            payee_kind=first.payee_kind,
            payee_id=first.payee_id,
            beneficiary_kind=first.beneficiary_kind,
            beneficiary_id=first.beneficiary_id,
            legal_entity=details.legal_entity if details else None,
            identity=_identity_of(details),
            items={id_: each.gross for id_, each in items.items()},
        )

    def _pay(
        self, details: PayeeDetails, part: int, earnings: Sequence[Earning], *, amount: int
    ) -> None:
        id_, gross = new_id(), sum(each.gross for each in earnings)
        # Their statements of another wadah are paid to another payee, perhaps of the same batch.
        for owed in (self._items[item_id] for each in earnings for item_id in each.items):
            if owed.set_off:
                self._debts[owed.entry.beneficiary_id] -= owed.set_off
        row = self._payout_row(id_, details, part, gross=gross, amount=amount)
        self._payouts.append((row, [replace(each, payout_id=id_) for each in earnings]))
        self._count += 1

    def _tax_of(self, earning: Earning) -> int:
        return tax_rules.withhold(
            taxes.book(),
            gross=earning.gross,
            taxpayer=earning.taxpayer,
            on=self._on,
            policy=self._policy,
        ).amount

    def _leave_out_earnings(
        self, payee_id: UUID, earnings: Sequence[Earning], reason: OmissionReason
    ) -> None:
        entries = [self._items[id_].entry for each in earnings for id_ in each.items]
        self._leave_out(payee_id, entries, reason)

    def _leave_out(
        self, payee_id: UUID, entries: Sequence[RunEntry], reason: OmissionReason
    ) -> None:
        if not entries:
            return
        kept = self._omissions.setdefault(
            (payee_id, reason),
            {
                "run_id": self._run.id,
                "payee_id": payee_id,
                "reason": reason,
                "payee_kind": entries[0].payee_kind,
                "statement_count": 0,
                "gross": 0,
            },
        )
        kept["statement_count"] += len(entries)
        kept["gross"] += sum(each.gross for each in entries)

    def _payout_row(
        self, payout_id: UUID, details: PayeeDetails, part: int, *, gross: int, amount: int
    ) -> dict[str, Any]:
        account = details.account
        assert account is not None, "without an account nobody is paid"
        return {
            "id": payout_id,
            "run_id": self._run.id,
            "payout_account_id": self._run.payout_account_id,
            "payee_kind": details.holder_kind,
            "payee_id": details.holder_id,
            "part": part,
            "month": self._run.through_month,
            "gross": gross,
            "tax": gross - amount,
            "amount": amount,
            "bank_account_id": account.bank_account_id,
            "bank_code": account.bank_code,
            "account_no": account.account_no,
            "holder_name": account.holder_name,
            "status": PayoutStatus.CREATED,
            "created_at": self._at,
        }

    def _item_row(self, item_id: UUID, payout_id: UUID, tax: int) -> dict[str, Any]:
        owed = self._items[item_id]
        entry = owed.entry
        return {
            "id": item_id,
            "payout_id": payout_id,
            "statement_id": entry.statement_id,
            "month": entry.month,
            "beneficiary_kind": entry.beneficiary_kind,
            "beneficiary_id": entry.beneficiary_id,
            "set_off": owed.set_off,
            "gross": owed.gross,
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
