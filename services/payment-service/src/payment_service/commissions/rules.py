"""What a payment earns, for whom, under a scheme. Source: docs/money.md, Commissions.

Amounts are exact: integers of 1/10,000 rupiah ("parts"), so that neither the order of payments nor
the month of a statement can change a sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from payment_service.counting.rules import BeneficiaryKind, Care, Earning, PaidLine
from payment_service.schemes.rules import PARTS, Terms
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.month import Month, count_months


class TooManyPayments(Invalid):
    """`details`: `limit`."""

    code = "too_many_payments"
    text = "The agent has too many payments in this month for a preview."
    text_id = "Pembayaran agen pada bulan ini terlalu banyak untuk dihitung sekaligus."


class CommissionRule(StrEnum):
    CONTRIBUTION = "contribution"
    ACQUISITION = "acquisition"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Line:
    """What one beneficiary earns by one rule from one payment.

    cause: what earns only once. base: rupiah. rate_bps: of the base. parts: the exact amount in
    1/10,000 rupiah.
    """

    earning: Earning
    cause: str
    rule: CommissionRule
    beneficiary: BeneficiaryKind
    rate_bps: int
    base: int
    paid: PaidLine | None = None
    month_index: int | None = None

    @property
    def parts(self) -> int:
        return self.base * self.rate_bps

    @property
    def beneficiary_id(self) -> UUID:
        care = self.earning.care
        return care.agent_id if self.beneficiary is BeneficiaryKind.AGENT else care.wadah_id

    @property
    def key(self) -> str:
        """What makes a line the only one of its kind: the same cause never earns twice."""
        paid = (str(self.paid.month), self.paid.programme) if self.paid else ()
        return ":".join((self.cause, *paid, self.rule, self.beneficiary))


def month_index(care: Care, month: Month) -> int:
    """Return which month in the care of agents a contribution month is, from 1.

    By the calendar from the member's first month with an agent on, so that the order in which
    months are paid changes nothing. Months before it count as the first.
    Source: docs/money.md, Commissions (the counter itself: one source; by calendar: inferred).
    """
    return max(1, count_months(care.counted_from, month) + 1)


def contribution_lines(terms: Terms, earning: Earning) -> list[Line]:
    """Return the lines that paid contributions earn the agent and the wadah."""
    if not terms.earns(earning.payer):
        return []
    cause = f"payment:{earning.payment_id}"
    indexes = [(paid, month_index(earning.care, paid.month)) for paid in earning.paid]
    return [
        Line(earning, cause, *share, paid.amount, paid, index)
        for paid, index in indexes
        for share in _shares(terms, CommissionRule.CONTRIBUTION, terms.rate_bps(index))
    ]


def acquisition_lines(terms: Terms, earning: Earning) -> list[Line]:
    """Return the lines that one new member earns once the month's threshold is reached."""
    amount = terms.acquisition(earning.programmes)
    return _acquisition(terms, earning, cause=f"member:{earning.member_id}", amount=amount)


def fixed_lines(terms: Terms, earning: Earning) -> list[Line]:
    """Return the lines of the fixed sum for a month that has reached the threshold.

    earning: of one of the new members; its wadah gets the wadah's share.
    """
    cause = f"agent:{earning.care.agent_id}:{earning.month}"
    return _acquisition(terms, earning, cause=cause, amount=terms.acquisition_fixed)


def _acquisition(terms: Terms, earning: Earning, *, cause: str, amount: int) -> list[Line]:
    if not amount:
        return []
    shares = _shares(terms, CommissionRule.ACQUISITION, PARTS)
    return [Line(earning, cause, *share, amount) for share in shares]


def _shares(
    terms: Terms, rule: CommissionRule, rate_bps: int
) -> list[tuple[CommissionRule, BeneficiaryKind, int]]:
    """Return who gets which rate of the base; nobody a rate of nothing."""
    agent_bps = rate_bps * terms.agent_share_bps // PARTS
    wanted = (
        (rule, BeneficiaryKind.AGENT, agent_bps),
        (rule, BeneficiaryKind.WADAH, rate_bps * terms.wadah_share_bps // PARTS),
        (CommissionRule.OVERRIDE, BeneficiaryKind.WADAH, agent_bps * terms.override_bps // PARTS),
    )
    return [share for share in wanted if share[2]]


def lines_of_month(terms: Terms, earnings: Iterable[Earning]) -> list[Line]:
    """Return all that one agent's payments of a month earn, as if they came together."""
    counted = [each for each in earnings if terms.earns(each.payer)]
    lines = [line for each in counted for line in contribution_lines(terms, each)]
    new = [each for each in counted if each.is_new]
    if new and is_reached(terms, len(new)):
        lines += [line for each in new for line in acquisition_lines(terms, each)]
        lines += fixed_lines(terms, new[-1])
    return lines


def is_reached(terms: Terms, new_members: int) -> bool:
    """Tell whether a month's new members reach the threshold."""
    return new_members >= terms.threshold


@dataclass(frozen=True, slots=True)
class Sums:
    """What a beneficiary's lines add up to, by rule, in parts."""

    line_count: int = 0
    contribution_parts: int = 0
    acquisition_parts: int = 0
    override_parts: int = 0

    @property
    def parts(self) -> int:
        return self.contribution_parts + self.acquisition_parts + self.override_parts


def sums_of(lines: Iterable[Line], kind: BeneficiaryKind) -> Sums:
    """Add up the lines of one kind of beneficiary."""
    own = [line for line in lines if line.beneficiary is kind]
    parts = {rule: sum(line.parts for line in own if line.rule is rule) for rule in CommissionRule}
    return Sums(
        line_count=len(own),
        contribution_parts=parts[CommissionRule.CONTRIBUTION],
        acquisition_parts=parts[CommissionRule.ACQUISITION],
        override_parts=parts[CommissionRule.OVERRIDE],
    )
