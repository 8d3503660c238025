"""What an allocation earns, for whom, under a scheme; and what is to be booked when that changes.

Source: docs/commissions.md. Amounts are exact: integers of 1/10,000 rupiah ("parts"), so
that neither the order of allocations nor the month of a statement can change a sum.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self, TypeAlias
from uuid import UUID

from payment_service.counting.rules import (
    AgentMonth,
    AnsweredAllocation,
    BeneficiaryKind,
    Crossing,
)
from payment_service.schemes.rules import PARTS, Applied
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


class CommissionCause(StrEnum):
    """What of an allocation earns. month_target: that it reached the threshold of its month."""

    CONTRIBUTION = "contribution"
    ACQUISITION = "acquisition"
    MONTH_TARGET = "month_target"


class CorrectionReason(StrEnum):
    """Why an opposite line takes a line back."""

    PAYMENT_DECLINED = "payment_declined"
    MONTH_WITHDRAWN = "month_withdrawn"
    ATTRIBUTION_CHANGED = "attribution_changed"
    AGENT_NOT_AT_WORK = "agent_not_at_work"
    NO_ACQUISITION = "no_acquisition"
    THRESHOLD_MISSED = "threshold_missed"
    BONUS_HELD = "bonus_held"
    RECOMPUTED = "recomputed"


LineKey: TypeAlias = tuple[
    UUID, CommissionCause, Month | None, str | None, CommissionRule, BeneficiaryKind
]


@dataclass(frozen=True, slots=True)
class Line:
    """What one beneficiary earns by one rule from one allocation.

    earned_month: of the instant from which the allocation counts. base: rupiah; negative where the
    line takes another one back. rate_bps: of the base.
    """

    allocation_id: UUID
    payment_id: UUID
    member_id: UUID
    agent_id: UUID
    earned_month: Month
    scheme_id: UUID
    cause: CommissionCause
    rule: CommissionRule
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    base: int
    rate_bps: int
    contribution_month: Month | None = None
    programme: str | None = None
    month_index: int | None = None

    @property
    def parts(self) -> int:
        """The exact amount in 1/10,000 rupiah."""
        return self.base * self.rate_bps

    @property
    def key(self) -> LineKey:
        """What has at most one line that stands."""
        what = (self.cause, self.contribution_month, self.programme)
        return (self.allocation_id, *what, self.rule, self.beneficiary_kind)

    def opposite(self) -> Self:
        """Return the line that takes this one back."""
        return replace(self, base=-self.base)


def month_index(first_month: Month, month: Month) -> int:
    """Return which month of the registration a contribution month is, from 1, by the calendar.

    Source: docs/commissions.md (the counter itself: one source; by calendar: inferred).
    """
    return count_months(first_month, month) + 1


def lines_of(allocation: AnsweredAllocation, scheme: Applied, crossing: UUID | None) -> list[Line]:
    """Return all lines that an allocation earns.

    crossing: the allocation by which the agent's month reached the threshold, if it has.
    """
    agent_id = allocation.earner
    if agent_id is None or not scheme.terms.earns(allocation.payer):
        return []
    lines = contribution_lines(allocation, agent_id, scheme)
    if allocation.is_acquisition and crossing is not None:
        lines += _acquisition_lines(allocation, agent_id, scheme)
        if crossing == allocation.allocation_id:
            lines += _target_lines(allocation, agent_id, scheme)
    return lines


def lines_now(
    allocation: AnsweredAllocation,
    scheme: Applied | None,
    crossings: Mapping[AgentMonth, Crossing],
    held: Collection[AgentMonth],
) -> list[Line]:
    """Return all lines that an allocation earns beside what else its agent's month holds.

    scheme: None: none had begun. crossings: by which allocations agents' months have reached the
    threshold. held: agents' months whose acquisition bonus is under review or refused.
    """
    if scheme is None:
        return []
    pair = allocation.acquiring
    crossing = None if pair is None or pair in held else crossings.get(pair)
    return lines_of(allocation, scheme, crossing and crossing.allocation_id)


def contribution_lines(
    allocation: AnsweredAllocation, agent_id: UUID, scheme: Applied
) -> list[Line]:
    """Return the lines that paid contributions earn the agent and the wadah."""
    assert allocation.first_month is not None, "months count within a registration"
    lines = []
    for paid in allocation.paid:
        if paid.month in allocation.months:
            index = month_index(allocation.first_month, paid.month)
            lines += _shares(
                allocation,
                agent_id,
                scheme,
                CommissionCause.CONTRIBUTION,
                base=paid.amount,
                rate_bps=scheme.terms.rate_bps(index),
                contribution=(paid.month, paid.programme, index),
            )
    return lines


def _acquisition_lines(
    allocation: AnsweredAllocation, agent_id: UUID, scheme: Applied
) -> list[Line]:
    base = scheme.terms.acquisition(allocation.programmes)
    return _shares(allocation, agent_id, scheme, CommissionCause.ACQUISITION, base=base)


def _target_lines(allocation: AnsweredAllocation, agent_id: UUID, scheme: Applied) -> list[Line]:
    base = scheme.terms.acquisition_fixed
    return _shares(allocation, agent_id, scheme, CommissionCause.MONTH_TARGET, base=base)


def _shares(
    allocation: AnsweredAllocation,
    agent_id: UUID,
    scheme: Applied,
    cause: CommissionCause,
    *,
    base: int,
    rate_bps: int = PARTS,
    contribution: tuple[Month, str, int] | tuple[None, None, None] = (None, None, None),
) -> list[Line]:
    """Return who gets which rate of the base; nobody a rate of nothing.

    contribution: month, programme and month index.
    """
    terms, agent, wadah = scheme.terms, BeneficiaryKind.AGENT, BeneficiaryKind.WADAH
    is_contribution = cause is CommissionCause.CONTRIBUTION
    rule = CommissionRule.CONTRIBUTION if is_contribution else CommissionRule.ACQUISITION
    month, programme, index = contribution
    agent_bps = rate_bps * terms.agent_share_bps // PARTS
    wanted = [
        (rule, agent, agent_id, agent_bps),
        (rule, wadah, allocation.wadah_id, rate_bps * terms.wadah_share_bps // PARTS),
        (
            CommissionRule.OVERRIDE,
            wadah,
            allocation.wadah_id,
            agent_bps * terms.override_bps // PARTS,
        ),
    ]
    return [
        Line(
            allocation_id=allocation.allocation_id,
            payment_id=allocation.payment_id,
            member_id=allocation.member_id,
            agent_id=agent_id,
            earned_month=allocation.month,
            scheme_id=scheme.id,
            cause=cause,
            rule=each_rule,
            beneficiary_kind=kind,
            beneficiary_id=beneficiary_id,
            base=base,
            rate_bps=share_bps,
            contribution_month=month,
            programme=programme,
            month_index=index,
        )
        for each_rule, kind, beneficiary_id, share_bps in wanted
        if beneficiary_id is not None and base and share_bps
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """The last line booked of a key. line: None where it was taken back. entry_no: from 1."""

    entry_no: int
    line: Line | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line to be booked. reason: of a line that takes another one back."""

    line: Line
    entry_no: int
    reason: CorrectionReason | None = None


