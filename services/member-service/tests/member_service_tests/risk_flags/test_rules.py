"""Which acquisitions of an agent's month are flagged."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from member_service.members.rules import RiskThresholds
from member_service.risk_flags.rules import (
    RiskFlag,
    Traits,
    find_flags,
    find_month,
    is_older,
    normalise_address,
)
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month

THREE = RiskThresholds(phone=3, address=3, batch=3, paying_account=3, older=3)
BATCH = UUID(int=99)


def month(*traits: Traits) -> dict[UUID, Traits]:
    return {UUID(int=number): each for number, each in enumerate(traits)}


def alone(number: int) -> Traits:
    return Traits(
        member_id=UUID(int=number),
        phone_hash=b"p%d" % number,
        address_hash=b"a%d" % number,
        paying_account=f"from {number}",
    )


@pytest.mark.parametrize(
    ("common", "flag"),
    [
        (lambda each: replace(each, phone_hash=b"same"), RiskFlag.SHARED_PHONE),
        (lambda each: replace(each, address_hash=b"same"), RiskFlag.SHARED_ADDRESS),
        (lambda each: replace(each, batch_id=BATCH), RiskFlag.SAME_BATCH),
        (lambda each: replace(each, paying_account="same"), RiskFlag.SHARED_PAYING_ACCOUNT),
        (lambda each: replace(each, is_older=True), RiskFlag.MANY_OLDER),
    ],
    ids=lambda value: str(value) if isinstance(value, RiskFlag) else "",
)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_from_the_threshold_on_each_that_shares_it_is_flagged(
    common: Callable[[Traits], Traits], flag: RiskFlag, count: int
) -> None:
    alike = [common(alone(number)) for number in range(count)]

    found = find_flags(month(*alike, alone(10), alone(11)), THREE)

    expected = {(UUID(int=number), flag) for number in range(count)} if count >= 3 else set()
    assert set(found) == expected


@pytest.mark.parametrize(("day", "is_sixty"), [(2, False), (3, True), (4, True)])
def test_somebody_is_older_from_the_sixtieth_birthday_on(day: int, is_sixty: bool) -> None:
    counts_at = datetime(2026, 11, day, 0, 30, tzinfo=JAKARTA)

    assert is_older(date(1966, 11, 3), counts_at) is is_sixty


def test_members_enrolled_singly_share_no_batch() -> None:
    assert find_flags(month(*(alone(number) for number in range(5))), THREE) == []


def test_payments_of_accounts_that_no_bank_named_share_none() -> None:
    unnamed = [replace(alone(number), paying_account=None) for number in range(5)]

    assert find_flags(month(*unnamed), THREE) == []


def test_one_account_that_pays_three_times_for_two_members_is_not_striking() -> None:
    paid = [replace(alone(number), paying_account="same") for number in (0, 1, 1)]

    assert find_flags(month(*paid), THREE) == []


def test_each_acquisition_of_a_striking_account_is_flagged() -> None:
    paid = [replace(alone(number), paying_account="same") for number in (0, 1, 1, 2)]

    found = find_flags(month(*paid), THREE)

    assert set(found) == {(UUID(int=place), RiskFlag.SHARED_PAYING_ACCOUNT) for place in range(4)}


FEW = st.integers(0, 2)


@given(st.lists(st.tuples(st.integers(0, 8), FEW, FEW, FEW, FEW), max_size=12))
def test_the_order_of_acquisitions_changes_no_flag(
    marks: list[tuple[int, int, int, int, int]],
) -> None:
    traits = [
        Traits(
            member_id=UUID(int=member),
            phone_hash=b"%d" % phone,
            address_hash=b"%d" % address,
            batch_id=UUID(int=batch) if batch else None,
            paying_account=f"from {account}" if account else None,
        )
        for member, phone, address, batch, account in marks
    ]
    forwards = month(*traits)
    backwards = dict(reversed(forwards.items()))

    assert set(find_flags(forwards, THREE)) == set(find_flags(backwards, THREE))


@pytest.mark.parametrize("street", ["Jl. Ikan Hiu 7", "jl ikan  hiu 7", "JL IKAN HIU, 7"])
def test_an_address_is_compared_without_case_signs_and_double_blanks(street: str) -> None:
    assert normalise_address(street, "Lateng") == "jl ikan hiu 7 lateng"


def test_a_street_and_a_village_do_not_run_into_each_other() -> None:
    assert normalise_address("Jalan", "Satu") != normalise_address("JalanS", "atu")


def test_an_acquisition_counts_in_its_jakarta_month() -> None:
    assert find_month(datetime(2025, 12, 1, tzinfo=JAKARTA)) == Month(2025, 12)
    assert find_month(datetime(2025, 11, 30, 23, 59, tzinfo=JAKARTA)) == Month(2025, 11)
