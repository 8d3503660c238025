from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from payment_service.ledger import rules
from payment_service.ledger.rules import Account, AccountKind, Cause, CauseKind, TransferCode

PARTNER = UUID(int=7)
ALLOCATION = UUID(int=1)
BANK = f"bank_collection:{PARTNER}"
PAYABLE = "bpjs_payable:jkk:2026-11"


@dataclass(frozen=True)
class Row:
    id: int
    debit_account: str
    credit_account: str
    amount: int
    code: str
    cause: Cause
    business_on: date


def test_accounts_are_written_as_kind_and_parts() -> None:
    account = Account(AccountKind.BPJS_PAYABLE, ("jkk", "2026-11"))

    assert str(account) == PAYABLE
    assert Account.parse(PAYABLE) == account


@pytest.mark.parametrize("text", ["", "cash", "bpjs_payable:", "bpjs_payable:JKK", "bank:1\n"])
def test_what_is_not_in_the_chart_is_no_account(text: str) -> None:
    with pytest.raises(rules.AccountInvalid):
        Account.parse(text)


def test_every_kind_of_account_stands_in_the_chart() -> None:
    assert set(rules.CHART) == set(AccountKind)


def test_every_posting_stays_within_one_purpose() -> None:
    for code, (debit, credit) in rules.POSTINGS.items():
        assert rules.CHART[debit][1] is rules.CHART[credit][1], code


def test_every_code_but_the_correction_says_what_it_posts() -> None:
    assert set(rules.POSTINGS) | {TransferCode.CORRECTION} == set(TransferCode)


def test_every_code_but_the_correction_says_what_it_books_for() -> None:
    assert set(rules.CAUSES) == set(rules.POSTINGS)


def test_a_cause_is_written_as_kind_and_id() -> None:
    cause = Cause(CauseKind.ALLOCATION, ALLOCATION)

    assert str(cause) == f"allocation:{ALLOCATION}"
    assert Cause.parse(str(cause)) == cause


def test_a_journal_entry_balances_and_names_its_cause() -> None:
    cause = Cause(CauseKind.ALLOCATION, ALLOCATION)
    on = date(2026, 11, 5)
    booked = Row(12, BANK, PAYABLE, 36_800, "contribution_received", cause, on)

    assert rules.journal_entry(booked) == (
        f"2026-11-05 (12) contribution_received | allocation:{ALLOCATION}\n"
        f"    assets:bank_collection:{PARTNER}  36800 IDR\n"
        "    liabilities:bpjs_payable:jkk:2026-11  -36800 IDR\n\n"
    )


def test_the_documentation_lists_every_account_and_code() -> None:
    page = (Path(__file__).parents[5] / "docs" / "money.md").read_text()

    undocumented = [name for name in (*AccountKind, *TransferCode) if f"| `{name}` |" not in page]
    assert undocumented == []
