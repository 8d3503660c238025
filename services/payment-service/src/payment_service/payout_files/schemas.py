from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.payout_files.rules import AnswerStatus, AnswerVerdict, RowEffect
from payment_service.payout_formats.rules import MAX_ANSWER_BYTES, Outcome
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts.rules import PayoutPayee
from perisai_kit.http.types import AccountId, Day, Model, Out, RecordId, with_example

MAX_CONTENT = MAX_ANSWER_BYTES * 4 // 3 + 4
"""Characters of base64."""
RunId = Annotated[UUID, Field(description="Id of the payout run.")]
FileId = Annotated[UUID, Field(description="Id of the payout file.")]


class NewPayoutFile(Model):
    """Of which run to make the next file."""

    model_config = with_example(run_id="01980000-0000-7000-8000-000000000001")

    run_id: RunId


class PayoutFileOut(Out):
    """A file for a bank; its content has an address of its own."""

    id: RecordId
    run_id: RunId
    payout_account_id: Annotated[UUID, Field(description="Id of our account.")]
    file_format: Annotated[str, Field(description="Name of its format.")]
    row_count: Annotated[int, Field(description="How many transfers it has.")]
    amount: Annotated[int, Field(description="Of all transfers, in whole rupiah.")]
    made_by: AccountId
    made_at: datetime = Field(description="When it was made: its transfers count as sent since.")


class NewPayoutAnswer(Model):
    """The bank's answer to a file, as the bank gave it."""

    model_config = with_example(
        content="cmVmZXJlbmNlLGFtb3VudCxzdGF0dXM=", executed_on="2026-12-05"
    )

    content: Annotated[
        str,
        Field(
            min_length=4,
            max_length=MAX_CONTENT,
            pattern=r"^[A-Za-z0-9+/]+={0,2}$",
            description="The bytes of the answer file in base64, 512 KiB at most.",
        ),
    ]
    executed_on: Annotated[
        Day | None,
        Field(
            description="The Jakarta day on which the bank paid, or gave the money back, of the "
            "rows that do not state it. Needed where a row states none."
        ),
    ] = None


class PayoutAnswerDecision(Model):
    """What another officer decides on an answer."""

    model_config = with_example(verdict="confirmed")

    verdict: Annotated[AnswerVerdict, Field(description="Confirmed or rejected.")]


class PayoutAnswerOut(Out):
    """An answer to a file, and how far it is applied."""

    id: RecordId
    file_id: FileId
    status: AnswerStatus = Field(
        description="Confirmed: the rows are being applied. Done: they are."
    )
    row_count: Annotated[int, Field(description="How many rows it has.")]
    paid_amount: Annotated[int, Field(description="Of the rows that were paid, in rupiah.")]
    failed_amount: Annotated[int, Field(description="Of the rows that failed, in rupiah.")]
    returned_amount: Annotated[int, Field(description="Of those that were returned, in rupiah.")]
    applied_count: Annotated[int, Field(description="How many rows are applied.")]
    refused_count: int = Field(
        description="How many of them changed nothing, because the transfer was settled otherwise."
    )
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was uploaded.")]
    decided_by: Annotated[AccountId | None, Field(description="Who decided.")]
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
    done_at: Annotated[datetime | None, Field(description="When all rows were applied.")]


class PayoutAnswerRowOut(Out):
    """A row of an answer, and what it does to its payout."""

    position: Annotated[int, Field(description="Which row of the answer, from 1.")]
    payout_id: Annotated[UUID, Field(description="Id of the payout.")]
    transfer_id: Annotated[UUID, Field(description="Id of the attempt that the file had.")]
    payee_kind: Annotated[PayoutPayee, Field(description="An agent, a wadah, or the state.")]
    payee_id: Annotated[UUID, Field(description="Id of the agent or wadah; of tax, its own id.")]
    payee_name: Annotated[
        str | None, Field(description="Name of the agent or wadah; null while not available.")
    ]
    bank_code: Annotated[str, Field(description="Code of the payee's bank.")]
    account_no: Annotated[str, Field(description="Of the payee, all but the last four masked.")]
    amount: Annotated[int, Field(description="What was sent, in rupiah.")]
    outcome: Annotated[Outcome, Field(description="What the bank says became of it.")]
    reference_no: Annotated[str | None, Field(description="The bank's reference.")]
    response_code: Annotated[str | None, Field(description="The bank's reason.")]
    executed_on: Annotated[
        date | None,
        Field(
            description="The day on which the bank moved the money, by the row or by the officer "
            "who uploaded it; null: none was moved."
        ),
    ]
    transfer_status: Annotated[TransferStatus, Field(description="What the attempt is now.")]
    is_applied: Annotated[bool, Field(description="Whether the row was applied.")]
    effect: Annotated[
        RowEffect | None,
        Field(
            description="What it will do, by the status of now. `settles`: the payout becomes what "
            "the bank says; `none`: it is that already; `refused`: its status does not allow it, "
            "so that nothing changes. Null once the row is applied, or the answer rejected."
        ),
    ]


class PayoutAnswersOut(Out):
    items: Annotated[list[PayoutAnswerOut], Field(description="The oldest first.")]
