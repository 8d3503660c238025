from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.ledger import rules
from payment_service.ledger.rules import Account, AccountKind, NewTransfer, TransferCode
from perisai_kit.domain.month import Month

PARTNER = UUID(int=7)
BANK = rules.bank_collection(PARTNER)
PAYABLE = rules.bpjs_payable("jkk", Month(2026, 11))


@dataclass(frozen=True)
class Row:
    id: int
    debit_account: str
    credit_account: str
    amount: int
    code: str
    key: str
    cause: str
    business_on: date
    correction_of: int | None


def wanted(amount: int = 10_000) -> NewTransfer:
    return NewTransfer(
        debit=BANK,
        credit=PAYABLE,
        amount=amount,
        code=TransferCode.CONTRIBUTION_RECEIVED,
        key="payment:1:jkk:2026-11",
        cause="payment:1",
        business_on=date(2026, 11, 5),
    )


def booked(new: NewTransfer, row_id: int = 12) -> Row:
    return Row(
        id=row_id,
        debit_account=str(new.debit),
        credit_account=str(new.credit),
        amount=new.amount,
        code=new.code.value,
        key=new.key,
        cause=new.cause,
        business_on=new.business_on,
        correction_of=new.correction_of,
    )


def test_accounts_are_written_as_kind_and_parts() -> None:
    assert str(PAYABLE) == "bpjs_payable:jkk:2026-11"
    assert str(BANK) == f"bank_collection:{PARTNER}"
    assert Account.parse(str(PAYABLE)) == PAYABLE


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


def test_collection_money_never_pays_an_incentive() -> None:
    with pytest.raises(AssertionError, match="mix"):
        replace(wanted(), credit=Account(AccountKind.INCENTIVE_PAYABLE, ("1",)))


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**53 + 1},
        {"credit": BANK},
        {"key": "another:1"},
        {"debit": PAYABLE, "credit": BANK},
        {"code": TransferCode.CORRECTION},
        {"correction_of": 3},
    ],
    ids=str,
)
def test_a_transfer_that_makes_no_sense_cannot_be_built(broken: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        replace(wanted(), **broken)  # type: ignore[arg-type]  # what is wrong is the point


@given(st.integers(1, 2**53))
def test_a_correction_takes_back_exactly_what_it_names(amount: int) -> None:
    first = booked(wanted(amount))

    back = rules.correction_of(first, business_on=date(2026, 12, 1))

    assert (back.debit, back.credit, back.amount) == (PAYABLE, BANK, amount)
    assert (back.correction_of, back.cause) == (first.id, first.cause)


def test_a_correction_can_itself_be_corrected() -> None:
    back = booked(rules.correction_of(booked(wanted()), business_on=date(2026, 12, 1)), 13)

    again = rules.correction_of(back, business_on=date(2026, 12, 2))

    assert (again.debit, again.credit) == (BANK, PAYABLE)
    assert again.key != back.key


def test_the_same_transfer_differs_in_nothing() -> None:
    assert rules.differences(booked(wanted()), wanted()) == ()


def test_another_amount_or_day_is_named_as_the_difference() -> None:
    other = replace(wanted(9_999), business_on=date(2026, 11, 6))

    assert rules.differences(booked(wanted()), other) == ("amount", "business_on")


def test_a_journal_entry_balances_and_names_its_cause() -> None:
    entry = rules.journal_entry(booked(wanted(36_800)))

    assert entry == (
        "2026-11-05 (12) contribution_received | payment:1\n"
        "    ; key:payment:1:jkk:2026-11\n"
        f"    assets:bank_collection:{PARTNER}  36800 IDR\n"
        "    liabilities:bpjs_payable:jkk:2026-11  -36800 IDR\n\n"
    )


def test_the_documentation_lists_every_account_and_code() -> None:
    page = (Path(__file__).parents[5] / "docs" / "money.md").read_text()

    undocumented = [name for name in (*AccountKind, *TransferCode) if f"| `{name}` |" not in page]
    assert undocumented == []
