"""Integer rupiah: shares in basis points, splits without loss, Indonesian notation.

A negative amount is a refund and mirrors its positive twin to the rupiah, so that a payment and
its refund always cancel out. Roundings therefore speak of the magnitude.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import assert_never

WHOLE_BPS = 10_000  # one hundred per cent


class Rounding(StrEnum):
    """What happens to a fraction of a rupiah; named as in `decimal`, by magnitude."""

    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"


DOWN = Rounding.DOWN
UP = Rounding.UP
HALF_UP = Rounding.HALF_UP


def apply_bps(amount: int, rate_bps: int, *, rounding: Rounding = DOWN) -> int:
    """Return the share of `amount` that `rate_bps` hundredths of a per cent make, in rupiah.

    rate_bps: >= 0; 250 is 2.5 %.
    """
    if rate_bps < 0:
        raise ValueError("a rate is never negative")
    magnitude = _divide(abs(amount) * rate_bps, WHOLE_BPS, rounding)
    return magnitude if amount >= 0 else -magnitude


def split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Return one part per weight, in order; the parts add up to `amount`.

    Each part is rounded down; the remainder goes to the first party with a weight above zero.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights are not negative and one of them is above zero")
    parts = [abs(amount) * weight // total for weight in weights]
    first = next(index for index, weight in enumerate(weights) if weight)
    parts[first] += abs(amount) - sum(parts)
    return tuple(parts) if amount >= 0 else tuple(-part for part in parts)


def rupiah(amount: int) -> str:
    """Return the amount as Indonesians write it: Rp36.800, -Rp500."""
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp{abs(amount):,}".replace(",", ".")


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
