from datetime import datetime
from typing import Annotated

from pydantic import Field

from payment_service.bonus_reviews.rules import BonusReviewStatus
from payment_service.commissions.rules import (
    CommissionCause,
    CommissionRule,
    CorrectionReason,
)
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import HoldReason
from payment_service.months.rules import MonthStatus
from payment_service.months.schemas import PARTS_OF_A_RUPIAH
from payment_service.payees.schemas import StatementPayeeOut
from payment_service.payouts.rules import StatementPayoutStatus
from perisai_kit.http.types import (
    AgentId,
    AllocationId,
    BeneficiaryId,
    BranchCode,
    MemberId,
    MonthText,
    Out,
    PaymentId,
    RecordId,
    RegionCode,
    SchemeId,
    WadahId,
)


class EarnedOut(Out):
    """brought + the three rules = amount x 10,000 + carried: a rest is carried, never lost.

    Lines that take earlier ones back can make the amount negative. Then it is a debt, and later
    amounts make up for it first.
    """

    line_count: Annotated[int, Field(description="How many commission lines it adds up.")]
    contribution_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    acquisition_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    override_parts: int = Field(description=PARTS_OF_A_RUPIAH)
    brought_parts: int = Field(description=f"The rest of earlier months. {PARTS_OF_A_RUPIAH}")
    amount: int = Field(description="Whole rupiah; negative where more was taken back.")
    carried_parts: int = Field(description=f"The rest for the next month. {PARTS_OF_A_RUPIAH}")
    brought_debt: int = Field(description="Rupiah of debt from earlier months, 0 or more.")
    payable: int = Field(description="The part of the amount beyond the debt, in rupiah.")
    carried_debt: int = Field(description="Rupiah of debt for the next month, 0 or more.")


class IncentiveStatementOut(EarnedOut):
    """What a statement says, who is paid it, and what became of it."""

    id: RecordId
    month: Annotated[MonthText, Field(description="The closed month.")]
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    wadah_id: WadahId
    branch_code: BranchCode
    region_code: RegionCode
    set_off: int = Field(
        description="Rupiah that payouts, and what is held or forfeited, have made up for of the "
        "debt since the statement before; `brought_debt` is what was left. Negative: such a payout "
        "came back, or what was held was released."
    )
    total_parts: int = Field(description=f"Everything since the beginning. {PARTS_OF_A_RUPIAH}")
    held: Annotated[bool, Field(description="Whether it waits until two officers decide on it.")]
    held_reason: Annotated[
        HoldReason | None, Field(description="Why it is or was held; null: it never was.")
    ]
    released_at: Annotated[
        datetime | None, Field(description="When a hold on it was released; it may be paid.")
    ]
    forfeited_at: Annotated[
        datetime | None, Field(description="When it was forfeited; it is owed no more.")
    ]
    payable_now: Annotated[
        int,
        Field(
            description="`payable` in rupiah, before a debt of later months is deducted; 0 while "
            "held, once forfeited, in payment or paid."
        ),
    ]
    payout_status: Annotated[
        StatementPayoutStatus,
        Field(description="Whether it is paid; returned: the bank gave the money back."),
    ]
    deducted: int = Field(
        description="Rupiah of `payable` that the payout which pays it deducts for a debt of later "
        "months, or that make up for such a debt while it is held and once it is forfeited; the "
        "next statement has it as `set_off`."
    )
    bonus_review: Annotated[
        BonusReviewStatus | None,
        Field(description="Of the agent's acquisitions of this month; null: there was no review."),
    ]
    issued_at: Annotated[datetime, Field(description="When the month was closed.")]
    payee: Annotated[StatementPayeeOut, Field(description="Who is paid it, as things stand now.")]


class CommissionLineOut(Out):
    """Why: parts = base x rate_bps. The contribution's fields are empty for an acquisition."""

    id: Annotated[int, Field(description="Number of the line.")]
    earned_month: MonthText = Field(description="The month it is for: when the payment counts.")
    booked_month: MonthText = Field(
        description="The month whose statement has it: later, if the other one was closed."
    )
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    rule: Annotated[CommissionRule, Field(description="Which rule of the scheme earns it.")]
    cause: CommissionCause = Field(
        description="What earns: a contribution, a new member, or that a month reached its target."
    )
    base: int = Field(
        description="Whole rupiah: the contribution paid, or the sum agreed; negative in an "
        "opposite line."
    )
    rate_bps: int = Field(description="Basis points of the base.")
    parts: int = Field(description=PARTS_OF_A_RUPIAH)
    contribution_month: Annotated[
        MonthText | None, Field(description="The month that was paid; null for an acquisition.")
    ]
    programme: Annotated[
        str | None, Field(description="The programme that was paid; null for an acquisition.")
    ]
    month_index: int | None = Field(description="Which month of the registration, from 1.")
    agent_id: AgentId
    member_id: MemberId
    payment_id: PaymentId
    allocation_id: AllocationId
    scheme_id: SchemeId
    is_opposite: bool = Field(description="Whether it takes an earlier line back.")
    reason: CorrectionReason | None = Field(description="Why an earlier line is taken back.")
    recorded_at: Annotated[datetime, Field(description="When it was recorded.")]


class SchemeApplied(Out):
    id: RecordId
    name: Annotated[str, Field(description="Name of the scheme.")]
    first_month: Annotated[MonthText, Field(description="First month it applies to.")]


class CommissionPreviewOut(EarnedOut):
    """What a statement would say if the month were closed now."""

    month: Annotated[MonthText, Field(description="The month that is previewed.")]
    status: Annotated[MonthStatus, Field(description="Open, being closed, or closed.")]
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="An agent or a wadah.")]
    beneficiary_id: BeneficiaryId
    scheme: Annotated[
        SchemeApplied | None, Field(description="The scheme of the month; null where none applies.")
    ]
    new_members: int | None = Field(
        default=None, description="Of an agent, counted as the scheme counts."
    )
    threshold: int | None = Field(default=None, description="From how many on they earn.")
    waiting_payments: int | None = Field(
        default=None,
        description="Payments of an agent's members, in any month, whose commission is not "
        "computed yet.",
    )
    waiting_contributions: int | None = Field(
        default=None, description="What those payments paid, in rupiah."
    )
    bonus_review: BonusReviewStatus | None = Field(
        default=None, description="Whether an agent's acquisitions of the month are reviewed."
    )
    held_parts: int | None = Field(
        default=None,
        description="What an agent's acquisitions of the month would earn if they were released. "
        + PARTS_OF_A_RUPIAH,
    )
