from typing import Annotated

from pydantic import Field

from payment_service.bonus_reviews.rules import BonusReviewStatus
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import HoldReason
from payment_service.own_incentives.rules import OwnMonthStatus
from payment_service.payouts.rules import StatementPayoutStatus
from perisai_kit.http.types import MonthText, Out


class OwnIncentiveMonthOut(Out):
    """What an earlier month came to, or comes to so far."""

    month: Annotated[MonthText, Field(description="The month.")]
    status: OwnMonthStatus = Field(
        description="Open: it may still grow. Closing: its statements are being issued. Held: "
        "issued, and kept back until it is decided on. Forfeited: owed no more."
    )
    amount: int = Field(description="Whole rupiah; negative where more was taken back.")
    payable: int = Field(description="The part of the amount beyond a debt, in rupiah.")
    held_reason: HoldReason | None = Field(
        description="Why it is held, or was forfeited; null where it is neither."
    )
    payout_status: StatementPayoutStatus | None = Field(
        description="Whether it is paid; null while it is not issued."
    )


class OwnIncentiveOut(Out):
    """What you get so far, in whole rupiah. The same answer until something changes."""

    month: MonthText = Field(description="The month in which money paid now counts.")
    kind: Annotated[BeneficiaryKind, Field(description="Of an agent or of a wadah.")]
    payable: int = Field(description="What you would get if the month were closed now, in rupiah.")
    amount: int = Field(
        description="Earned in the month, in rupiah; negative where more was taken back."
    )
    contribution: int = Field(description="Of the amount: for contributions, in rupiah.")
    acquisition: int = Field(description="Of the amount: for new members, in rupiah.")
    override: int = Field(description="Of the amount: a wadah's share of its agents, in rupiah.")
    debt: int = Field(description="Taken back earlier and not made up for yet, in rupiah.")
    new_members: int | None = Field(description="Of an agent: new members of the month.")
    threshold: int | None = Field(
        description="Of an agent: from how many new members on they earn; null without a scheme."
    )
    waiting_payments: int | None = Field(
        description="Of an agent: payments whose commission is not computed yet."
    )
    waiting_contributions: int | None = Field(
        description="Of an agent: what those payments paid, in rupiah."
    )
    bonus_review: BonusReviewStatus | None = Field(
        description="Of an agent: what has become of the review of the bonus for new members; "
        "null: there is none. The bonus is not in the amount while the review is open, nor once "
        "it is refused; `held_parts` of the preview says how much it is."
    )
    scheme_name: str | None = Field(description="Name of the scheme of the month.")
    earlier: list[OwnIncentiveMonthOut] = Field(
        description="Months before that are not closed yet, and the last three statements; the "
        "latest first."
    )
