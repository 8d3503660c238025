"""What a bank collected on a business day, and which days are asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Self
from uuid import UUID

from payment_service.days import ALL_DAYS, Days
from perisai_kit.domain.errors import Invalid


class DaysTwice(Invalid):
    code = "days_twice"
    text = "Send either on, or business_from and business_to."
    text_id = "Kirim on saja, atau business_from dan business_to."


@dataclass(frozen=True, slots=True)
class Sum:
    """How many payments, and their rupiah together."""

    count: int = 0
    amount: int = 0

    @classmethod
    def of_all(cls, sums: Iterable[Self]) -> Self:
        found = list(sums)
        return cls(sum(each.count for each in found), sum(each.amount for each in found))


@dataclass(frozen=True, slots=True)
class Collected:
    """What a bank collected on a business day."""

    business_on: date
    partner_id: UUID
    partner_name: str
    sum: Sum


def find_days(on: date | None, days: Days, *, today: date) -> Days:
    """Return the days that are asked for; by default today.

    Raises: DaysTwice, DaysNeeded.
    """
    if on is not None and days != ALL_DAYS:
        raise DaysTwice(field="on")
    if days == ALL_DAYS:
        day = on or today
        return Days(day, day)
    days.check_bounded()
    return days
