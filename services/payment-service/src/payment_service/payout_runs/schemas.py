from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.payees.rules import PayeeKind
from payment_service.payees.schemas import PayeeId
from payment_service.payout_runs.rules import OmissionReason, RunKind, RunStatus, RunVerdict
from payment_service.payouts.rules import PayoutStatus, WithdrawalReason
from perisai_kit.http.types import AccountId, Model, MonthText, Out, RecordId, with_example

STATEMENTS = "How many incentive statements."
GROSS = "What the statements owe, before tax, in rupiah."


class NewPayoutRun(Model):
    """A run that pays all that is owed through a closed month."""

    model_config = with_example(
        through_month="2026-11", payout_account_id="0190a000-0000-7000-8000-000000000001"
    )

    through_month: Annotated[MonthText, Field(description="The last closed month to pay.")]
    payout_account_id: Annotated[UUID, Field(description="The account of ours to pay from.")]


class PayoutRunDecision(Model):
    """What another person decides on a run."""

    model_config = with_example(verdict="approved")

    verdict: Annotated[RunVerdict, Field(description="Approved or rejected.")]


class LeftOutOut(Out):
    """What a run leaves out for one reason."""

    reason: Annotated[OmissionReason, Field(description="Why.")]
    payee_count: Annotated[int, Field(description="How many payees.")]
    statement_count: Annotated[int, Field(description=STATEMENTS)]
    gross: Annotated[int, Field(description=GROSS)]


class PayoutRunFiguresOut(Out):
    """What a run came to when it was prepared."""

    payout_count: Annotated[int, Field(description="How many transfers it takes.")]
    statement_count: Annotated[int, Field(description=STATEMENTS)]
    gross: Annotated[int, Field(description=GROSS)]
    tax: Annotated[int, Field(description="Income tax that is withheld, in rupiah.")]
    amount: Annotated[int, Field(description="What is sent to the payees, in rupiah.")]
    left_out: Annotated[list[LeftOutOut], Field(description="What is not paid, by reason.")]


class PayoutRunProgressOut(Out):
    """Payouts of one status; withdrawn ones by their reason."""

    status: Annotated[PayoutStatus, Field(description="What has become of them.")]
    withdrawn_reason: Annotated[
        WithdrawalReason | None, Field(description="Why they are not sent; null: they are.")
    ]
    payout_count: Annotated[int, Field(description="How many.")]
    amount: Annotated[int, Field(description="Their amounts together, in rupiah.")]


class PayoutRunOut(Out):
    """A run: the proposal, the decision, the release, and how far it is."""

    id: RecordId
    kind: Annotated[RunKind, Field(description="Incentives, or tax for the state.")]
    through_month: Annotated[
        MonthText, Field(description="The last month paid; of tax, the month of the payments.")
    ]
    payout_account_id: Annotated[UUID, Field(description="The account of ours that pays.")]
    status: RunStatus = Field(
        description="Done: nothing of it is in flight, and nothing failed waits for an officer."
    )
    figures: Annotated[
        PayoutRunFiguresOut | None, Field(description="What it came to; null: not prepared yet.")
    ]
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    prepared_at: Annotated[datetime | None, Field(description="When it was prepared.")]
    decided_by: UUID | None = Field(description="Account of the person who approved or rejected.")
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
    released_by: Annotated[UUID | None, Field(description="Account of the person who released it.")]
    released_at: Annotated[datetime | None, Field(description="When it was released.")]
    begun_sending_at: datetime | None = Field(
        description="When all its payouts had been checked once more after the release."
    )
    done_at: Annotated[datetime | None, Field(description="When nothing was in flight any more.")]
    failure_code: str | None = Field(
        description="Why the last step failed; it is tried again. Null: it did not."
    )
    failed_at: Annotated[datetime | None, Field(description="When it failed.")]
    failure_count: Annotated[int, Field(description="How often in a row.")]


class PayoutRunDetailOut(PayoutRunOut):
    progress: Annotated[
        list[PayoutRunProgressOut], Field(description="What has become of its payouts.")
    ]


class PayoutOmissionOut(Out):
    """What a run leaves out of one payee."""

    payee_kind: Annotated[PayeeKind, Field(description="An agent or a wadah.")]
    payee_id: PayeeId
    reason: Annotated[OmissionReason, Field(description="Why.")]
    statement_count: Annotated[int, Field(description=STATEMENTS)]
    gross: Annotated[int, Field(description=GROSS)]
