from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from payment_service.quotes.rules import Choice, Priced, Quote
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import MemberId, Model, MonthText, Out, Rupiah, with_example

PAY_BEFORE = "First instant that is too late to pay them."
OPENS = "The payment registers the member, for the first time or anew."


class QuoteRequest(Model):
    """A question for a price."""

    model_config = with_example(
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21", first_month="2026-12", month_count=1
    )

    member_id: MemberId
    first_month: Annotated[
        MonthText | None,
        Field(description="First month of an offer; left out, the proposed offer is taken."),
    ] = None
    month_count: Annotated[
        int, Field(ge=1, le=12, strict=True, description="How many first months of that offer.")
    ] = 1


LINES_EXAMPLE = [
    {
        "month": "2026-11",
        "programme": "jkk",
        "band": 1,
        "reference_income": 1_000_000,
        "full_amount": 10000,
        "relief_bps": 5000,
        "relief_amount": 5000,
        "relief_basis": "PP 50/2025",
        "amount": 5000,
    },
    {
        "month": "2026-11",
        "programme": "jkm",
        "band": 1,
        "reference_income": 1_000_000,
        "full_amount": 6800,
        "relief_bps": 5000,
        "relief_amount": 3400,
        "relief_basis": "PP 50/2025",
        "amount": 3400,
    },
    {
        "month": "2026-11",
        "programme": "jht",
        "band": 1,
        "reference_income": 1_000_000,
        "full_amount": 20000,
        "relief_bps": 0,
        "relief_amount": 0,
        "relief_basis": None,
        "amount": 20000,
    },
]
"""Of 28,400 rupiah, as a member pays for a month."""


class QuoteLineOut(Out):
    """amount = full_amount - relief_amount, all whole rupiah."""

    month: Annotated[MonthText, Field(description="The contribution month.")]
    programme: Annotated[Programme, Field(description="The programme.")]
    band: Annotated[int, Field(description="Number of the income band in the tariff.")]
    reference_income: Annotated[int, Field(description="Income of the band, in rupiah a month.")]
    full_amount: Annotated[int, Field(description="Rupiah before relief.")]
    relief_bps: Annotated[int, Field(description="Waived share in basis points.")]
    relief_amount: Annotated[int, Field(description="Waived amount in rupiah.")]
    relief_basis: Annotated[str | None, Field(description="The law that waives it.")]
    amount: Annotated[int, Field(description="Rupiah to be paid.")]


class QuoteOfferOut(Out):
    """An offer in short: a bill takes its first months."""

    first_month: Annotated[MonthText, Field(description="First month of a bill from this offer.")]
    longest: Annotated[int, Field(description="How many months such a bill can have.")]
    pay_before: Annotated[datetime, Field(description=PAY_BEFORE)]
    opens_registration: Annotated[bool, Field(description=OPENS)]

    @classmethod
    def of(cls, choice: Choice) -> Self:
        return cls(
            first_month=choice.first_month,
            longest=choice.longest,
            pay_before=choice.pay_before,
            opens_registration=choice.opens_registration,
        )


class CoverTodayOut(Out):
    """A payment that covers the member today."""

    first_month: Annotated[MonthText, Field(description="First month of the offer to bill.")]
    months: Annotated[list[MonthText], Field(description="All of them, in order.")]
    amount: Annotated[Rupiah, Field(description="Their price, in whole rupiah.")]
    pay_before: Annotated[datetime, Field(description=PAY_BEFORE)]

    @classmethod
    def of(cls, priced: Priced) -> Self:
        return cls(
            first_month=priced.chosen.months[0],
            months=list(priced.chosen.months),
            amount=priced.amount,
            pay_before=priced.chosen.pay_before,
        )


class QuoteOut(Out):
    """What months would cost, and what paying them would mean."""

    model_config = with_example(
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        first_month="2026-11",
        month_count=1,
        months=["2026-11"],
        pay_before="2026-12-15T17:00:00Z",
        opens_registration=True,
        waiting_period_restarts=False,
        paid_earlier=[],
        declaration_needed=False,
        covers_today=True,
        to_cover_today={
            "first_month": "2026-11",
            "months": ["2026-11"],
            "amount": 28_400,
            "pay_before": "2026-12-15T17:00:00Z",
        },
        offers=[
            {
                "first_month": "2026-11",
                "longest": 12,
                "pay_before": "2026-12-15T17:00:00Z",
                "opens_registration": True,
            }
        ],
        sector="other",
        payer="self",
        declared_income=1_000_000,
        amount=28_400,
        relief_amount=8_400,
        lines=LINES_EXAMPLE,
    )

    member_id: MemberId
    first_month: Annotated[MonthText, Field(description="The first of the months.")]
    month_count: Annotated[int, Field(description="How many months are priced.")]
    months: Annotated[
        list[MonthText], Field(description="The months, in order; paid ones between are left out.")
    ]
    pay_before: Annotated[datetime, Field(description=PAY_BEFORE)]
    opens_registration: Annotated[bool, Field(description=OPENS)]
    waiting_period_restarts: Annotated[
        bool,
        Field(description="The member returns: the wait for the full death benefit starts again."),
    ]
    paid_earlier: Annotated[
        list[MonthText],
        Field(description="Those of the months that an earlier registration has paid already."),
    ]
    declaration_needed: Annotated[
        bool, Field(description="Working status must be declared before these months are billed.")
    ]
    covers_today: Annotated[
        bool, Field(description="The member is covered today once these months are paid.")
    ]
    to_cover_today: Annotated[
        CoverTodayOut | None,
        Field(description="Smallest payment that covers the member today; null: none, or covered."),
    ]
    offers: Annotated[list[QuoteOfferOut], Field(description="The proposed one first.")]
    sector: Annotated[Sector, Field(description="Of the main occupation.")]
    payer: Annotated[Payer, Field(description="Who pays; decides relief.")]
    declared_income: Annotated[int, Field(description="Declared income, in rupiah a month.")]
    amount: Annotated[int, Field(description="Price of the months, in rupiah.")]
    relief_amount: Annotated[int, Field(description="What the law waives, in rupiah.")]
    lines: Annotated[list[QuoteLineOut], Field(description="One for each programme of each month.")]

    @classmethod
    def of(
        cls, quote: Quote, *, member_id: MemberId, sector: Sector, payer: Payer, income: int
    ) -> Self:
        priced = quote.asked
        chosen = priced.chosen
        return cls(
            member_id=member_id,
            first_month=chosen.months[0],
            month_count=len(chosen.months),
            months=list(chosen.months),
            pay_before=chosen.pay_before,
            opens_registration=chosen.opens_registration,
            waiting_period_restarts=quote.returns,
            paid_earlier=list(chosen.paid_earlier),
            declaration_needed=chosen.declaration_needed,
            covers_today=quote.covers_today,
            to_cover_today=(
                CoverTodayOut.of(quote.to_cover_today) if quote.to_cover_today else None
            ),
            offers=[QuoteOfferOut.of(choice) for choice in quote.choices],
            sector=sector,
            payer=payer,
            declared_income=income,
            amount=priced.amount,
            relief_amount=priced.relief_amount,
            lines=[QuoteLineOut.model_validate(line) for line in priced.lines],
        )