def entries_of(
    allocation: AnsweredAllocation,
    wanted: Iterable[Line],
    booked: Mapping[LineKey, Standing],
    *,
    is_held: bool = False,
) -> list[Entry]:
    """Return what is to be booked so that exactly the wanted lines of an allocation stand.

    booked: the lines of this allocation. is_held: whether the acquisition bonus of the agent's
    month is under review or refused.
    """
    lines = {line.key: line for line in wanted}
    entries = []
    for key in sorted({*booked, *lines}, key=_order):
        standing, line = booked.get(key, Standing(0, None)), lines.get(key)
        if standing.line == line:
            continue
        entry_no = standing.entry_no
        if standing.line is not None:
            entry_no += 1
            is_replaced = line is not None
            reason = find_reason(
                allocation, standing.line, is_replaced=is_replaced, is_held=is_held
            )
            entries.append(Entry(standing.line.opposite(), entry_no, reason))
        if line is not None:
            entries.append(Entry(line, entry_no + 1))
    return entries


def find_reason(
    allocation: AnsweredAllocation, line: Line, *, is_replaced: bool, is_held: bool
) -> CorrectionReason:
    """Return why a line of an allocation does not stand any more, by what is known now."""
    month = line.contribution_month
    if allocation.is_declined:
        return CorrectionReason.PAYMENT_DECLINED
    if not allocation.months or (month is not None and month not in allocation.months):
        return CorrectionReason.MONTH_WITHDRAWN
    is_wadah = line.beneficiary_kind is BeneficiaryKind.WADAH
    if line.agent_id != allocation.agent_id or (
        is_wadah and line.beneficiary_id != allocation.wadah_id
    ):
        return CorrectionReason.ATTRIBUTION_CHANGED
    if not allocation.was_at_work:
        return CorrectionReason.AGENT_NOT_AT_WORK
    if is_replaced or line.cause is CommissionCause.CONTRIBUTION:
        return CorrectionReason.RECOMPUTED
    if not allocation.is_acquisition:
        return CorrectionReason.NO_ACQUISITION
    return CorrectionReason.BONUS_HELD if is_held else CorrectionReason.THRESHOLD_MISSED


def _order(key: LineKey) -> tuple[str, ...]:
    """Return by what the keys of one allocation are sorted."""
    return tuple(map(str, key[1:]))


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


@dataclass(frozen=True, slots=True)
class Booked:
    """What is booked for a beneficiary of what counted in a month, in parts."""

    earned_month: Month
    beneficiary_kind: BeneficiaryKind
    beneficiary_id: UUID
    parts: int


def sums_of(lines: Iterable[Line], kind: BeneficiaryKind) -> Sums:
    """Add up the lines of one kind of beneficiary."""
    own = [line for line in lines if line.beneficiary_kind is kind]
    parts = {rule: sum(line.parts for line in own if line.rule is rule) for rule in CommissionRule}
    return Sums(
        line_count=len(own),
        contribution_parts=parts[CommissionRule.CONTRIBUTION],
        acquisition_parts=parts[CommissionRule.ACQUISITION],
        override_parts=parts[CommissionRule.OVERRIDE],
    )


def lines_of_month(scheme: Applied, allocations: Iterable[AnsweredAllocation]) -> list[Line]:
    """Return all that one agent's allocations of a month earn."""
    found = list(allocations)
    new = sorted(
        (each.counts_at, each.allocation_id)
        for each in found
        if each.acquirer and scheme.terms.earns(each.payer)
    )
    needed = scheme.terms.threshold
    crossing = new[needed - 1][1] if len(new) >= needed else None
    return [line for each in found for line in lines_of(each, scheme, crossing)]
