"""What the feeds would tell of a village, and what it all earns, computed in a second way.

For the tests of this service; nothing here is used by the service itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month, list_months
from perisai_kit.events.catalogue import (
    MemberAttributed,
    Payer,
    PaymentSettled,
    Programme,
    SettledLine,
)

Prices = dict[Programme, tuple[int, int]]
"""Paid and waived, by programme."""
FULL: Prices = {"jkk": (10_000, 0), "jkm": (6_800, 0), "jht": (20_000, 0)}
TWO: Prices = {"jkk": (10_000, 0), "jkm": (6_800, 0)}
RELIEVED: Prices = {"jkk": (5_000, 5_000), "jkm": (3_400, 3_400), "jht": (20_000, 0)}


def noon(month: Month, day: int = 10) -> datetime:
    """Return noon in Jakarta on a day of a month."""
    return datetime(month.year, month.month, day, 12, tzinfo=JAKARTA)


@dataclass
class Village:
    """An agent, the wadah, and what the two feeds tell of the members, in the feeds' order."""

    agent_id: UUID = field(default_factory=new_id)
    wadah_id: UUID = field(default_factory=new_id)
    branch_code: str = "BWI"
    region_code: str = "JTM"
    attributed: list[MemberAttributed] = field(default_factory=list)
    settled: list[PaymentSettled] = field(default_factory=list)

    def attribute(
        self, from_month: Month, *, member_id: UUID | None = None, new_to_bpu: bool = True
    ) -> MemberAttributed:
        """Give a member into the agent's care."""
        event = MemberAttributed(
            attribution_id=new_id(),
            member_id=member_id or new_id(),
            agent_id=self.agent_id,
            wadah_id=self.wadah_id,
            branch_code=self.branch_code,
            region_code=self.region_code,
            from_month=from_month,
            new_to_bpu=new_to_bpu,
        )
        self.attributed.append(event)
        return event

    def settle(
        self,
        care: MemberAttributed,
        *,
        paid_at: datetime | None = None,
        first_month: Month | None = None,
        month_count: int = 1,
        prices: Prices = FULL,
        payer: Payer = "self",
    ) -> PaymentSettled:
        """Let a member pay, by default for the first month with the agent, in that month."""
        first = first_month or care.from_month
        event = settled(
            care.member_id,
            paid_at=paid_at or noon(first),
            months=list_months(first, month_count),
            prices=prices,
            payer=payer,
            care=care,
        )
        self.settled.append(event)
        return event

    def enrol(
        self, count: int, month: Month, *, prices: Prices = FULL, new_to_bpu: bool = True
    ) -> list[PaymentSettled]:
        """Bring so many members who pay in the same month."""
        return [
            self.settle(self.attribute(month, new_to_bpu=new_to_bpu), prices=prices)
            for _ in range(count)
        ]


def settled(
    member_id: UUID,
    *,
    paid_at: datetime,
    months: Sequence[Month],
    prices: Prices = FULL,
    payer: Payer = "self",
    care: MemberAttributed | None = None,
) -> PaymentSettled:
    """Return what our own feed tells of a payment, with or without an agent."""
    lines = tuple(
        SettledLine(month=month, programme=programme, amount=amount, relief=relief)
        for month in months
        for programme, (amount, relief) in prices.items()
    )
    return PaymentSettled(
        payment_id=new_id(),
        bill_id=new_id(),
        member_id=member_id,
        partner_id=new_id(),
        amount=sum(line.amount for line in lines),
        issued_at=paid_at,
        paid_at=paid_at,
        received_at=paid_at,
        attribution_id=care.attribution_id if care else None,
        agent_id=care.agent_id if care else None,
        wadah_id=care.wadah_id if care else None,
        payer=payer,
        lines=lines,
    )


Earned = dict[tuple[UUID, Month], Fraction]


def recompute(attributed: Iterable[MemberAttributed], settled: Iterable[PaymentSettled]) -> Earned:
    """Return what agents and wadahs earn, in rupiah by month, from both feeds from the beginning.

    A second implementation, of the scheme of 2022 alone: whole months at a time, in fractions,
    from the events and nothing else. No month is closed meanwhile.
    """
    care = {each.attribution_id: each for each in attributed}
    earned: Earned = defaultdict(Fraction)
    bonuses: dict[tuple[UUID, Month], list[tuple[UUID, int]]] = defaultdict(list)
    seen: set[UUID] = set()
    for payment in settled:
        is_first = payment.member_id not in seen
        seen.add(payment.member_id)
        if payment.attribution_id is None or payment.agent_id is None:
            continue
        who = care[payment.attribution_id]
        local = payment.paid_at.astimezone(JAKARTA)
        month = Month(local.year, local.month)
        share = _share(payment, since=_since(care.values(), who.member_id))
        earned[who.agent_id, month] += share
        earned[who.wadah_id, month] += share / 10
        if is_first and who.new_to_bpu:
            bonuses[who.agent_id, month].append((who.wadah_id, _bonus(payment)))
    for (agent_id, month), given in bonuses.items():
        for wadah_id, bonus in given if len(given) >= 25 else ():
            earned[agent_id, month] += bonus
            earned[wadah_id, month] += Fraction(bonus, 10)
    return {key: value for key, value in earned.items() if value}


def _since(care: Iterable[MemberAttributed], member_id: UUID) -> Month:
    return min(each.from_month for each in care if each.member_id == member_id)


def _share(payment: PaymentSettled, *, since: Month) -> Fraction:
    share = Fraction(0)
    for line in payment.lines:
        age = (line.month.year - since.year) * 12 + line.month.month - since.month
        share += Fraction(line.amount * (15 if age < 24 else 5 if age < 60 else 0), 100)
    return share


def _bonus(payment: PaymentSettled) -> int:
    first = min(line.month for line in payment.lines)
    return {3: 15_000, 2: 10_000}.get(sum(line.month == first for line in payment.lines), 0)
