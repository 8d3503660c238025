"""The chart of accounts, what may be posted, and how a mistake is put right.

Source: docs/money.md. An account is its kind and its parts, such as `bpjs_payable:jkk:2026-11`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Protocol, Self
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Invalid
from perisai_kit.domain.month import Month

MAX_AMOUNT = 2**53
"""The largest amount every JSON reader holds exactly; far beyond any real transfer."""

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
    OPERATING_BANK = "operating_bank"  # the account incentives are paid from
    INCENTIVE_EXPENSE = "incentive_expense"  # :<month>
    INCENTIVE_PAYABLE = "incentive_payable"  # :<beneficiary id>


CHART: dict[AccountKind, tuple[AccountClass, AccountPurpose]] = {
    AccountKind.BANK_COLLECTION: (AccountClass.ASSET, AccountPurpose.COLLECTION),
    AccountKind.BPJS_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.COLLECTION),
    AccountKind.OPERATING_BANK: (AccountClass.ASSET, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_EXPENSE: (AccountClass.EXPENSE, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.OPERATING),
}


class TransferCode(StrEnum):
    CONTRIBUTION_RECEIVED = "contribution_received"
    INCENTIVE_ACCRUED = "incentive_accrued"
    INCENTIVE_REVERSED = "incentive_reversed"
    CORRECTION = "correction"


POSTINGS: dict[TransferCode, tuple[AccountKind, AccountKind]] = {
    TransferCode.CONTRIBUTION_RECEIVED: (AccountKind.BANK_COLLECTION, AccountKind.BPJS_PAYABLE),
    TransferCode.INCENTIVE_ACCRUED: (AccountKind.INCENTIVE_EXPENSE, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.INCENTIVE_REVERSED: (AccountKind.INCENTIVE_PAYABLE, AccountKind.INCENTIVE_EXPENSE),
}
"""Which kinds of account a code debits and credits. A correction mirrors what it corrects."""


class TransferKeyReused(Conflict):
    code = "transfer_key_reused"
    text = "A different transfer with this key already exists."
    text_id = "Transfer lain dengan kunci ini sudah ada."


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


@lru_cache(maxsize=1024)
def bank_collection(partner_id: UUID) -> Account:
    """Return the account of what this bank has collected and still holds for BPJS."""
    return Account(AccountKind.BANK_COLLECTION, (str(partner_id),))


@lru_cache(maxsize=1024)
def bpjs_payable(programme: str, month: Month) -> Account:
    """Return the account of what BPJS is owed for a programme and a contribution month."""
    return Account(AccountKind.BPJS_PAYABLE, (programme, str(month)))


def incentive_expense(month: Month) -> Account:
    """Return the account of the incentives that were earned in a month."""
    return Account(AccountKind.INCENTIVE_EXPENSE, (str(month),))


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """One movement from one account to one other: balanced by construction.

    amount: rupiah > 0. key: made from the cause, unique for ever, so that a repeat is the same
    transfer. business_on: the Jakarta date the money moved on. correction_of: the transfer this
    one takes back.
    """

    debit: Account
    credit: Account
    amount: int
    code: TransferCode
    key: str
    cause: str
    business_on: date
    correction_of: int | None = None

    def __post_init__(self) -> None:
        assert 0 < self.amount <= MAX_AMOUNT, "amounts are above zero and bounded"
        assert self.debit != self.credit, "money moves between two accounts"
        assert self.key.startswith(f"{self.cause}:"), "a key begins with its cause"
        assert len(self.key) <= 200, "keys are bounded"
        assert (self.code is TransferCode.CORRECTION) == (self.correction_of is not None)
        posting = (self.code, self.debit.kind, self.credit.kind)
        assert posting in _POSTED, "not posted so; collection and operating money never mix"


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
    def key(self) -> str: ...
    @property
    def cause(self) -> str: ...
    @property
    def business_on(self) -> date: ...
    @property
    def correction_of(self) -> int | None: ...


def correction_of(booked: Booked, *, business_on: date) -> NewTransfer:
    """Return the transfer that takes a booked one back in full.

    Its key comes from the corrected transfer, so that nothing is taken back twice.
    """
    return NewTransfer(
        debit=Account.parse(booked.credit_account),
        credit=Account.parse(booked.debit_account),
        amount=booked.amount,
        code=TransferCode.CORRECTION,
        key=f"{booked.cause}:correction:{booked.id}",
        cause=booked.cause,
        business_on=business_on,
        correction_of=booked.id,
    )


def differences(booked: Booked, wanted: NewTransfer) -> tuple[str, ...]:
    """Return the names of the fields in which a booked transfer is not the one wanted."""
    pairs = {
        "debit_account": (booked.debit_account, str(wanted.debit)),
        "credit_account": (booked.credit_account, str(wanted.credit)),
        "amount": (booked.amount, wanted.amount),
        "code": (booked.code, wanted.code),
        "cause": (booked.cause, wanted.cause),
        "business_on": (booked.business_on, wanted.business_on),
        "correction_of": (booked.correction_of, wanted.correction_of),
    }
    return tuple(name for name, (have, want) in pairs.items() if have != want)


def journal_head() -> str:
    """Return the first lines of a plain-text accounting journal (hledger, ledger)."""
    declared = "".join(f"account {account_class}\n" for account_class in AccountClass)
    return f"commodity 1000. IDR\n{declared}\n"


def journal_entry(booked: Booked) -> str:
    """Return one transfer as a journal transaction; amounts are whole rupiah."""
    return (
        f"{booked.business_on} ({booked.id}) {booked.code} | {booked.cause}\n"
        f"    ; key:{booked.key}\n"
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


_POSTED = frozenset(posting_pairs())
