import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_service.own_incentives.rules import Split, split_amount
from payment_service.schemes.rules import PARTS

parts = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("brought", "contribution", "acquisition", "override", "expected"),
    [
        (0, 49_500, 0, 0, Split(4, 0, 0)),
        (9_500, 49_500, 0, 0, Split(5, 0, 0)),
        (0, 49_500, 49_500, 0, Split(4, 5, 0)),
        (0, 0, 0, 5_520_999, Split(0, 0, 552)),
        (0, -49_500, 0, 0, Split(-5, 0, 0)),
        (0, 0, 0, 0, Split(0, 0, 0)),
    ],
)
def test_an_amount_is_split_by_rule(
    brought: int, contribution: int, acquisition: int, override: int, expected: Split
) -> None:
    found = split_amount(
        brought,
        contribution_parts=contribution,
        acquisition_parts=acquisition,
        override_parts=override,
    )

    assert found == expected


@given(st.integers(0, PARTS - 1), parts, parts, parts)
def test_the_rules_add_up_to_the_amount_and_none_is_off_by_a_rupiah(
    brought: int, contribution: int, acquisition: int, override: int
) -> None:
    found = split_amount(
        brought,
        contribution_parts=contribution,
        acquisition_parts=acquisition,
        override_parts=override,
    )

    total = brought + contribution + acquisition + override
    assert found.contribution + found.acquisition + found.override == total // PARTS
    exact = ((found.acquisition, acquisition), (found.override, override))
    assert all(abs(rupiah * PARTS - part) < PARTS for rupiah, part in exact)
    assert abs(found.contribution * PARTS - contribution) <= PARTS
