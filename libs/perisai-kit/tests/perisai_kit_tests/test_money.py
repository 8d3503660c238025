import pytest
from hypothesis import given
from hypothesis import strategies as st

from perisai_kit.domain.money import DOWN, HALF_UP, UP, Rounding, apply_bps, write_rupiah

amounts = st.integers(min_value=-(2**53), max_value=2**53)


@pytest.mark.parametrize(
    ("amount", "rate_bps", "rounding", "expected"),
    [
        (1_000_000, 100, DOWN, 10_000),
        (999, 250, DOWN, 24),
        (999, 250, UP, 25),
        (20, 250, HALF_UP, 1),
        (19, 250, HALF_UP, 0),
        (20, 250, DOWN, 0),
        (-999, 250, DOWN, -24),
        (-999, 250, UP, -25),
        (-20, 250, HALF_UP, -1),
        (0, 250, UP, 0),
        (500, 0, UP, 0),
    ],
)
def test_a_share_is_rounded_as_named(
    amount: int, rate_bps: int, rounding: Rounding, expected: int
) -> None:
    assert apply_bps(amount, rate_bps, rounding=rounding) == expected


def test_a_share_is_rounded_down_unless_said_otherwise() -> None:
    assert apply_bps(999, 250) == 24


def test_a_negative_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="never negative"):
        apply_bps(100, -1)


@given(amount=amounts, rate_bps=st.integers(min_value=0, max_value=100_000))
def test_a_refund_cancels_its_payment_in_every_rounding(amount: int, rate_bps: int) -> None:
    for rounding in Rounding:
        paid = apply_bps(amount, rate_bps, rounding=rounding)
        assert paid + apply_bps(-amount, rate_bps, rounding=rounding) == 0


@given(amount=amounts, rate_bps=st.integers(min_value=0, max_value=100_000))
def test_roundings_lie_within_one_rupiah_of_each_other(amount: int, rate_bps: int) -> None:
    down, half, up = (abs(apply_bps(amount, rate_bps, rounding=way)) for way in (DOWN, HALF_UP, UP))
    assert down <= half <= up <= down + 1


def test_an_amount_has_the_separators_of_its_language() -> None:
    assert write_rupiah(1_250_000, "id") == "Rp1.250.000"
    assert write_rupiah(1_250_000, "en") == "Rp1,250,000"
    assert write_rupiah(0, "id") == "Rp0"
