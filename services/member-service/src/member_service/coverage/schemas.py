from datetime import date
from typing import Annotated

from pydantic import Field

from member_service.members.rules import MemberStatus, Programme
from perisai_kit.http.types import (
    Count,
    MemberId,
    MonthText,
    Out,
    Rupiah,
)


class PaidMonthOut(Out):
    month: MonthText
    programmes: list[Programme]
    paid_on: date


class WaitingPeriod(Out):
    """The full death benefit needs three paid months in a row since registration."""

    required_months: Count
    consecutive_months: Count
    is_over: bool


class CoverageOut(Out):
    """A member's protection today. Each figure and its source: docs/domain.md, Coverage."""

    member_id: MemberId
    on: date
    status: MemberStatus
    covered_today: Annotated[bool, Field(description="The present month is paid.")]
    covered_if_arrears_paid: Annotated[
        bool, Field(description="It is not paid, but the membership has not ended.")
    ]
    registered_on: Annotated[
        date | None, Field(description="First payment of the present registration.")
    ]
    covered_from: date | None
    paid_through: MonthText | None
    unpaid_months: list[MonthText]
    next_due_on: date | None
    lapses_on: Annotated[
        date | None, Field(description="First day without membership if nothing more is paid.")
    ]
    waiting_period: WaitingPeriod
    jkm_benefit: Annotated[Rupiah, Field(description="If covered: the death benefit in rupiah.")]
    months: Annotated[list[PaidMonthOut], Field(description="Newest first, at most 120.")]
