"""How the whole rupiah of a month are split among the rules that gave them."""

from dataclasses import dataclass
from enum import StrEnum

from payment_service.schemes.rules import PARTS


class OwnMonthStatus(StrEnum):
    """What has become of a month's incentive.

    held: issued, and not paid out until two officers decide. forfeited: they decided that it is
    owed no more.
    """

    OPEN = "open"
    CLOSING = "closing"
    ISSUED = "issued"
    HELD = "held"
    FORFEITED = "forfeited"


@dataclass(frozen=True, slots=True)
class Split:
    """Whole rupiah by rule; together they are the amount."""

    contribution: int
    acquisition: int
    override: int


def split_amount(
    brought_parts: int, *, contribution_parts: int, acquisition_parts: int, override_parts: int
) -> Split:
    """Return the amount of a month by rule, in rupiah, each running sum rounded down.

    So the three add up to the amount to the rupiah. brought_parts: the rest of earlier months,
    which counts with the first.
    """
    first = brought_parts + contribution_parts
    second = first + acquisition_parts
    third = second + override_parts
    return Split(
        contribution=first // PARTS,
        acquisition=second // PARTS - first // PARTS,
        override=third // PARTS - second // PARTS,
    )
