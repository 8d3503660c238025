"""What is decided without a database: who is left out or withdrawn, and what is late."""

from datetime import UTC, date, datetime, timedelta

import pytest

from payment_service.month_lists.rules import DueStatus, due_on, find_due_status
from payment_service.payees.rules import Payee, PayeeHold, PayeeKind, PayeeReason
from payment_service.payout_preparations.rules import (
    AccountFacts,
    Limits,
    find_account_problem,
    find_amount_problem,
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
LIMITS = Limits(transfer_max=1_000, batch_max=2)


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
    ("gross", "tax", "count", "reason"),
    [
        (2, 2, 0, OmissionReason.NOTHING_LEFT),
        (1_100, 100, 0, None),
        (1_101, 100, 0, OmissionReason.OVER_TRANSFER_MAX),
        (1_000, 0, 1, None),
        (1_000, 0, 2, OmissionReason.BATCH_FULL),
    ],
)
def test_what_is_sent_is_compared_with_the_limits(
    gross: int, tax: int, count: int, reason: OmissionReason | None
) -> None:
    found = find_amount_problem(gross=gross, tax=tax, limits=LIMITS, payout_count=count)

    assert found is reason


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
        at=NOW,
    )

    assert found is reason


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
