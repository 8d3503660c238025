from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payment_service.agents.rules import HeldReason
from payment_service.closings.rules import ClosingStatus, ClosingVerdict
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_statements.schemas import EarnedOut
from payment_service.months.schemas import PARTS_OF_A_RUPIAH
from perisai_kit.http.types import (
    AccountId,
    BeneficiaryId,
    BranchCode,
    Model,
    MonthText,
    Out,
    RecordId,
    RegionCode,
    WadahId,
    with_example,
)


class MonthClosingDecision(Model):
    """What another person decides on a proposal to close a month."""

    model_config = with_example(verdict="confirmed")

    verdict: Annotated[ClosingVerdict, Field(description="Confirmed or rejected.")]


class StatementSumOut(Out):
    """Statements and their amounts."""

    count: Annotated[int, Field(description="How many statements.")]
    amount: int = Field(description="Their amounts together, in whole rupiah.")


class HeldSumOut(StatementSumOut):
    """Statements that are held for one reason."""

    reason: Annotated[HeldReason, Field(description="Why they are held.")]


class ClosingFiguresOut(Out):
    """What the statements of a month come to."""

    statement_count: Annotated[int, Field(description="How many statements there would be.")]
    line_count: Annotated[int, Field(description="How many commission lines they add up.")]
    contribution_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    acquisition_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    override_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    amount: int = Field(description="Whole rupiah on all statements, debts subtracted.")
    payable: int = Field(description="The part beyond debts, in rupiah, also where it is held.")
    agents: Annotated[StatementSumOut, Field(description="The statements of agents.")]
    wadahs: Annotated[StatementSumOut, Field(description="The statements of wadahs.")]
    negative: Annotated[StatementSumOut, Field(description="Those that take back: debts.")]
    rest_only_count: int = Field(description="Those of less than a rupiah, which pay nothing.")
    held: Annotated[list[HeldSumOut], Field(description="Those that are held, by the reason.")]


class DryRunOut(Out):
    """What the close of a month would make now. Nothing is stored."""

    month: Annotated[MonthText, Field(description="The month.")]
    refusal_code: str | None = Field(
        description="Code of the problem that a proposal to close it would get now; null: none."
    )
    waiting_payments: int = Field(
        description="Payments up to the end of the month whose commission is not computed yet; "
        "they keep it from being closed."
    )
    waiting_contributions: int = Field(description="What those payments paid, in rupiah.")
    figures: Annotated[ClosingFiguresOut, Field(description="What the statements come to.")]


class DryRunStatementOut(EarnedOut):
    """A statement as it would be issued."""

    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    agent_name: str | None = Field(
        description="Name of the agent; null of a wadah, and while names are not available."
    )
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    held_reason: HeldReason | None = Field(description="Why the incentive of a wadah is held.")


class MonthClosingOut(Out):
    """A proposal to close a month, the decision, and how far the close is."""

    id: RecordId
    month: Annotated[MonthText, Field(description="The month.")]
    status: ClosingStatus = Field(
        description="Running: the month is closed, and its statements are being issued."
    )
    figures: ClosingFiguresOut = Field(description="What the dry run said when it was proposed.")
    proposed_by: AccountId
    proposed_at: Annotated[datetime, Field(description="When it was proposed.")]
    decided_by: UUID | None = Field(description="Account of the second person, or who rejected it.")
    decided_at: Annotated[datetime | None, Field(description="When it was decided.")]
    closed_at: datetime | None = Field(
        description="The instant of the close; what is counted later is in a later month."
    )
    statements_issued: Annotated[int, Field(description="How many statements are issued.")]
    statements_expected: int | None = Field(
        description="How many there will be; null until the lines are added up."
    )
    done_at: datetime | None = Field(
        description="When all statements were issued; they are shown from then on."
    )
    failure_code: str | None = Field(
        description="Why the last step failed; it is tried again. Null: it did not."
    )
    failed_at: Annotated[datetime | None, Field(description="When it failed.")]
    failure_count: Annotated[int, Field(description="How often in a row.")]
