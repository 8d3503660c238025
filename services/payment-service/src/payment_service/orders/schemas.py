from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from payment_service.bills.schemas import BillSummary, NewBill, VirtualAccountOut
from payment_service.orders.rules import MAX_BILLS, OrderStatus
from perisai_kit.http.types import Model, Out, PersonName, RecordId, with_example


def _check_members(bills: list[NewBill]) -> list[NewBill]:
    if len({bill.member_id for bill in bills}) < len(bills):
        raise PydanticCustomError("entry_repeated", "must not have the same entry twice")
    return bills


class NewOrder(Model):
    """Bills of several members that are paid together: of a family, or of a sponsor's list."""

    model_config = with_example(
        name="Keluarga Siti Aminah",
        bills=[
            {
                "member_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a21",
                "first_month": "2026-12",
                "month_count": 1,
            },
            {
                "member_id": "0199c3d1-5a53-7cc1-9d5f-0c5a3f1b7a22",
                "first_month": "2026-12",
                "month_count": 3,
            },
        ],
    )

    name: Annotated[
        PersonName, Field(description="Of who pays: the bank shows it before the payment.")
    ]
    bills: Annotated[
        list[NewBill],
        AfterValidator(_check_members),
        Field(min_length=1, max_length=MAX_BILLS, description="One bill for each member."),
    ]


class OrderSummary(Out):
    """An order in a list. amount is whole rupiah, and never changes."""

    id: RecordId
    bill_count: Annotated[int, Field(description="How many bills it has.")]
    amount: Annotated[int, Field(description="What must be paid at once, in rupiah.")]
    issued_at: Annotated[datetime, Field(description="When it was issued.")]


class OrderOut(OrderSummary):
    """An order with those of its bills that you may see."""

    status: Annotated[
        OrderStatus,
        Field(
            description="An open order has a bill that can be paid; a paid one has a bill that is, "
            "and none that is open."
        ),
    ]
    name: Annotated[
        str,
        Field(
            description="The name that banks show; masked unless you have issued the order or see "
            "the name on each bill."
        ),
    ]
    bills: Annotated[list[BillSummary], Field(description="The bills that you may see.")]
    virtual_accounts: Annotated[
        list[VirtualAccountOut], Field(description="Where it can be paid: one for each bank.")
    ]


class IssuedOrderOut(OrderOut):
    """An order that was just issued."""

    replaced_bill_ids: Annotated[
        list[UUID], Field(description="The open bills of these members that its bills replace.")
    ]
