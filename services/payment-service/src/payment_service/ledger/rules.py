"""The chart of accounts, what may be posted, and how a mistake is put right.

Source: docs/money.md. An account is its kind and its parts, such as `bpjs_payable:jkk:2026-11`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.month import Month

_PART = re.compile(r"[a-z0-9-]{1,64}")


class AccountClass(StrEnum):
    ASSET = "assets"
    LIABILITY = "liabilities"
    EXPENSE = "expenses"


class AccountPurpose(StrEnum):
    """Collection money belongs to BPJS, operating money pays incentives: they never mix."""

    COLLECTION = "collection"
    OPERATING = "operating"


class AccountKind(StrEnum):
    BANK_COLLECTION = "bank_collection"  # :<partner id>  what a bank holds for BPJS
    BPJS_PAYABLE = "bpjs_payable"  # :<programme>:<month>  what is owed to BPJS
    SUSPENSE = "suspense"  # :<partner id>  money received that two people must allocate
    OPERATING_BANK = "operating_bank"  # the account incentives are paid from
    INCENTIVE_EXPENSE = "incentive_expense"  # :<month>
    INCENTIVE_PAYABLE = "incentive_payable"  # :<beneficiary id>


CHART: dict[AccountKind, tuple[AccountClass, AccountPurpose]] = {
    AccountKind.BANK_COLLECTION: (AccountClass.ASSET, AccountPurpose.COLLECTION),
    AccountKind.BPJS_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.COLLECTION),
    AccountKind.SUSPENSE: (AccountClass.LIABILITY, AccountPurpose.COLLECTION),
    AccountKind.OPERATING_BANK: (AccountClass.ASSET, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_EXPENSE: (AccountClass.EXPENSE, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.OPERATING),
}


class TransferCode(StrEnum):
    CONTRIBUTION_RECEIVED = "contribution_received"
    CONTRIBUTION_SUSPENDED = "contribution_suspended"
    SUSPENSE_RECEIVED = "suspense_received"
    SUSPENSE_APPLIED = "suspense_applied"
    INCENTIVE_ACCRUED = "incentive_accrued"
    INCENTIVE_REVERSED = "incentive_reversed"
    CORRECTION = "correction"


class CauseKind(StrEnum):
    ALLOCATION = "allocation"
    STATEMENT = "statement"


CAUSES: dict[TransferCode, CauseKind] = {
    TransferCode.CONTRIBUTION_RECEIVED: CauseKind.ALLOCATION,
    TransferCode.CONTRIBUTION_SUSPENDED: CauseKind.ALLOCATION,
    TransferCode.SUSPENSE_RECEIVED: CauseKind.ALLOCATION,
    TransferCode.SUSPENSE_APPLIED: CauseKind.ALLOCATION,
    TransferCode.INCENTIVE_ACCRUED: CauseKind.STATEMENT,
    TransferCode.INCENTIVE_REVERSED: CauseKind.STATEMENT,
}
"""What a code books for. A correction has the cause of what it corrects."""

POSTINGS: dict[TransferCode, tuple[AccountKind, AccountKind]] = {
    TransferCode.CONTRIBUTION_RECEIVED: (AccountKind.BANK_COLLECTION, AccountKind.BPJS_PAYABLE),
    TransferCode.CONTRIBUTION_SUSPENDED: (AccountKind.BPJS_PAYABLE, AccountKind.SUSPENSE),
    TransferCode.SUSPENSE_RECEIVED: (AccountKind.BANK_COLLECTION, AccountKind.SUSPENSE),
    TransferCode.SUSPENSE_APPLIED: (AccountKind.SUSPENSE, AccountKind.BPJS_PAYABLE),
    TransferCode.INCENTIVE_ACCRUED: (AccountKind.INCENTIVE_EXPENSE, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.INCENTIVE_REVERSED: (AccountKind.INCENTIVE_PAYABLE, AccountKind.INCENTIVE_EXPENSE),
}
"""Which kinds of account a code debits and credits. A correction mirrors what it corrects."""


class AccountInvalid(Invalid):
    code = "account_invalid"
    text = "The chart of accounts has no account like this. Check the account name."
    text_id = "Akun ini tidak ada dalam bagan akun. Periksa nama akunnya."


@dataclass(frozen=True, slots=True)
class Account:
    kind: AccountKind
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert all(_PART.fullmatch(part) for part in self.parts), "a part is a-z, 0-9 and -"

    def __str__(self) -> str:
        return ":".join((self.kind, *self.parts))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an account. Raises: AccountInvalid."""
        kind, *parts = text.split(":")
        if kind not in CHART or not all(_PART.fullmatch(part) for part in parts):
            raise AccountInvalid
        return cls(AccountKind(kind), tuple(parts))

    @property
    def account_class(self) -> AccountClass:
        return CHART[self.kind][0]

    @property
    def purpose(self) -> AccountPurpose:
        return CHART[self.kind][1]


def incentive_expense(month: Month) -> Account:
    """Return the account of the incentives that were earned in a month."""
    return Account(AccountKind.INCENTIVE_EXPENSE, (str(month),))


@dataclass(frozen=True, slots=True)
class Cause:
    """What money was moved for, such as `allocation:0190a000-0000-7000-8000-000000000001`."""

    kind: CauseKind
    id: UUID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cause. Raises: ValueError."""
        kind, _, id_ = text.partition(":")
        return cls(CauseKind(kind), UUID(id_))


class Booked(Protocol):
    """A transfer as it stands in the ledger."""

    @property
    def id(self) -> int: ...
    @property
    def debit_account(self) -> str: ...
    @property
    def credit_account(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def cause(self) -> Cause: ...
    @property
    def business_on(self) -> date: ...


def journal_head() -> str:
    """Return the first lines of a plain-text accounting journal (hledger, ledger)."""
    declared = "".join(f"account {account_class}\n" for account_class in AccountClass)
    return f"commodity 1000. IDR\n{declared}\n"


def journal_entry(booked: Booked) -> str:
    """Return one transfer as a journal transaction; amounts are whole rupiah."""
    return (
        f"{booked.business_on} ({booked.id}) {booked.code} | {booked.cause}\n"
        f"    {journal_account(booked.debit_account)}  {booked.amount} IDR\n"
        f"    {journal_account(booked.credit_account)}  -{booked.amount} IDR\n\n"
    )


def journal_account(account: str) -> str:
    """Return the account under its class, as journals name it."""
    return f"{Account.parse(account).account_class}:{account}"


def posting_pairs() -> Iterable[tuple[TransferCode, AccountKind, AccountKind]]:
    """Return every posting that is allowed, corrections being the mirrors of the others."""
    for code, (debit, credit) in POSTINGS.items():
        yield code, debit, credit
        yield TransferCode.CORRECTION, credit, debit
        yield TransferCode.CORRECTION, debit, credit  # a correction may itself be corrected
