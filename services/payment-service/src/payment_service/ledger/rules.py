"""The chart of accounts, what may be posted, and how a mistake is put right.

Source: docs/money.md. An account is its kind and its parts, such as `bpjs_payable:jkk:2026-11`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from perisai_kit.domain.errors import Invalid, Unavailable
from perisai_kit.domain.jakarta import midnight
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
    TAX_PAYABLE = "tax_payable"  # :<pph21|pph23>:<month>  tax withheld and not yet remitted


CHART: dict[AccountKind, tuple[AccountClass, AccountPurpose]] = {
    AccountKind.BANK_COLLECTION: (AccountClass.ASSET, AccountPurpose.COLLECTION),
    AccountKind.BPJS_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.COLLECTION),
    AccountKind.SUSPENSE: (AccountClass.LIABILITY, AccountPurpose.COLLECTION),
    AccountKind.OPERATING_BANK: (AccountClass.ASSET, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_EXPENSE: (AccountClass.EXPENSE, AccountPurpose.OPERATING),
    AccountKind.INCENTIVE_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.OPERATING),
    AccountKind.TAX_PAYABLE: (AccountClass.LIABILITY, AccountPurpose.OPERATING),
}


class TransferCode(StrEnum):
    CONTRIBUTION_RECEIVED = "contribution_received"
    CONTRIBUTION_SUSPENDED = "contribution_suspended"
    SUSPENSE_RECEIVED = "suspense_received"
    SUSPENSE_APPLIED = "suspense_applied"
    INCENTIVE_ACCRUED = "incentive_accrued"
    INCENTIVE_REVERSED = "incentive_reversed"
    INCENTIVE_FORFEITED = "incentive_forfeited"
    INCENTIVE_SET_OFF = "incentive_set_off"
    INCENTIVE_PAID = "incentive_paid"
    INCENTIVE_RETURNED = "incentive_returned"
    TAX_WITHHELD = "tax_withheld"
    TAX_RELEASED = "tax_released"
    TAX_REMITTED = "tax_remitted"
    CORRECTION = "correction"


class CauseKind(StrEnum):
    ALLOCATION = "allocation"
    STATEMENT = "statement"
    FORFEIT_SET_OFF = "forfeit_set_off"
    PAYOUT_ITEM = "payout_item"
    TAX_REMITTANCE = "tax_remittance"


CAUSES: dict[TransferCode, CauseKind] = {
    TransferCode.CONTRIBUTION_RECEIVED: CauseKind.ALLOCATION,
    TransferCode.CONTRIBUTION_SUSPENDED: CauseKind.ALLOCATION,
    TransferCode.SUSPENSE_RECEIVED: CauseKind.ALLOCATION,
    TransferCode.SUSPENSE_APPLIED: CauseKind.ALLOCATION,
    TransferCode.INCENTIVE_ACCRUED: CauseKind.STATEMENT,
    TransferCode.INCENTIVE_REVERSED: CauseKind.STATEMENT,
    TransferCode.INCENTIVE_FORFEITED: CauseKind.STATEMENT,
    TransferCode.INCENTIVE_SET_OFF: CauseKind.FORFEIT_SET_OFF,
    TransferCode.INCENTIVE_PAID: CauseKind.PAYOUT_ITEM,
    TransferCode.INCENTIVE_RETURNED: CauseKind.PAYOUT_ITEM,
    TransferCode.TAX_WITHHELD: CauseKind.PAYOUT_ITEM,
    TransferCode.TAX_RELEASED: CauseKind.PAYOUT_ITEM,
    TransferCode.TAX_REMITTED: CauseKind.TAX_REMITTANCE,
}
"""What a code books for. A correction has the cause of what it corrects."""

POSTINGS: dict[TransferCode, tuple[AccountKind, AccountKind]] = {
    TransferCode.CONTRIBUTION_RECEIVED: (AccountKind.BANK_COLLECTION, AccountKind.BPJS_PAYABLE),
    TransferCode.CONTRIBUTION_SUSPENDED: (AccountKind.BPJS_PAYABLE, AccountKind.SUSPENSE),
    TransferCode.SUSPENSE_RECEIVED: (AccountKind.BANK_COLLECTION, AccountKind.SUSPENSE),
    TransferCode.SUSPENSE_APPLIED: (AccountKind.SUSPENSE, AccountKind.BPJS_PAYABLE),
    TransferCode.INCENTIVE_ACCRUED: (AccountKind.INCENTIVE_EXPENSE, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.INCENTIVE_REVERSED: (AccountKind.INCENTIVE_PAYABLE, AccountKind.INCENTIVE_EXPENSE),
    TransferCode.INCENTIVE_FORFEITED: (
        AccountKind.INCENTIVE_PAYABLE,
        AccountKind.INCENTIVE_EXPENSE,
    ),
    TransferCode.INCENTIVE_SET_OFF: (AccountKind.INCENTIVE_EXPENSE, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.INCENTIVE_PAID: (AccountKind.INCENTIVE_PAYABLE, AccountKind.OPERATING_BANK),
    TransferCode.INCENTIVE_RETURNED: (AccountKind.OPERATING_BANK, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.TAX_WITHHELD: (AccountKind.INCENTIVE_PAYABLE, AccountKind.TAX_PAYABLE),
    TransferCode.TAX_RELEASED: (AccountKind.TAX_PAYABLE, AccountKind.INCENTIVE_PAYABLE),
    TransferCode.TAX_REMITTED: (AccountKind.TAX_PAYABLE, AccountKind.OPERATING_BANK),
}
"""Which kinds of account a code debits and credits. A correction mirrors what it corrects."""


class DaysReversed(Invalid):
    code = "days_reversed"
    text = "The first day is after the last day. Exchange the two."
    text_id = "Hari pertama sesudah hari terakhir. Tukar keduanya."


class LedgerBusy(Unavailable):
    code = "ledger_busy"
    text = "A booking is in progress, so the ledger is not complete. Try again in a minute."
    text_id = "Pembukuan sedang berjalan sehingga belum lengkap. Coba lagi satu menit kemudian."


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
            raise AccountInvalid(field="account")
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


def tax_payable(kind: str, month: Month) -> Account:
    """Return the account of a tax withheld in a month. kind: pph21 or pph23."""
    return Account(AccountKind.TAX_PAYABLE, (kind, str(month)))


OPERATING_BANK = Account(AccountKind.OPERATING_BANK)


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


@dataclass(frozen=True, slots=True)
class RangeSums:
    """Debits - credits of one account, in rupiah: before a journal's first day, and at its end."""

    account: str
    opening: int
    closing: int


