from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.schemas import CommissionLineOut, IncentiveStatementOut
from payment_service.ledger.schemas import LedgerTransferOut
from payment_service.payees.rules import PayeeKind
from payment_service.payouts.rules import StatementPayoutStatus
from perisai_kit.http.types import BeneficiaryId, MonthText, Out, RecordId, WadahId

WHOLE_TO = "whole to themselves, to their wadah and to the offices of their scope; else null"


class ExplainedLineOut(CommissionLineOut):
    """A commission line, and the payment it comes from."""

    member_name: Annotated[
        str,
        Field(description="The member: whole to the agent in care and the branch, else masked."),
    ]
    agent_name: Annotated[str | None, Field(description=f"The agent: {WHOLE_TO}.")]
    bill_id: Annotated[
        UUID | None,
        Field(description="The paid bill; with the payment it names the receipt."),
    ]
    bank_name: Annotated[str, Field(description="The bank that reported the payment.")]
    reference_no: Annotated[str | None, Field(description="The bank's reference.")]
    paid_at: Annotated[datetime, Field(description="When the payment counts.")]


class ProvenStatementOut(Out):
    """A statement, and its postings in the ledger.

    It is given out only where the lines add up to the statement, rule by rule, and the ledger owes
    the same amount.
    """

    statement: Annotated[IncentiveStatementOut, Field(description="The statement.")]
    beneficiary_name: Annotated[
        str | None, Field(description=f"Who it is for: {WHOLE_TO}; of a wadah always whole.")
    ]
    wadah_name: Annotated[str | None, Field(description="Name of the wadah; null while unknown.")]
    postings: Annotated[list[LedgerTransferOut], Field(description="Its transfers in the ledger.")]


class StatementDocumentOut(ProvenStatementOut):
    """A statement with every line down to the receipt, and its postings in the ledger.

    It is given out only where the lines add up to the statement, rule by rule, and the ledger owes
    the same amount.
    """

    lines: Annotated[list[ExplainedLineOut], Field(description="Its lines as they were booked.")]


class MonthStatementOut(Out):
    """A statement in the document of a wadah or a branch; amounts in rupiah."""

    statement_id: RecordId
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    beneficiary_name: Annotated[str | None, Field(description=f"Who it is for: {WHOLE_TO}.")]
    wadah_id: WadahId
    wadah_name: Annotated[str | None, Field(description="Name of the wadah; null while unknown.")]
    contribution_parts: int = Field(description="For contributions, in 1/10,000 rupiah.")
    acquisition_parts: int = Field(description="For new members, in 1/10,000 rupiah.")
    override_parts: int = Field(description="Of the wadah, in 1/10,000 rupiah.")
    amount: Annotated[int, Field(description="Whole rupiah; negative: a debt.")]
    payable: Annotated[int, Field(description="The part beyond debts, in rupiah.")]
    held_reason: Annotated[str | None, Field(description="Why it is held; null: it is not.")]
    forfeited_at: Annotated[
        datetime | None, Field(description="When it was forfeited; it is owed no more.")
    ]
    payee_kind: Annotated[PayeeKind, Field(description="Who is paid it: the agent or the wadah.")]
    payout_status: Annotated[StatementPayoutStatus, Field(description="Whether it is paid.")]
    accrued: Annotated[int, Field(description="What the ledger accrued for it, in rupiah.")]


class MonthDocumentOut(Out):
    """All statements of a wadah and its agents, or of a branch, in one closed month.

    It is given out only where the ledger owes the same amount for each statement.
    """

    month: Annotated[MonthText, Field(description="The closed month.")]
    wadah_id: Annotated[UUID | None, Field(description="Of this wadah; null: of a branch.")]
    branch_code: Annotated[str | None, Field(description="Of this branch; null: of a wadah.")]
    statements: Annotated[
        list[MonthStatementOut], Field(description="Those of wadahs first, then of agents.")
    ]
    amount: Annotated[int, Field(description="The sum of their amounts, in rupiah.")]
    payable: Annotated[int, Field(description="The sum of what is payable, in rupiah.")]
    accrued: Annotated[int, Field(description="What the ledger owes for all, in rupiah.")]
