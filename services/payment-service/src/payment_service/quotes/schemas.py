from typing import Self

from pydantic import Field

from payment_service.tariffs.rules import Line, Payer, Programme, Sector
from perisai_kit.http.types import MemberId, Model, MonthText, Out


class QuoteRequest(Model):
    member_id: MemberId
    first_month: MonthText
    month_count: int = Field(ge=1, le=12, strict=True)


class QuoteLineOut(Out):
    """amount = full_amount - relief_amount, all whole rupiah."""

    month: MonthText
    programme: Programme
    band: int
    reference_income: int
    full_amount: int
    relief_bps: int
    relief_amount: int
    relief_basis: str | None
    amount: int


class QuoteOut(Out):
    member_id: MemberId
    first_month: MonthText
    month_count: int
    sector: Sector
    payer: Payer
    declared_income: int
    amount: int
    relief_amount: int
    lines: list[QuoteLineOut]

    @classmethod
    def of(
        cls, asked: QuoteRequest, *, sector: Sector, payer: Payer, income: int, lines: list[Line]
    ) -> Self:
        return cls(
            member_id=asked.member_id,
            first_month=asked.first_month,
            month_count=asked.month_count,
            sector=sector,
            payer=payer,
            declared_income=income,
            amount=sum(line.amount for line in lines),
            relief_amount=sum(line.relief_amount for line in lines),
            lines=[QuoteLineOut.model_validate(line) for line in lines],
        )