@dataclass(frozen=True, slots=True)
class Journal:
    """What an exported journal holds: the transfers through `through_id` of these business dates.

    booked_through: only those that were booked before this instant; None: all. ends_on: `last_on`,
    else the last business date there is. bank_names: partner id → readable name of its accounts.
    """

    through_id: int
    first_on: date | None
    last_on: date | None
    booked_through: datetime | None
    ends_on: date | None
    sums: Sequence[RangeSums]
    bank_names: Mapping[str, str]


def check_days(first_on: date | None, last_on: date | None) -> None:
    """Refuse days in the wrong order. Raises: DaysReversed."""
    if first_on is not None and last_on is not None and first_on > last_on:
        raise DaysReversed(field="last_on")


def begins_at(first_on: date | None) -> datetime | None:
    """Return when a journal begins: what was booked and dated before is in its opening balances."""
    return None if first_on is None else midnight(first_on)


def journal_head(journal: Journal) -> str:
    """Return the beginning of a plain-text accounting journal (hledger, ledger).

    It declares the commodity and every account. The accounts of a bank get readable names by
    `alias`; below they stand under the id of the partner, as in the ledger.
    """
    # Made again, a journal that names an instant is the same text, whatever was booked since.
    until = journal.booked_through
    booked = (
        f"through {journal.through_id}" if until is None else f"booked before {until.isoformat()}"
    )
    lines = [
        f"; All transfers {booked} with business dates from"
        f" {journal.first_on or 'the first'} to {journal.last_on or 'the last'}",
        "commodity 1000. IDR",
    ]
    for each in journal.sums:
        name = journal_account(each.account)
        readable = _readable(name, journal.bank_names)
        if readable == name:
            lines.append(f"account {name}")
        else:
            lines += [f"alias {name} = {readable}", f"account {readable}  ; ledger:{each.account}"]
    opening = [(each.account, each.opening, each.opening) for each in journal.sums if each.opening]
    head = "\n".join(lines) + "\n\n"
    return head + _balances(f"{journal.first_on} opening balances", opening)


def journal_entry(booked: Booked, *, first_on: date | None = None) -> str:
    """Return one transfer as a journal transaction; amounts are whole rupiah.

    Dated before the first day of the journal but booked later, it stands on the first day, with its
    own as the second date and in a tag: a journal exported earlier cannot hold it.
    """
    on, late = f"{booked.business_on}", ""
    if first_on is not None and booked.business_on < first_on:
        on, late = f"{first_on}={on}", f"  ; dated_before:{on}"
    return (
        f"{on} ({booked.id}) {booked.code} | {booked.cause}{late}\n"
        f"    {journal_account(booked.debit_account)}  {booked.amount} IDR\n"
        f"    {journal_account(booked.credit_account)}  -{booked.amount} IDR\n\n"
    )


def journal_end(journal: Journal) -> str:
    """Return what states every balance at the end, so that a program checks the entries."""
    closing = [(each.account, 0, each.closing) for each in journal.sums]
    return _balances(f"{journal.ends_on} closing balances", closing)


def journal_account(account: str) -> str:
    """Return the account under its class, as journals name it."""
    return f"{Account.parse(account).account_class}:{account}"


def _balances(head: str, rows: Sequence[tuple[str, int, int]]) -> str:
    """Return a transaction of account, amount, and balance after it; nothing without rows."""
    if not rows:
        return ""
    postings = [
        f"    {journal_account(account)}  {amount} IDR = {balance} IDR"
        for account, amount, balance in rows
    ]
    return "\n".join([head, *postings]) + "\n\n"


def _readable(name: str, bank_names: Mapping[str, str]) -> str:
    head, _, last = name.rpartition(":")
    return f"{head}:{bank_names[last]}" if last in bank_names else name


def posting_pairs() -> Iterable[tuple[TransferCode, AccountKind, AccountKind]]:
    """Return every posting that is allowed, corrections being the mirrors of the others."""
    for code, (debit, credit) in POSTINGS.items():
        yield code, debit, credit
        yield TransferCode.CORRECTION, credit, debit
        yield TransferCode.CORRECTION, debit, credit  # a correction may itself be corrected
