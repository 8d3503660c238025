"""What an agent and a wadah are owed in the end, from what happened to their members and at banks.

Written from docs/commissions.md ("Incentives that are held", "Payouts") and the model, not from the
service: it knows no statement, no deduction and no order, only who earned what, and what was paid.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from perisai_kit.domain.month import Month


@dataclass
class Oracle:
    """Payments by the month in which they count; rupiah that banks have paid, by beneficiary.

    shares: rupiah of each payment, by beneficiary.
    """

    shares: dict[UUID, int]
    standing: dict[UUID, Month] = field(default_factory=dict)
    stated: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    paid: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))

    def close(self, month: Month) -> None:
        """State what stands: of what was taken back nobody earns anything."""
        count = sum(1 for each in self.standing.values() if each <= month)
        for who, share in self.shares.items():
            self.stated[who] = share * count

    def find_lost(self, who: UUID) -> int:
        """Return what is forfeited once all is decided and paid: what was never paid of it."""
        return max(self.stated[who] - self.paid[who], 0)

    def find_debt(self, who: UUID) -> int:
        """Return what is owed back once all is decided and paid: what was paid beyond it."""
        return max(self.paid[who] - self.stated[who], 0)

    def earned_in(self, who: UUID, months: Collection[Month]) -> int:
        """Return what stands of these months: no more than that can be forfeited of them."""
        counts = Counter(self.standing.values())
        return self.shares[who] * sum(counts[each] for each in months)
