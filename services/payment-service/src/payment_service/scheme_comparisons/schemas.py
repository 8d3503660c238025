from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.scheme_comparisons.rules import MAX_MONTHS, ComparisonStatus
from perisai_kit.http.types import (
    AccountId,
    BeneficiaryId,
    Model,
    MonthText,
    Out,
    RecordId,
    SchemeId,
    with_example,
)


class NewSchemeComparison(Model):
    """Which scheme to compare with what was booked, and in which months."""

    model_config = with_example(
        scheme_id="01980000-0000-7000-8000-000000000001",
        first_month="2026-08",
        month_count=3,
    )

    scheme_id: SchemeId
    first_month: Annotated[MonthText, Field(description="First closed month, inside.")]
    month_count: Annotated[
        int, Field(ge=1, le=MAX_MONTHS, strict=True, description="How many closed months.")
    ] = 1


class ComparedAmountsOut(Out):
    """What was booked beside what the scheme would pay."""

    actual: Annotated[int, Field(description="What was booked, in whole rupiah.")]
    would_be: Annotated[int, Field(description="What the scheme would pay, in whole rupiah.")]
    difference: Annotated[int, Field(description="What it would pay more; negative: less.")]


class ComparedMonthOut(ComparedAmountsOut):
    """The same for one month."""

    month: Annotated[MonthText, Field(description="The month.")]


class ComparisonFiguresOut(Out):
    """What all agents and all wadahs get."""

    total: Annotated[ComparedAmountsOut, Field(description="All of them.")]
    agents: Annotated[ComparedAmountsOut, Field(description="The agents.")]
    wadahs: Annotated[ComparedAmountsOut, Field(description="The wadahs.")]


class ComparisonMonthFiguresOut(ComparisonFiguresOut):
    """The same for one month."""

    month: Annotated[MonthText, Field(description="The month.")]


class SchemeComparisonOut(Out):
    """A comparison, and how far it is."""

    id: RecordId
    scheme_id: SchemeId
    first_month: Annotated[MonthText, Field(description="First month, inside.")]
    last_month: Annotated[MonthText, Field(description="Last month, inside.")]
    status: ComparisonStatus = Field(
        description="Comparing: payment by payment. Adding up: beneficiary by beneficiary."
    )
    payments_expected: int | None = Field(
        description="How many payments of agents' members there are; null until they are counted."
    )
    payments_compared: Annotated[int, Field(description="How many are compared.")]
    payments_waiting: int = Field(
        description="How many are left out on both sides, because their commission is not "
        "computed yet."
    )
    figures: ComparisonFiguresOut | None = Field(
        description="What all months come to; null until the comparison is done."
    )
    months: list[ComparisonMonthFiguresOut] = Field(
        description="What each month comes to; empty until the comparison is done."
    )
    asked_by: AccountId
    asked_at: Annotated[datetime, Field(description="When it was asked for.")]
    done_at: Annotated[datetime | None, Field(description="When it was done.")]
    expires_at: Annotated[datetime, Field(description="When it is deleted.")]
    failure_code: str | None = Field(
        description="Why the last step failed; it is tried again. Null: it did not."
    )
    failed_at: Annotated[datetime | None, Field(description="When it failed.")]
    failure_count: Annotated[int, Field(description="How often in a row.")]


class ComparedBeneficiaryOut(ComparedAmountsOut):
    """What one agent or wadah got, and would get, in all months and in each of them."""

    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    agent_name: str | None = Field(
        description="Name of the agent; null of a wadah, and while names are not available."
    )
    wadah_id: UUID | None = Field(
        description="The latest known wadah, of a wadah itself; null: not known."
    )
    months: Annotated[list[ComparedMonthOut], Field(description="Each month.")]
