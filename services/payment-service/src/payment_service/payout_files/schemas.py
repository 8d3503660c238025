from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.payout_files.rules import AnswerStatus, AnswerVerdict
from payment_service.payout_formats.rules import MAX_ANSWER_BYTES
from perisai_kit.http.types import AccountId, Model, Out, RecordId, with_example

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

    model_config = with_example(content="cmVmZXJlbmNlLGFtb3VudCxzdGF0dXM=")

    content: Annotated[
        str,
        Field(
            min_length=4,
            max_length=MAX_CONTENT,
            pattern=r"^[A-Za-z0-9+/]+={0,2}$",
            description="The bytes of the answer file in base64, 512 KiB at most.",
        ),
    ]


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


class PayoutAnswersOut(Out):
    items: Annotated[list[PayoutAnswerOut], Field(description="The oldest first.")]
