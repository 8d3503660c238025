"""Withhold income tax from what is paid, keep it on record, and say what is due to the state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import (
    Account,
    AccountKind,
    Cause,
    CauseKind,
    TransferCode,
    tax_payable,
)
from payment_service.payees.rules import PayeeKind
from payment_service.settings import Settings
from payment_service.taxes import queries, rules
from payment_service.taxes.models import TaxComputation, TaxRemittance, Withholding
from payment_service.taxes.rules import (
    TaxBook,
    TaxCause,
    TaxIdentity,
    TaxKind,
    Taxpayer,
    TaxPolicy,
    Withholder,
)
from payment_service.taxes.schemas import TaxTableDocument, book_of
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

COPIED = (
    "payout_id",
    "payee_kind",
    "payee_id",
    "beneficiary_kind",
    "beneficiary_id",
    "kind",
    "surcharged",
    "table_version",
    "tax_identity_id",
    "has_npwp",
    "nik_status",
)
"""Columns of a computation that its withholding repeats, and so does the reversal."""
AMOUNTS = ("gross", "base", "amount")
"""The same, with the opposite sign in the reversal."""


@cache
def book() -> TaxBook:
    """Return the tables of the package, read and checked once; called when the service starts.

    Raises: TaxTableBroken or a validation error, which keep the service from starting.
    """
    folder = resources.files("payment_service.taxes") / "data"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return book_of([TaxTableDocument.model_validate_json(file.read_bytes()) for file in files])


def policy_of(settings: Settings) -> TaxPolicy:
    """Return what the operator has set where no source decides."""
    return TaxPolicy(
        through_wadah=Withholder(settings.tax_agent_through_wadah),
        wadah_entity=TaxKind(settings.tax_wadah_entity),
        wadah_person=TaxKind(settings.tax_wadah_person),
        unknown_is_no_npwp=settings.tax_unknown_is_no_npwp,
        nik_serves=settings.tax_nik_serves,
        base_unit=settings.tax_base_unit,
    )


@dataclass(frozen=True, slots=True)
class Earning:
    """What one beneficiary is to be paid in one payout: the payment that is taxed.

    legal_entity: of a wadah. identity: what agent-service has recorded, if anything. items: the
    gross of each payout item by its id, in rupiah, >= 0.
    """

    payout_id: UUID
    payee_kind: PayeeKind
    payee_id: UUID
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    legal_entity: bool | None
    identity: TaxIdentity | None
    items: Mapping[UUID, int]

    @property
    def gross(self) -> int:
        return sum(self.items.values())

    @property
    def taxpayer(self) -> Taxpayer:
        is_agent = self.beneficiary_kind is BeneficiaryKind.AGENT
        return Taxpayer(
            kind=self.beneficiary_kind,
            legal_entity=self.legal_entity,
            identity=self.identity,
            through_wadah=is_agent and self.payee_kind is PayeeKind.WADAH,
        )


@dataclass(frozen=True, slots=True)
class TaxDue:
    """A tax of a month, in rupiah. due: below zero where more was remitted than is withheld now."""

    kind: TaxKind
    month: Month
    withheld: int
    remitted: int

    @property
    def due(self) -> int:
        return self.withheld - self.remitted


async def compute(
    session: AsyncSession, earnings: Sequence[Earning], *, on: date, policy: TaxPolicy
) -> dict[UUID, int]:
    """Compute and store the tax of payouts that are being prepared; return it by payout item.

    Call it once for each beneficiary of a payout, in the transaction that inserts the payout. on:
    the Jakarta day on which the payouts are to be paid. Nothing is withheld until `record`.
    Raises: NoTaxTable.
    """
    rows, items = list[dict[str, Any]](), list[dict[str, Any]]()
    for each in earnings:
        found = rules.withhold(
            book(), gross=each.gross, taxpayer=each.taxpayer, on=on, policy=policy
        )
        row = _computation_row(each, found, on)
        shares = rules.split(found, list(each.items.values()))
        rows.append(row)
        items += [
            {"item_id": id_, "computation_id": row["id"], "gross": gross, "amount": share}
            for (id_, gross), share in zip(each.items.items(), shares, strict=True)
        ]
    if rows:
        await queries.insert_computations(session, rows, items)
    return {each["item_id"]: each["amount"] for each in items}


async def record(session: AsyncSession, payout_id: UUID, *, paid_on: date) -> None:
    """Withhold the computed tax of a payout that was paid, and book it. A repeat changes nothing.

    Call it in the transaction that makes the payout paid. paid_on: the Jakarta day of the payment;
    its month is that of the tax.
    """
    computed = await queries.list_computations(session, payout_id)
    assert computed, "the tax of a payout is computed when it is prepared"
    month = Month.of(paid_on)
    rows = [_withholding_row(each, month=month, paid_on=paid_on) for each in computed]
    new = await queries.insert_once_withholdings(session, rows)
    await _book(session, new, TransferCode.TAX_WITHHELD, month=month, on=paid_on)


async def reverse(session: AsyncSession, payout_id: UUID, *, returned_on: date) -> None:
    """Take back what was withheld from a payout whose money the bank returned, and book it.

    Call it in the transaction that makes the payout returned. It lowers the tax of the month of the
    payment, also where that was remitted already. A repeat changes nothing.
    """
    withheld = await queries.list_withheld(session, payout_id)
    assert withheld, "a payout is paid before it is returned"
    rows = [_reversal_row(each, returned_on) for each in withheld]
    new = await queries.insert_once_withholdings(session, rows)
    await _book(session, new, TransferCode.TAX_RELEASED, month=withheld[0].month, on=returned_on)


def explain(withheld: Withholding) -> tuple[rules.TaxLine, ...]:
    """Return the steps from the base of a taxed withholding to its amount."""
    assert withheld.table_version is not None, "nothing is withheld without a table"
    table = book().version(withheld.table_version)
    return rules.explain(table, base=withheld.base, surcharged=withheld.surcharged)


async def due(session: AsyncSession, month: Month) -> list[TaxDue]:
    """Return what was withheld and remitted of each tax of a month."""
    return await _sum_months(session, [month])


async def find_due(session: AsyncSession, kind: TaxKind, month: Month) -> int:
    """Return what is due of a tax of a month, in rupiah; below zero: too much was remitted."""
    return next((each.due for each in await due(session, month) if each.kind is kind), 0)


async def list_open(session: AsyncSession) -> list[TaxDue]:
    """Return each tax of which something is due, or too much was remitted; the first month first.

    The balances of the ledger say which months these are.
    """
    balances = await ledger.list_balances(session, AccountKind.TAX_PAYABLE)
    months = {Month.parse(account.parts[1]) for account, owed in balances.items() if owed}
    return [each for each in await _sum_months(session, sorted(months)) if each.due]


async def _sum_months(session: AsyncSession, months: Sequence[Month]) -> list[TaxDue]:
    withheld = await queries.sum_withheld(session, months)
    remitted = await queries.sum_remitted(session, months)
    taxes = [(month, kind) for month in months for kind in rules.TAXES]
    return [
        TaxDue(each[1], each[0], withheld.get(each, 0), remitted.get(each, 0)) for each in taxes
    ]


async def remit(
    session: AsyncSession,
    *,
    remittance_id: UUID,
    kind: TaxKind,
    month: Month,
    amount: int,
    remitted_on: date,
) -> None:
    """Record and book tax of a month that was paid to the state. A repeat changes nothing.

    Call it in the transaction that makes the payout of the tax paid. remittance_id: of that payout.
    amount: rupiah, > 0; it is not compared with what is due, because the money has left already.
    """
    remittance = await queries.insert_once_remittance(
        session,
        TaxRemittance(
            id=remittance_id,
            kind=kind,
            month=month,
            amount=amount,
            remitted_on=remitted_on,
            recorded_at=clock.now(),
        ),
    )
    if remittance is not None:
        await ledger.transfer_rows(
            session,
            queries.remitted(remittance_id),
            code=TransferCode.TAX_REMITTED,
            account=Account(AccountKind.OPERATING_BANK),
            business_on=remitted_on,
        )


async def return_remittance(
    session: AsyncSession, remittance_id: UUID, *, returned_on: date
) -> None:
    """Take back a remittance that the bank returned, so that it is due again. Twice is once."""
    first = await queries.find_remittance(session, remittance_id)
    assert first is not None, "a remittance is paid before it is returned"
    reversal = await queries.insert_once_remittance(
        session,
        TaxRemittance(
            id=new_id(),
            kind=first.kind,
            month=first.month,
            amount=-first.amount,
            reverses=first.id,
            remitted_on=returned_on,
            recorded_at=clock.now(),
        ),
    )
    if reversal is not None:
        cause = Cause(CauseKind.TAX_REMITTANCE, first.id)
        (booked,) = await ledger.list_of_cause(session, cause)
        await ledger.correct(session, booked, business_on=returned_on)


async def _book(
    session: AsyncSession,
    computation_ids: Sequence[UUID],
    code: TransferCode,
    *,
    month: Month,
    on: date,
) -> None:
    if not computation_ids:
        return
    for kind in rules.TAXES:
        await ledger.transfer_rows(
            session,
            queries.withheld_items(computation_ids, kind),
            code=code,
            account=tax_payable(kind, month),
            business_on=on,
        )


def _computation_row(earning: Earning, found: rules.Withholding, on: date) -> dict[str, Any]:
    identity = earning.identity
    return {
        "id": new_id(),
        "payout_id": earning.payout_id,
        "payee_kind": earning.payee_kind,
        "payee_id": earning.payee_id,
        "beneficiary_kind": earning.beneficiary_kind,
        "beneficiary_id": earning.beneficiary_id,
        "kind": found.kind,
        "gross": found.gross,
        "base": found.base,
        "amount": found.amount,
        "surcharged": found.surcharged,
        "table_version": found.table_version,
        "tax_identity_id": identity.id if identity else None,
        "has_npwp": identity is not None and identity.has_npwp,
        "nik_status": identity.nik_status if identity else None,
        "computed_on": on,
    }


def _withholding_row(computed: TaxComputation, *, month: Month, paid_on: date) -> dict[str, Any]:
    return {
        "id": new_id(),
        "computation_id": computed.id,
        **{name: getattr(computed, name) for name in (*COPIED, *AMOUNTS)},
        "cause": TaxCause.PAID,
        "reverses": None,
        "month": month,
        "paid_on": paid_on,
        "recorded_at": clock.now(),
    }


def _reversal_row(withheld: Withholding, returned_on: date) -> dict[str, Any]:
    return {
        "id": new_id(),
        "computation_id": withheld.computation_id,
        **{name: getattr(withheld, name) for name in COPIED},
        **{name: -getattr(withheld, name) for name in AMOUNTS},
        "cause": TaxCause.RETURNED,
        "reverses": withheld.id,
        "month": withheld.month,
        "paid_on": returned_on,
        "recorded_at": clock.now(),
    }
