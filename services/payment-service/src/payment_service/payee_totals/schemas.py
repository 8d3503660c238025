from typing import Annotated

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payees.rules import PayeeHold, PayeeKind, PayeeReason
from payment_service.payees.schemas import PayeeId
from perisai_kit.http.types import BeneficiaryId, MonthText, Out, StatementId


class PayeeTotalOut(Out):
    """What one payee gets of a month, as far as you may see its statements."""

    month: Annotated[MonthText, Field(description="The closed month.")]
    payee_kind: Annotated[PayeeKind, Field(description="An agent or a wadah.")]
    payee_id: PayeeId
    statement_count: Annotated[int, Field(description="How many statements it adds up.")]
    amount: int = Field(description="Whole rupiah stated; negative where more was taken back.")
    payable: int = Field(description="The part of the amounts beyond debts, in rupiah.")
    held: int = Field(description="The part of `payable` that is not paid out for now, in rupiah.")


class PayeeStatementOut(Out):
    """A statement that the payee is paid for."""

    statement_id: StatementId
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    amount: int = Field(description="Whole rupiah stated; negative where more was taken back.")
    payable: int = Field(description="The part of the amount beyond the debt, in rupiah.")
    reason: Annotated[PayeeReason, Field(description="Why this payee is paid it.")]
    held_reason: Annotated[
        PayeeHold | None, Field(description="Why nothing is paid out for now; null: it can be.")
    ]


class PayeeBreakdownOut(PayeeTotalOut):
    """What one payee gets of a month, statement by statement."""

    items: Annotated[
        list[PayeeStatementOut], Field(description="The statements of this page, by beneficiary.")
    ]
    next_cursor: Annotated[
        str | None,
        Field(description="Send it as `cursor` for the next page; null on the last one."),
    ] = None
