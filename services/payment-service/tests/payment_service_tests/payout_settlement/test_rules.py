from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from payment_service.payout_settlement.rules import (
    LONGEST_PAUSE,
    Booking,
    Evidence,
    OwnSettlementProposal,
    Row,
    SettlementOutcome,
    SettlementProposalDecided,
    SettlementStatus,
    SettlementTooEarly,
    SettlementVerdict,
    Times,
    check_decidable,
    check_decision,
    count_debits,
    find_booked_day,
    find_code,
    find_contradictions,
    find_statement_days,
    judge,
    list_possible_codes,
    list_uncoded_credits,
    needs_statement,
    pause_before_inquiry,
)

AMOUNT = 975_000
CODE = "K7F3A2B9XY"
FIRST, SECOND = date(2025, 12, 31), date(2026, 1, 2)
PAID, RETURNED = SettlementOutcome.PAID, SettlementOutcome.RETURNED


def debit(amount: int = AMOUNT, **differences: Any) -> Booking:
    return _booking(amount, is_debit=True, **differences)


def credit(amount: int = AMOUNT, **differences: Any) -> Booking:
    return _booking(amount, is_debit=False, **differences)


def correction(**differences: Any) -> Booking:
    return credit(is_ours=False, is_correction=True, **differences)


def _booking(amount: int, **differences: Any) -> Booking:
    usual = {"is_ours": True, "is_others": False, "is_correction": False, "booked_on": FIRST}
    return Booking(amount=amount, **{**usual, **differences})


@pytest.mark.parametrize(
    ("bookings", "evidence"),
    [
        ([], Evidence.NOTHING),
        ([debit()], Evidence.PAID),
        ([debit(AMOUNT + 2_500)], Evidence.PAID),  # with the fee in one sum
        ([debit(), debit(2_500)], Evidence.PAID),  # the fee in a row of its own
        ([debit(2_500)], Evidence.AMBIGUOUS),
        ([debit(), credit()], Evidence.RETURNED),
        ([credit()], Evidence.RETURNED),
        ([debit(), credit(2_500)], Evidence.PAID),
        ([debit(), debit(), credit()], Evidence.PAID),
        ([debit(), credit(is_ours=False, is_correction=True)], Evidence.AMBIGUOUS),
        ([debit(), credit(is_ours=False)], Evidence.PAID),
        ([debit(is_ours=False)], Evidence.AMBIGUOUS),
        ([debit(is_ours=False, is_others=True)], Evidence.NOTHING),
        ([debit(AMOUNT - 1, is_ours=False)], Evidence.NOTHING),
        ([credit(is_ours=False)], Evidence.NOTHING),
    ],
)
def test_a_statement_proves_what_its_rows_say(bookings: list[Booking], evidence: Evidence) -> None:
    assert judge(bookings, amount=AMOUNT) is evidence


@pytest.mark.parametrize(
    ("bookings", "outcome", "day"),
    [
        ([], PAID, None),
        ([debit(booked_on=SECOND), debit(booked_on=FIRST)], PAID, FIRST),
        ([debit(2_500, booked_on=FIRST), debit(booked_on=SECOND)], PAID, SECOND),
        ([debit(AMOUNT + 2_500, booked_on=SECOND)], PAID, SECOND),
        ([debit(is_ours=False)], PAID, None),
        ([debit(booked_on=FIRST), credit(booked_on=SECOND)], RETURNED, SECOND),
        ([debit(booked_on=FIRST), credit(2_500)], RETURNED, None),
        ([debit(), correction(booked_on=SECOND)], RETURNED, SECOND),
        ([debit(), credit(is_ours=False, booked_on=SECOND)], RETURNED, None),  # anybody's
        ([correction(), correction(booked_on=SECOND)], RETURNED, None),
        ([credit(is_ours=False, is_others=True)], RETURNED, None),
    ],
)
def test_a_statement_shows_on_which_day(
    bookings: list[Booking], outcome: SettlementOutcome, day: date | None
) -> None:
    assert find_booked_day(bookings, outcome, amount=AMOUNT) == day


def test_two_debits_of_one_transfer_are_counted() -> None:
    assert count_debits([debit(), debit(), debit(2_500)], amount=AMOUNT) == 2


def test_inquiries_back_off_to_hours() -> None:
    pauses = [pause_before_inquiry(n) for n in range(20)]

    assert pauses[0] == timedelta(seconds=7)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 12, 3, 2, tzinfo=UTC), (date(2026, 12, 3), date(2026, 12, 3))),
        (datetime(2026, 12, 3, 18, tzinfo=UTC), (date(2026, 12, 3), date(2026, 12, 4))),
        (datetime(2026, 12, 9, 2, tzinfo=UTC), (date(2026, 12, 3), date(2026, 12, 4))),
    ],
)
def test_a_statement_is_read_of_the_day_and_the_next(at: datetime, days: tuple[date, date]) -> None:
    assert find_statement_days(datetime(2026, 12, 3, 1, tzinfo=UTC), at=at) == days


