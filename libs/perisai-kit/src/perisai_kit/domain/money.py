"""Shares of integer rupiah in basis points.

A negative amount is a refund. It is rounded by its magnitude, so a payment and its refund cancel
out.
"""

from enum import StrEnum
from typing import assert_never

WHOLE_BPS = 10_000  # one hundred per cent
MAX_RUPIAH = 2**53
"""The largest integer that every JSON reader represents exactly."""


class Rounding(StrEnum):
    """The rounding of a fraction of a rupiah, by magnitude; names as in `decimal`."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"


DOWN = Rounding.DOWN
UP = Rounding.UP
HALF_UP = Rounding.HALF_UP


def apply_bps(amount: int, rate_bps: int, *, rounding: Rounding = DOWN) -> int:
    """Return the share of `amount` at `rate_bps` basis points, in rupiah.

    rate_bps: >= 0; 250 is 2.5 %.
    """
    if rate_bps < 0:
        raise ValueError("a rate is never negative")
    magnitude = _divide(abs(amount) * rate_bps, WHOLE_BPS, rounding)
    return magnitude if amount >= 0 else -magnitude


def write_rupiah(amount: int, language: str) -> str:
    """Return `Rp1.250.000`, or `Rp1,250,000` in English.

    amount: rupiah, >= 0. language: `id` or `en`.
    """
    assert amount >= 0
    written = f"{amount:,}"
    return f"Rp{written if language == 'en' else written.replace(',', '.')}"


def _divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    match rounding:
        case Rounding.DOWN:
            return numerator // denominator
        case Rounding.UP:
            return -(-numerator // denominator)
        case Rounding.HALF_UP:
            return (2 * numerator + denominator) // (2 * denominator)
        case _:
            assert_never(rounding)
