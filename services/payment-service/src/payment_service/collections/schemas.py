from datetime import date
from typing import Annotated

from pydantic import Field

from perisai_kit.http.types import Out, PartnerId


class SumOut(Out):
    """How many there are, and their rupiah together."""

    count: Annotated[int, Field(description="How many there are.")]
    amount: Annotated[int, Field(description="What they amount to together, in rupiah.")]


class CollectedOut(Out):
    """What a bank collected on a business day."""

    business_on: Annotated[date, Field(description="The Jakarta day of the payments.")]
    partner_id: PartnerId
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    count: Annotated[int, Field(description="How many payments.")]
    amount: Annotated[int, Field(description="What they amount to together, in rupiah.")]


class CollectionsOut(Out):
    """What was collected in these days; a bank and a day without payments are left out."""

    business_from: Annotated[date, Field(description="The first day.")]
    business_to: Annotated[date, Field(description="The last day.")]
    items: Annotated[list[CollectedOut], Field(description="By day, and then by bank.")]
    total: Annotated[SumOut, Field(description="All of them together.")]
