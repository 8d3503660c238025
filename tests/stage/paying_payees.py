"""Agents and wadahs who are owed money: their statements, bank accounts and agreements."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stage.paying import LONG_AGO, MONTH, OurAccount, PayingBank

from payment_service.agents.models import WadahAgreement
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.models import Statement
from payment_service.ledger.models import Transfer
from payment_service.ledger.rules import (
    Account,
    AccountKind,
    CauseKind,
    TransferCode,
    incentive_expense,
)
from payment_service.payees.models import PayeeAccount
from payment_service.payees.rules import PayeeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod

PAYEES_FILE = "payees.json"
OTHER_BANK = "008"
WADAHS = 0.3
"""So many of the payees are wadahs that are paid for two agents and themselves."""
HOLDER = "AGUS SALIM"


@dataclass(frozen=True)
class Earner:
    """An agent or a wadah, with what the statements of some months came to, in rupiah.

    amounts: by month; below zero: more was taken back than earned.
    """

    kind: BeneficiaryKind
    id: UUID
    has_npwp: bool
    amounts: dict[Month, int]

    @property
    def owed(self) -> int:
        return sum(self.amounts.values())


@dataclass(frozen=True)
class Payee:
    """Who gets the money: an agent, or a wadah for its agents and itself."""

    kind: PayeeKind
    id: UUID
    wadah_id: UUID
    earners: tuple[Earner, ...]
    bank_account_id: UUID
    account_no: str
    bank_code: str

    @property
    def details(self) -> dict[str, Any]:
        """What agent-service answers about them and those they are paid for, by id."""
        account = {
            "bank_account_id": str(self.bank_account_id),
            "bank_code": self.bank_code,
            "account_no": self.account_no,
            "holder_name": HOLDER,
            "name_match": "match",
            "payouts_frozen_until": None,
        }
        return {
            str(each.id): {
                "holder_kind": each.kind.value,
                "holder_id": str(each.id),
                "legal_entity": True if each.kind is BeneficiaryKind.WADAH else None,
                "account": account if each.id == self.id else None,
                "tax": {
                    "tax_identity_id": str(each.id),
                    "npwp": "0123456789012345" if each.has_npwp else None,
                    "nik_status": "valid" if each.has_npwp else None,
                },
            }
            for each in self.earners
        }


@dataclass
class Owed:
    """The payees of one random course, all paid from one account of ours."""

    account: OurAccount
    payees: list[Payee] = field(default_factory=list)


def write_payees(folder: Path, owed: Sequence[Payee]) -> None:
    """Let agent-service, which the worker asks, know of these payees."""
    text = json.dumps({id_: known for each in owed for id_, known in each.details.items()})
    scratch = folder / "payees.new"
    scratch.write_text(text)
    scratch.replace(folder / PAYEES_FILE)


async def owe(
    session: AsyncSession, bank: PayingBank, account: OurAccount, random: Random, *, count: int
) -> Owed:
    """Store statements of so many payees, with their accounts at the bank or at another one."""
    owed = Owed(account)
    for _ in range(count):
        payee = _make_payee(account, random)
        await bank.post(
            "/accounts",
            bank_code=payee.bank_code,
            account_no=payee.account_no,
            holder_name=HOLDER,
        )
        session.add(_make_agreement(payee))
        for earner in payee.earners:
            for month, amount in earner.amounts.items():
                statement = _make_statement(payee, earner, month, amount)
                session.add_all([statement, _make_booking(statement)])
        session.add(
            PayeeAccount(
                bank_account_id=payee.bank_account_id,
                holder_kind=payee.kind,
                holder_id=payee.id,
                decided_at=LONG_AGO,
            )
        )
        owed.payees.append(payee)
    await session.flush()
    return owed


def _make_payee(account: OurAccount, random: Random) -> Payee:
    """Make an agent with one month, two months or a debt, or a wadah that is paid for agents."""
    wadah_id, last = new_id(), random.randrange(10_000, 4_000_000)
    shapes: list[tuple[int, ...]] = [(last,), (random.randrange(10_000, 4_000_000), last)]
    shapes.append((last, -random.randrange(1, last)))
    if random.random() < WADAHS:
        kind = PayeeKind.WADAH
        earners = [_make_earner(random, random.choice(shapes)) for _ in range(2)]
        own = (random.randrange(10_000, 4_000_000),)
        earners.append(_make_earner(random, own, wadah_id=wadah_id))
    else:
        kind = PayeeKind.AGENT
        earners = [_make_earner(random, random.choice(shapes))]
    return Payee(
        kind=kind,
        id=earners[-1].id,
        wadah_id=wadah_id,
        earners=tuple(earners),
        bank_account_id=new_id(),
        account_no=f"{random.randrange(10**12):012d}",
        bank_code=random.choice([account.bank_code, OTHER_BANK]),
    )


def _make_earner(random: Random, amounts: Sequence[int], *, wadah_id: UUID | None = None) -> Earner:
    months = (MONTH.plus(-back) for back in reversed(range(len(amounts))))
    return Earner(
        kind=BeneficiaryKind.AGENT if wadah_id is None else BeneficiaryKind.WADAH,
        id=wadah_id or new_id(),
        has_npwp=random.random() < 0.5,
        amounts=dict(zip(months, amounts, strict=True)),
    )


def _make_booking(statement: Statement) -> Transfer:
    expense = str(incentive_expense(statement.month))
    payable = str(Account(AccountKind.INCENTIVE_PAYABLE, (str(statement.beneficiary_id),)))
    is_accrued = statement.amount > 0
    return Transfer(
        debit_account=expense if is_accrued else payable,
        credit_account=payable if is_accrued else expense,
        amount=abs(statement.amount),
        code=TransferCode.INCENTIVE_ACCRUED if is_accrued else TransferCode.INCENTIVE_REVERSED,
        cause_kind=CauseKind.STATEMENT,
        cause_id=statement.id,
        business_on=LONG_AGO.date(),
        booked_at=LONG_AGO,
    )


def _make_statement(payee: Payee, earner: Earner, month: Month, amount: int) -> Statement:
    parts = amount * 10_000
    is_wadah = earner.kind is BeneficiaryKind.WADAH
    before = sum(each for earlier, each in earner.amounts.items() if earlier < month)
    return Statement(
        id=new_id(),
        month=month,
        beneficiary_kind=earner.kind,
        beneficiary_id=earner.id,
        wadah_id=payee.wadah_id,
        branch_code="BWI",
        region_code="JTM",
        line_count=1,
        contribution_parts=0 if is_wadah else parts,
        acquisition_parts=0,
        override_parts=parts if is_wadah else 0,
        brought_parts=0,
        total_parts=before * 10_000 + parts,
        amount=amount,
        brought_debt=0,
        held_reason=None,
        issued_at=LONG_AGO,
    )


def _make_agreement(payee: Payee) -> WadahAgreement:
    is_wadah = payee.kind is PayeeKind.WADAH
    return WadahAgreement(
        agreement_id=new_id(),
        wadah_id=payee.wadah_id,
        starts_on=LONG_AGO.date(),
        ends_on=LONG_AGO.date(),
        pays=PaymentMethod.WADAH if is_wadah else PaymentMethod.AGENTS,
    )
