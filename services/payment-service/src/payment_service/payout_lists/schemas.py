from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payout_transfers.rules import TransferSource, TransferStatus
from payment_service.payouts.rules import PayoutPayee, PayoutStatus, WithdrawalReason
from perisai_kit.http.types import AgentId, BeneficiaryId, MonthText, Out, RecordId, StatementId
from snap_bi.transfer_rules import InterbankRoute

GROSS = "Before tax, in rupiah."
TAX = "Income tax withheld, in rupiah."
AMOUNT = "What is sent: gross less tax, in rupiah."
SET_OFF = "Deducted from the statements for a debt of later ones, in rupiah; not in the gross."
PayoutStatusText = Annotated[
    PayoutStatus, Field(description="Of its last transfer; `created` before it has one.")
]


class PayoutOut(Out):
    """What one run pays to one payee."""

    id: RecordId
    run_id: Annotated[UUID, Field(description="The run it belongs to.")]
    payee_kind: Annotated[PayoutPayee, Field(description="An agent, a wadah, or the state.")]
    payee_id: Annotated[UUID, Field(description="Id of the agent or wadah; of tax, its own id.")]
    payee_name: Annotated[
        str | None, Field(description="Name of the agent or wadah; null while not available.")
    ]
    part: Annotated[
        int,
        Field(
            description="Which payout of the run to this payee, from 1: there are more where the "
            "sum is above what one transfer may carry."
        ),
    ]
    month: Annotated[MonthText, Field(description="The last month that its run pays.")]
    gross: Annotated[int, Field(description=GROSS)]
    tax: Annotated[int, Field(description=TAX)]
    amount: Annotated[int, Field(description=AMOUNT)]
    bank_code: Annotated[str, Field(description="Code of the payee's bank.")]
    account_no: Annotated[str, Field(description="Of the payee, all but the last four masked.")]
    status: PayoutStatusText
    created_at: Annotated[datetime, Field(description="When it was prepared.")]
    settled_at: Annotated[
        datetime | None,
        Field(description="When it was learnt how it ended: paid, failed or returned."),
    ]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When it was decided that it is not sent.")
    ]
    withdrawn_reason: Annotated[WithdrawalReason | None, Field(description="Why.")]


class PayoutItemOut(Out):
    """A statement that a payout pays."""

    statement_id: StatementId
    month: Annotated[MonthText, Field(description="Month of the statement.")]
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    set_off: Annotated[
        int,
        Field(
            description="Deducted for a debt of later statements, in rupiah: the gross is what the "
            "statement gives less this."
        ),
    ]
    gross: Annotated[int, Field(description=GROSS)]
    tax: Annotated[int, Field(description=TAX)]
    is_live: Annotated[
        bool, Field(description="Whether this payout pays it; false: a later run may.")
    ]


class PayoutTransferOut(Out):
    """One attempt to send a payout."""

    id: RecordId
    attempt: Annotated[int, Field(description="Which attempt, from 1.")]
    status: Annotated[TransferStatus, Field(description="What has become of it.")]
    service_code: Annotated[str, Field(description="SNAP BI service: 17 or 18.")]
    interbank_route: Annotated[
        InterbankRoute | None,
        Field(description="The network that the request named; null: none, or it was not sent."),
    ]
    partner_reference_no: Annotated[str, Field(description="Our reference at the bank.")]
    external_id: Annotated[str | None, Field(description="X-EXTERNAL-ID of the request.")]
    remark_code: Annotated[str, Field(description="The code in the remark.")]
    created_at: Annotated[datetime, Field(description="When it was made.")]
    sent_at: Annotated[datetime | None, Field(description="When it was sent.")]
    settled_at: Annotated[datetime | None, Field(description="When it was settled.")]
    reference_no: Annotated[str | None, Field(description="The bank's reference.")]
    response_code: Annotated[str | None, Field(description="The bank's last code.")]
    next_inquiry_at: Annotated[
        datetime | None, Field(description="When the bank is asked for the status next.")
    ]
    inquiries: Annotated[int, Field(description="How often the bank was asked for the status.")]


class PayoutTransferChangeOut(Out):
    """A change of one attempt."""

    transfer_id: Annotated[UUID, Field(description="Id of the attempt.")]
    status: Annotated[TransferStatus, Field(description="What it became.")]
    source: Annotated[TransferSource, Field(description="Who reported it.")]
    response_code: Annotated[str | None, Field(description="The bank's code.")]
    changed_by: Annotated[UUID | None, Field(description="Account of the officer, if one did.")]
    changed_at: Annotated[datetime, Field(description="When.")]
    executed_on: Annotated[
        date | None,
        Field(
            description="The Jakarta day on which the bank paid, or gave the money back: that of "
            "the books and of the tax. Null: no money moved, or it is booked on the day of this "
            "change, as before there was this field."
        ),
    ]
    stated_on: Annotated[
        date | None,
        Field(
            description="The day that the bank or the officer stated; null: none. One before the "
            "sending, or after the change, does not count."
        ),
    ]


class PayoutDetailOut(PayoutOut):
    """A payout with its statements, its attempts, and every change of them."""

    items: Annotated[list[PayoutItemOut], Field(description="The statements it pays.")]
    transfers: Annotated[list[PayoutTransferOut], Field(description="The attempts.")]
    history: Annotated[
        list[PayoutTransferChangeOut], Field(description="Every change, the first one first.")
    ]


class OwnPayoutOut(Out):
    """What an agent or wadah was paid; for an agent, also what their wadah was paid for them."""

    id: RecordId
    paid_to: Annotated[PayoutPayee, Field(description="Who gets the money: an agent or a wadah.")]
    month: Annotated[MonthText, Field(description="The last month that it pays.")]
    statement_count: Annotated[int, Field(description="How many of one's own statements.")]
    set_off: Annotated[int, Field(description=f"One's own part. {SET_OFF}")]
    gross: Annotated[int, Field(description=f"One's own part. {GROSS}")]
    tax: Annotated[int, Field(description=f"One's own part. {TAX}")]
    amount: Annotated[int, Field(description="One's own part: gross less tax, in rupiah.")]
    status: PayoutStatusText
    created_at: Annotated[datetime, Field(description="When it was prepared.")]
    settled_at: Annotated[
        datetime | None,
        Field(description="When it was learnt how it ended: paid, failed or returned."),
    ]
    paid_on: Annotated[
        date | None,
        Field(description="The day on which the bank paid it, also of one that came back."),
    ]
    is_received: Annotated[
        bool | None,
        Field(
            description="What you said last: whether you received your part of a payout to your "
            "wadah. Null: nothing yet; of other payouts you are not asked."
        ),
    ]


class OwnPayoutPartOut(Out):
    """What a wadah is paid for one of its agents, and owes that agent."""

    agent_id: AgentId
    agent_name: Annotated[
        str | None, Field(description="Name of the agent; null while not available.")
    ]
    month: Annotated[MonthText, Field(description="The agent's last month in the payout.")]
    statement_count: Annotated[int, Field(description="How many statements of the agent.")]
    set_off: Annotated[int, Field(description=f"The agent's part. {SET_OFF}")]
    gross: Annotated[int, Field(description=f"The agent's part. {GROSS}")]
    tax: Annotated[int, Field(description=f"The agent's part. {TAX}")]
    amount: Annotated[
        int, Field(description="What the agent is to get: gross less tax, in rupiah.")
    ]
    is_received: Annotated[
        bool | None, Field(description="What the agent said last of it; null: nothing yet.")
    ]