@pytest.mark.parametrize(
    ("is_not_found", "hours", "is_needed"),
    [(True, 11, False), (True, 12, True), (False, 12, False), (False, 24, True)],
)
def test_the_statement_is_read_when_it_can_tell(
    is_not_found: bool, hours: int, is_needed: bool
) -> None:
    times = Times(window=timedelta(hours=12), statement_after=timedelta(hours=24))

    age = timedelta(hours=hours)
    assert needs_statement(is_not_found=is_not_found, age=age, times=times) is is_needed


@pytest.mark.parametrize(
    "remark", [CODE, f"TRSF {CODE} INSENTIF", f"trsf {CODE.lower()}", f"{CODE[:4]}\n{CODE[4:]}"]
)
def test_a_code_is_found_however_the_remark_is_written(remark: str) -> None:
    assert find_code(remark, {"AAAAAAAAAA", CODE}, length=10) == CODE


def test_a_remark_without_a_code_has_none() -> None:
    assert find_code("TRSF INSENTIF PERISAI", {CODE}, length=10) is None


def test_each_part_of_a_remark_that_may_be_a_code_is_looked_up() -> None:
    remarks = [f"trsf {CODE[:4]}\n{CODE[4:]}", "INSENTIF PERISAI", "AB"]

    found = list_possible_codes(remarks, signs="0123456789ABCDEFGHJKMNPQRSTVWXYZ", length=10)

    assert CODE in found
    assert all(len(each) == 10 for each in found)
    assert not any(sign in each for each in found for sign in "ILOU")


def test_a_credit_with_a_code_is_a_return_and_one_without_may_be() -> None:
    executed = {"A" * 10: 100, "B" * 10: 200, "C" * 10: 300}
    credits = [(100, "A" * 10), (5, "B" * 10), (300, None), (999, None)]
    rows = [
        Row(is_debit=False, amount=amount, code=code, booked_on=FIRST) for amount, code in credits
    ]

    found = find_contradictions(rows, executed=executed, refused={})

    assert set(found.returned) == {"A" * 10}
    assert list_uncoded_credits(rows) == {300, 999}


def test_a_debit_of_a_refused_transfer_contradicts_it_unless_it_came_back() -> None:
    one, two = "A" * 10, "B" * 10
    rows = [
        Row(is_debit=True, amount=100, code=one, booked_on=FIRST),
        Row(is_debit=True, amount=200, code=two, booked_on=FIRST),
        Row(is_debit=False, amount=200, code=two, booked_on=FIRST),
        Row(is_debit=True, amount=100, code=None, booked_on=FIRST),
    ]

    found = find_contradictions(rows, executed={}, refused={one: 100, two: 200})

    assert set(found.debited) == {one}
    assert not found.returned


def test_a_contradiction_has_the_first_day_of_its_rows() -> None:
    one, two = "A" * 10, "B" * 10
    rows = [
        Row(is_debit=False, amount=100, code=one, booked_on=SECOND),
        Row(is_debit=False, amount=100, code=one, booked_on=FIRST),
        Row(is_debit=True, amount=200, code=two, booked_on=SECOND),
    ]

    found = find_contradictions(rows, executed={one: 100}, refused={two: 200})

    assert (found.returned, found.debited) == ({one: FIRST}, {two: SECOND})


def test_officers_decide_only_after_days() -> None:
    sent = datetime(2026, 12, 1, tzinfo=UTC)
    after = timedelta(hours=72)

    check_decidable(sent_at=sent, after=after, at=sent + after)
    with pytest.raises(SettlementTooEarly):
        check_decidable(sent_at=sent, after=after, at=sent + after - timedelta(seconds=1))


def test_ones_own_proposal_can_be_rejected_and_not_approved() -> None:
    check_decision(SettlementStatus.PROPOSED, verdict=SettlementVerdict.REJECTED, is_own=True)
    check_decision(SettlementStatus.PROPOSED, verdict=SettlementVerdict.APPROVED, is_own=False)
    with pytest.raises(OwnSettlementProposal):
        check_decision(SettlementStatus.PROPOSED, verdict=SettlementVerdict.APPROVED, is_own=True)
    with pytest.raises(SettlementProposalDecided):
        check_decision(SettlementStatus.REJECTED, verdict=SettlementVerdict.APPROVED, is_own=False)
