from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.forfeit_reversals.rules import ReversalStatus, ReversalVerdict
from perisai_kit.http.types import AccountId, LongText, Model, Out, RecordId, with_example


class NewForfeitReversal(Model):
    """Why a forfeit was a mistake."""

    model_config = with_example(
        reason="Putusan etik membatalkan sanksi terhadap agen.", is_paid_otherwise=False
    )

    reason: Annotated[LongText, Field(description="Why; encrypted, for officers.")]
    is_paid_otherwise: Annotated[
        bool,
        Field(
            strict=True,
            description="Whether the sum was paid outside of this system meanwhile; then the "
            "forfeit stands.",
        ),
    ]


class ForfeitReversalDecision(Model):
    """What another person decides on a proposal."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[ReversalVerdict, Field(description="Approved or rejected.")]


class ForfeitReversalOut(Out):
    """A proposal to take a forfeit back, and what another person decided on it."""

    id: RecordId
    hold_id: Annotated[UUID, Field(description="Id of the hold.")]
    amount: Annotated[int, Field(description="What was forfeited, in rupiah.")]
    reason: Annotated[str, Field(description="Why it was a mistake.")]
    status: Annotated[ReversalStatus, Field(description="Whether it is decided.")]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]


class ForfeitReversalsOut(Out):
    items: Annotated[list[ForfeitReversalOut], Field(description="The oldest first.")]
