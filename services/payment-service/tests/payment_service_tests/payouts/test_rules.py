"""What is decided without a database: who is left out or withdrawn, and what is late."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.month_lists.rules import DueStatus, due_on, find_due_status
from payment_service.payees.rules import Payee, PayeeHold, PayeeKind, PayeeReason
from payment_service.payout_preparations.rules import (
    AccountFacts,
    find_account_problem,
    share_out,
)
from payment_service.payout_releases.rules import find_change
from payment_service.payout_runs.rules import (
    OmissionReason,
    PayoutRunStatusConflict,
    RunStatus,
    RunVerdict,
    check_decision,
)
from payment_service.payouts.rules import WithdrawalReason, find_reason_code
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month

NOW = datetime(2025, 12, 3, 5, tzinfo=UTC)
PAYEE_ID, ACCOUNT_ID = new_id(), new_id()
ACCOUNT = AccountFacts(ACCOUNT_ID, "match", None)


def make_payee(
    *, held: PayeeHold | None = None, kind: PayeeKind = PayeeKind.AGENT, is_other: bool = False
) -> Payee:
    return Payee(kind, new_id() if is_other else PAYEE_ID, PayeeReason.AGREEMENT, held)


def test_a_freeze_ends_at_its_instant() -> None:
    frozen = AccountFacts(ACCOUNT_ID, "match", NOW)

    before = find_account_problem(frozen, is_known=True, at=NOW - timedelta(seconds=1))
    assert before is OmissionReason.ACCOUNT_FROZEN
    assert find_account_problem(frozen, is_known=True, at=NOW) is None


@pytest.mark.parametrize(
    "answer", ["mismatch", "not_found", "not_designated", "refused", "unknown"]
)
def test_only_a_confirmed_holder_is_paid(answer: str) -> None:
    account = AccountFacts(ACCOUNT_ID, answer, None)

    found = find_account_problem(account, is_known=True, at=NOW)

    assert found is OmissionReason.HOLDER_UNCONFIRMED


@pytest.mark.parametrize(
    ("amounts", "groups"),
    [
        ([1_000], [[0]]),
        ([400, 600], [[0, 1]]),
        ([400, 601], [[0], [1]]),
        ([400, 500, 300, 700], [[0, 1], [2, 3]]),
        ([400, 1_001, 500, 0], [[0, 2, 3]]),
        ([1_001], []),
    ],
    ids=str,
)
def test_a_payee_is_paid_in_as_many_transfers_as_the_limit_asks_for(
    amounts: list[int], groups: list[list[int]]
) -> None:
    ids = [new_id() for _ in amounts]

    found = share_out(dict(zip(ids, amounts, strict=True)), transfer_max=1_000)

    assert found == [[ids[place] for place in group] for group in groups]


@given(st.lists(st.integers(0, 3_000), max_size=30), st.integers(1, 2_000))
def test_no_transfer_is_above_the_limit_and_nobody_is_paid_twice_or_forgotten(
    amounts: list[int], limit: int
) -> None:
    of = {new_id(): amount for amount in amounts}

    groups = share_out(of, transfer_max=limit)

    assert all(sum(of[id_] for id_ in group) <= limit for group in groups)
    paid = [id_ for group in groups for id_ in group]
    assert paid == [id_ for id_, amount in of.items() if amount <= limit]


@pytest.mark.parametrize(
    ("account", "payee", "reason"),
    [
        (ACCOUNT, make_payee(), None),
        (ACCOUNT, make_payee(held=PayeeHold.FRAUD), WithdrawalReason.HELD),
        (ACCOUNT, make_payee(is_other=True), WithdrawalReason.PAYEE_CHANGED),
        (None, make_payee(held=PayeeHold.NO_ACCOUNT), WithdrawalReason.ACCOUNT_CHANGED),
        (AccountFacts(new_id(), "match", None), make_payee(), WithdrawalReason.ACCOUNT_CHANGED),
        (
            AccountFacts(ACCOUNT_ID, "match", NOW + timedelta(hours=1)),
            make_payee(),
            WithdrawalReason.ACCOUNT_FROZEN,
        ),
    ],
)
def test_what_changed_since_the_approval_is_not_sent(
    account: AccountFacts | None, payee: Payee, reason: WithdrawalReason | None
) -> None:
    found = find_change(
        payee_id=PAYEE_ID,
        bank_account_id=ACCOUNT_ID,
        current_account_id=account.bank_account_id if account else None,
        frozen_until=account.frozen_until if account else None,
        payees=[make_payee(), payee],
        has_debt=False,
        at=NOW,
    )

    assert found is reason


def test_a_debt_that_is_not_deducted_lets_nothing_be_sent() -> None:
    found = find_change(
        payee_id=PAYEE_ID,
        bank_account_id=ACCOUNT_ID,
        current_account_id=ACCOUNT_ID,
        frozen_until=None,
        payees=[make_payee()],
        has_debt=True,
        at=NOW,
    )

    assert found is WithdrawalReason.DEBT_CHANGED


def test_incentives_are_due_on_the_fifth_of_the_following_month() -> None:
    assert due_on(Month(2025, 12), due_day=5) == date(2026, 1, 5)


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (2, DueStatus.ON_TIME),
        (3, DueStatus.DUE_SOON),
        (5, DueStatus.DUE_SOON),
        (6, DueStatus.LATE),
    ],
)
def test_an_alarm_comes_before_the_due_day(day: int, status: DueStatus) -> None:
    due, today = date(2026, 1, 5), date(2026, 1, day)

    assert find_due_status(False, due, today=today, alarm_days=2) is status
    assert find_due_status(True, due, today=today, alarm_days=2) is DueStatus.PAID


@pytest.mark.parametrize("status", [RunStatus.RELEASED, RunStatus.DONE, RunStatus.REJECTED])
@pytest.mark.parametrize("verdict", list(RunVerdict))
def test_what_was_released_or_rejected_is_decided(status: RunStatus, verdict: RunVerdict) -> None:
    with pytest.raises(PayoutRunStatusConflict):
        check_decision(status, verdict=verdict, is_own=False, is_empty=False)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("4041811", "4041811"),
        (None, "unknown"),
        ("", "unknown"),
        ("<html>bad gateway", "unknown"),
        ("9" * 41, "unknown"),
    ],
)
def test_an_event_gives_a_bank_s_code_only_where_it_is_one(code: str | None, reason: str) -> None:
    assert find_reason_code(code) == reason
