from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from payment_service.payouts.rules import PayoutStatus, WithdrawalReason
from payment_service.taxes.rules import TaxKind
from perisai_kit.http.types import Model, MonthText, Out, with_example

BILLING_CODE = "Billing code of the tax authority (kode billing), 15 digits."


class NewTaxRemittance(Model):
    """Pay what is due of one tax for the payments of one month."""

    model_config = with_example(
        tax_kind="pph21",
        month="2026-11",
        billing_code="123456789012345",
        payout_account_id="0190a000-0000-7000-8000-000000000001",
    )

    tax_kind: Annotated[
        Literal[TaxKind.PPH21, TaxKind.PPH23], Field(description="Which tax: pph21 or pph23.")
    ]
    month: Annotated[MonthText, Field(description="The month of the payments.")]
    billing_code: Annotated[
        str, StringConstraints(pattern=r"^[0-9]{15}$"), Field(description=BILLING_CODE)
    ]
    payout_account_id: Annotated[UUID, Field(description="The account of ours to pay from.")]


class TaxRemittanceOut(Out):
    """A payout of withheld tax to the state."""

    payout_id: Annotated[UUID, Field(description="The payout.")]
    run_id: Annotated[UUID, Field(description="The run of the payout, which others decide on.")]
    tax_kind: Annotated[TaxKind, Field(description="Which tax.")]
    month: Annotated[MonthText, Field(description="The month of the payments.")]
    amount: Annotated[int, Field(description="What is paid, in rupiah.")]
    billing_code: Annotated[str, Field(description=BILLING_CODE)]
    status: Annotated[PayoutStatus, Field(description="What has become of it.")]
    created_at: Annotated[datetime, Field(description="When it was proposed.")]
    settled_at: Annotated[
        datetime | None,
        Field(description="When it was learnt how it ended: paid, failed or returned."),
    ]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When it was decided that it is not sent.")
    ]
    withdrawn_reason: Annotated[WithdrawalReason | None, Field(description="Why.")]
