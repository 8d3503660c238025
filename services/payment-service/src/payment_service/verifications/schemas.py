from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from payment_service.verifications.rules import Verified
from perisai_kit.http.types import MonthText, Out


class DifferenceOut(Out):
    """Something that the second computation finds otherwise."""

    name: str = Field(
        description="What differs, such as line.missing, statement.amount or transfer.missing.",
        examples=["line.missing"],
    )
    place: dict[str, Any] = Field(
        description="Where: ids of the allocation, beneficiary, statement, the rule, the month."
    )
    booked: int | None = Field(
        description="What the books say: 1/10,000 rupiah of lines, else rupiah or a count."
    )
    computed: int | None = Field(description="What the second computation says, in the same unit.")


class MonthVerificationOut(Out):
    """A verification of a closed month."""

    month: Annotated[MonthText, Field(description="The month.")]
    verified: Annotated[Verified, Field(description="Whether it agrees or differs.")]
    requested_again: bool = Field(
        description="Whether an officer has asked for a further one that is not made yet."
    )
    started_at: Annotated[datetime, Field(description="When it was begun.")]
    finished_at: Annotated[datetime, Field(description="When it was finished.")]
    sql_sha256: str = Field(
        description="SHA-256 of the SQL that computed it: says which version of the file was used.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    allocation_count: int = Field(description="Allocations whose commission was computed anew.")
    left_out_count: int = Field(
        description="Allocations left out, because their commission was just being computed."
    )
    line_count: int = Field(description="Commission lines that were compared.")
    booked_parts: int = Field(description="These lines as booked, in 1/10,000 rupiah.")
    computed_parts: int = Field(description="The same as computed anew, in 1/10,000 rupiah.")
    statement_count: int = Field(description="Statements that were compared.")
    stated_amount: int = Field(description="These statements together, in rupiah.")
    computed_amount: int = Field(description="The same as computed anew, in rupiah.")
    transfer_count: int = Field(description="Transfers of statements that were compared.")
    difference_count: int = Field(description="How many differences there are.")
    differences: list[DifferenceOut] = Field(description="The first hundred of them.")


class MonthVerificationRequestOut(Out):
    """A request to verify a month once more; the result follows within minutes."""

    id: Annotated[UUID, Field(description="Id of the request.")]
    month: Annotated[MonthText, Field(description="The month.")]
    requested_at: Annotated[datetime, Field(description="When it was made.")]
