from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from payment_service.banks.schemas import AccountNo, BankCode, HeaderText
from payment_service.payout_accounts.rules import (
    PayoutAccountStatus,
    PayoutChannel,
    ResumptionVerdict,
    StopStep,
)
from perisai_kit.http.types import (
    AccountId,
    Code,
    LongText,
    Model,
    Out,
    PositiveRupiah,
    RecordId,
    ShortText,
    with_example,
)
from snap_bi.transfer_rules import InterbankRoute

DAILY_CAP = "The most rupiah sent from it on one Jakarta day."
TRANSFER_MAX = "The most rupiah of one transfer; what is owed above it is left out of runs."
BATCH_MAX = "The most payouts of one run."
CUT_OFF = "Jakarta time of day after which nothing is sent on that day."
CORPORATE_ID = (
    "X-PARTNER-ID of the calls that move or show the money of this account, where the bank needs "
    "another one than for its other calls: at BCA, our corporate id of KlikBCA Bisnis."
)
CorporateId = Annotated[HeaderText, Field(description=CORPORATE_ID, examples=["KBBPERISAI"])]
INTERBANK_ROUTE = (
    "The network of its transfers to other banks, where the bank offers a choice, as BCA does: the "
    "switch, or BI-FAST. Null: the default of the bank."
)
BatchMax = Annotated[int, Field(gt=0, le=10_000, strict=True, description=BATCH_MAX)]
CutOff = Annotated[
    str,
    StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    Field(description=CUT_OFF, examples=["15:00"]),
]


class PayoutLimits(Model):
    """How much is paid from an account. What is left out gets the configured default."""

    model_config = with_example(
        daily_cap=5_000_000_000, transfer_max=250_000_000, batch_max=1_000, cut_off="15:00"
    )

    daily_cap: Annotated[PositiveRupiah | None, Field(description=DAILY_CAP)] = None
    transfer_max: Annotated[PositiveRupiah | None, Field(description=TRANSFER_MAX)] = None
    batch_max: Annotated[BatchMax | None, Field(description=BATCH_MAX)] = None
    cut_off: Annotated[CutOff | None, Field(description=CUT_OFF)] = None


class NewPayoutAccount(PayoutLimits):
    """An account of ours that incentives are to be paid from."""

    model_config = with_example(
        name="Rekening operasional",
        bank_code="014",
        channel="file",
        account_no="1234567890",
        file_format="generic-csv",
    )

    name: Annotated[ShortText, Field(description="What officers call it.")]
    bank_code: BankCode
    channel: Annotated[PayoutChannel, Field(description="By the bank's API, or by file.")]
    account_no: Annotated[AccountNo, Field(description="Its number; encrypted, shown masked.")]
    bank_partner_id: Annotated[
        UUID | None, Field(description="Whose connection is used; left out for a file.")
    ] = None
    corporate_id: Annotated[CorporateId | None, Field(description=CORPORATE_ID)] = None
    interbank_route: Annotated[InterbankRoute | None, Field(description=INTERBANK_ROUTE)] = None
    file_format: Annotated[
        Code | None, Field(description="Format of the upload file; left out for the API.")
    ] = None


class PayoutCorporateId(Model):
    """Our corporate id at the bank of an account."""

    model_config = with_example(corporate_id="KBBPERISAI")

    corporate_id: CorporateId


class PayoutInterbankRoute(Model):
    """By which network transfers to other banks go."""

    model_config = with_example(interbank_route="switch")

    interbank_route: Annotated[InterbankRoute | None, Field(description=INTERBANK_ROUTE)]


class PayoutAccountOut(Out):
    id: RecordId
    name: Annotated[str, Field(description="What officers call it.")]
    bank_partner_id: Annotated[UUID | None, Field(description="Whose connection is used.")]
    corporate_id: Annotated[str | None, Field(description=CORPORATE_ID)]
    interbank_route: Annotated[InterbankRoute | None, Field(description=INTERBANK_ROUTE)]
    bank_code: Annotated[str, Field(description="The bank's code in the payment system.")]
    channel: Annotated[PayoutChannel, Field(description="By the bank's API, or by file.")]
    account_no_masked: Annotated[str, Field(description="Its number: only the last four digits.")]
    file_format: Annotated[str | None, Field(description="Format of the upload file.")]
    daily_cap: Annotated[int, Field(description=DAILY_CAP)]
    transfer_max: Annotated[int, Field(description=TRANSFER_MAX)]
    batch_max: Annotated[int, Field(description=BATCH_MAX)]
    cut_off: Annotated[str, Field(description=CUT_OFF)]
    status: Annotated[PayoutAccountStatus, Field(description="Whether it is paid from.")]
    created_at: Annotated[datetime, Field(description="When it was registered.")]
    status_changed_at: Annotated[datetime, Field(description="When its status changed last.")]
    status_changed_by: Annotated[UUID, Field(description="Account that changed its status last.")]
    changed_at: Annotated[
        datetime, Field(description="When it was registered, changed or suspended last.")
    ]
    changed_by: Annotated[
        list[UUID],
        Field(
            description="Accounts that registered, changed or suspended it since it was last "
            "active. None of them can activate it."
        ),
    ]


class NewPayoutStop(Model):
    """Stop all payouts."""

    model_config = with_example(reason="Saldo rekening tidak sesuai.")

    reason: Annotated[LongText, Field(description="Why; encrypted, for officers.")]


class ResumptionDecision(Model):
    """What another person decides on a proposal to resume payouts."""

    model_config = with_example(verdict="confirmed")

    verdict: Annotated[ResumptionVerdict, Field(description="Confirmed or rejected.")]


class PayoutStopOut(Out):
    """A step of stopping all payouts or of resuming them; the last one holds."""

    number: Annotated[int, Field(description="Which step, from 1.")]
    step: Annotated[StopStep, Field(description="What was done.")]
    reason: Annotated[str | None, Field(description="Why payouts were stopped.")]
    taken_by: AccountId
    taken_at: Annotated[datetime, Field(description="When.")]
