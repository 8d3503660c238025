from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from payment_service.bills.rules import BillStatus, VoidReason
from payment_service.quotes.schemas import LINES_EXAMPLE
from perisai_kit.domain.programmes import Payer, Programme, Sector
from perisai_kit.http.types import (
    MemberId,
    Model,
    MonthText,
    OrderId,
    Out,
    PartnerId,
    RecordId,
    with_example,
)


class NewBill(Model):
    """A bill for the first months of an offer."""

    model_config = with_example(
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21", first_month="2026-12", month_count=1
    )

    member_id: MemberId
    first_month: Annotated[
        MonthText, Field(description="First month of one of the offers that a quote shows.")
    ]
    month_count: Annotated[
        int, Field(ge=1, le=12, strict=True, description="How many first months of that offer.")
    ]


class BillCancellation(Model):
    """The withdrawal of a bill, which makes it void."""

    model_config = with_example(reason="member_request")

    reason: Annotated[
        Literal[
            VoidReason.WRONG_MONTHS,
            VoidReason.WRONG_DATA,
            VoidReason.MEMBER_REQUEST,
        ],
        Field(description="Why the bill is withdrawn."),
    ]


class BillLineOut(Out):
    """amount = full_amount - relief_amount, all whole rupiah."""

    month: Annotated[MonthText, Field(description="The contribution month.")]
    programme: Annotated[Programme, Field(description="The programme.")]
    band: Annotated[int, Field(description="Number of the income band in the tariff.")]
    reference_income: Annotated[int, Field(description="Income of the band, in rupiah a month.")]
    full_amount: Annotated[int, Field(description="Rupiah before relief.")]
    relief_bps: Annotated[int, Field(description="Waived share in basis points.")]
    relief_amount: Annotated[int, Field(description="Waived amount in rupiah.")]
    relief_basis: Annotated[str | None, Field(description="The law that waives it.")]
    amount: Annotated[int, Field(description="Rupiah to be paid.")]


class VirtualAccountOut(Out):
    """`number` is what the payer types at this bank."""

    partner_id: PartnerId
    partner_name: Annotated[str, Field(description="Name of the bank.")]
    company_code: Annotated[str, Field(description="Our number at this bank, the first digits.")]
    customer_no: Annotated[str, Field(description="The digits behind it.")]
    number: Annotated[str, Field(description="What the payer types at this bank.")]


class BillSummary(Out):
    """Amounts in whole rupiah."""

    id: RecordId
    order_id: OrderId
    member_id: MemberId
    display_name: Annotated[
        str, Field(description="The member's name; masked for those who may not see it.")
    ]
    status: Annotated[BillStatus, Field(description="An open bill can be paid.")]
    first_month: Annotated[
        MonthText, Field(description="The first of its months; its lines name them all.")
    ]
    month_count: Annotated[int, Field(description="How many contribution months it has.")]
    amount: Annotated[int, Field(description="What must be paid, in rupiah.")]
    relief_amount: Annotated[int, Field(description="What the law waives, in rupiah.")]
    sector: Annotated[Sector, Field(description="Of the main occupation when the bill was issued.")]
    payer: Annotated[Payer, Field(description="Who pays; decides relief.")]
    declared_income: Annotated[int, Field(description="Rupiah a month, when the bill was issued.")]
    issued_at: Annotated[datetime, Field(description="When it was issued.")]
    expires_at: Annotated[
        datetime, Field(description="First instant at which it cannot be paid any more.")
    ]
    paid_at: Annotated[datetime | None, Field(description="When the customer paid.")]
    withdrawn_at: Annotated[
        datetime | None, Field(description="When it was replaced or became void.")
    ]
    void_reason: Annotated[
        VoidReason | None,
        Field(
            description="Why it became void. `over_age`, `data_corrected`: a correction of the "
            "member's data leaves no such bill; ask for a quote."
        ),
    ]
    replaced_by: Annotated[
        UUID | None, Field(description="The newer bill of the member that replaced it.")
    ]


class BillOut(BillSummary):
    model_config = with_example(
        id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7b21",
        order_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7c21",
        member_id="0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
        display_name="Siti Aminah",
        status="open",
        first_month="2026-11",
        month_count=1,
        amount=28_400,
        relief_amount=8_400,
        sector="other",
        payer="self",
        declared_income=1_000_000,
        issued_at="2026-11-03T01:15:00Z",
        expires_at="2026-12-15T17:00:00Z",
        paid_at=None,
        withdrawn_at=None,
        void_reason=None,
        replaced_by=None,
        lines=LINES_EXAMPLE,
        virtual_accounts=[
            {
                "partner_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7e01",
                "partner_name": "Bank Uji",
                "company_code": "88001",
                "customer_no": "12345678901",
                "number": "8800112345678901",
            }
        ],
    )

    lines: Annotated[list[BillLineOut], Field(description="One for each programme of each month.")]
    virtual_accounts: Annotated[
        list[VirtualAccountOut], Field(description="Where it can be paid: one for each bank.")
    ]


class IssuedBillOut(BillOut):
    """A bill that was just issued."""

    replaced_bill_id: Annotated[
        UUID | None,
        Field(description="The open bill of the member that this one replaces."),
    ]
