from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.payout_settlement.rules import (
    SettlementOutcome,
    SettlementStatus,
    SettlementVerdict,
)
from perisai_kit.http.types import AccountId, Day, LongText, Model, Out, RecordId, with_example


class NewSettlementProposal(Model):
    """What an officer has found out of a payout of unknown outcome, or of a paid one's return."""

    model_config = with_example(
        outcome="paid",
        executed_on="2026-12-01",
        evidence="Letter of the bank of 3 December 2026, number 118: credited on 1 December.",
    )

    outcome: Annotated[
        SettlementOutcome,
        Field(
            description="What became of the money: paid, never moved, or given back. Of a payout "
            "that is `paid` only `returned`."
        ),
    ]
    executed_on: Annotated[
        Day | None,
        Field(
            description="The Jakarta day on which the bank paid, or for `returned` gave the money "
            "back. Needed for both; left out for `failed`."
        ),
    ] = None
    evidence: Annotated[
        LongText, Field(description="What it rests on: statement, letter, number of a complaint.")
    ]


class SettlementDecision(Model):
    """What another officer decides on a proposal."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[SettlementVerdict, Field(description="Approved or rejected.")]


class SettlementProposalOut(Out):
    id: RecordId
    payout_id: Annotated[UUID, Field(description="Id of the payout.")]
    transfer_id: Annotated[UUID, Field(description="Id of the attempt that is settled by it.")]
    outcome: Annotated[SettlementOutcome, Field(description="What became of the money.")]
    executed_on: Annotated[
        date | None, Field(description="The day on which the bank did it; null: no money moved.")
    ]
    evidence: Annotated[str, Field(description="What it rests on.")]
    status: Annotated[SettlementStatus, Field(description="Whether it is decided.")]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]


class SettlementProposalsOut(Out):
    items: Annotated[list[SettlementProposalOut], Field(description="The oldest first.")]
