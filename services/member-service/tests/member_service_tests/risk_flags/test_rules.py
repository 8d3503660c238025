"""Which acquisitions of an agent's month are flagged."""

from datetime import datetime
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
    normalise_address,
)
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month

THREE = RiskThresholds(phone=3, address=3, batch=3)
BATCH = UUID(int=99)


def month(*traits: Traits) -> dict[UUID, Traits]:
    return {UUID(int=number): each for number, each in enumerate(traits)}


def alone(number: int) -> Traits:
    return Traits(b"p%d" % number, b"a%d" % number, None)


@pytest.mark.parametrize(
    ("common", "flag"),
    [
        (lambda each: Traits(b"same", each.address_hash, None), RiskFlag.SHARED_PHONE),
        (lambda each: Traits(each.phone_hash, b"same", None), RiskFlag.SHARED_ADDRESS),
        (lambda each: Traits(each.phone_hash, each.address_hash, BATCH), RiskFlag.SAME_BATCH),
    ],
    ids=lambda value: str(value) if isinstance(value, RiskFlag) else "",
)
@pytest.mark.parametrize("count", [2, 3, 4])
def test_from_the_threshold_on_each_that_shares_it_is_flagged(
    common: object, flag: RiskFlag, count: int
) -> None:
    assert callable(common)
    alike = [common(alone(number)) for number in range(count)]

    found = find_flags(month(*alike, alone(10), alone(11)), THREE)

    expected = {(UUID(int=number), flag) for number in range(count)} if count >= 3 else set()
    assert set(found) == expected


def test_members_enrolled_singly_share_no_batch() -> None:
    assert find_flags(month(*(alone(number) for number in range(5))), THREE) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_the_order_of_acquisitions_changes_no_flag(marks: list[tuple[int, int, int]]) -> None:
    traits = [Traits(b"%d" % p, b"%d" % a, UUID(int=b) if b else None) for p, a, b in marks]
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
