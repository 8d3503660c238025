"""What a statement pays. Source: docs/commissions.md."""

from dataclasses import dataclass
from uuid import UUID

from payment_service.schemes.rules import PARTS
from perisai_kit.domain.errors import Invalid, NotFound
from perisai_kit.domain.month import Month


class StatementNotFound(NotFound):
    code = "statement_not_found"
    text = "There is no such incentive statement, or you may not see it."
    text_id = "Rekap insentif tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BeneficiaryUnclear(Invalid):
    code = "beneficiary_unclear"
    text = "Send exactly one agent_id or one wadah_id."
    text_id = "Isi salah satu saja: agent_id atau wadah_id."


class SchemeForAgentsOnly(Invalid):
    code = "scheme_for_agents_only"
    text = "Another scheme can only be previewed for one agent. Send an agent_id."
    text_id = "Skema lain hanya dapat dicoba untuk satu agen. Isi agent_id."


@dataclass(frozen=True, slots=True)
class EarningsAsked:
    """Which earnings to show; by default the principal's own, in the present month."""

    agent_id: UUID | None = None
    wadah_id: UUID | None = None
    month: Month | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the earlier statements of a beneficiary leave off.

    total_parts: everything booked since the beginning. debt: rupiah that statements took back
    beyond what earlier ones had given.
    """

    total_parts: int = 0
    debt: int = 0

    @property
    def rest(self) -> int:
        """What is left below a rupiah, in parts."""
        return self.total_parts % PARTS

    def after(self, booked_parts: int) -> "Balance":
        """Return the balance after a month."""
        return Due(self, booked_parts).after


@dataclass(frozen=True, slots=True)
class Due:
    """What a month comes to, in parts and whole rupiah; both may be negative.

    Whole rupiah since the beginning, less those stated, is the same as this month's with the rest
    that was carried, rounded down: nothing below a rupiah is ever lost, and a rest is never
    negative.
    """

    before: Balance
    booked_parts: int

    @property
    def after(self) -> Balance:
        """Where the month leaves off."""
        return Balance(self.before.total_parts + self.booked_parts, self.carried_debt)

    @property
    def brought_parts(self) -> int:
        return self.before.rest

    @property
    def amount(self) -> int:
        return (self.brought_parts + self.booked_parts) // PARTS

    @property
    def carried_parts(self) -> int:
        return (self.brought_parts + self.booked_parts) % PARTS

    @property
    def payable(self) -> int:
        """The amount, as far as it does not only make up for a debt."""
        return max(self.amount - self.before.debt, 0)

    @property
    def carried_debt(self) -> int:
        return max(self.before.debt - self.amount, 0)

    @property
    def shown(self) -> dict[str, int]:
        """What statements and previews show of it."""
        return {
            "brought_parts": self.brought_parts,
            "amount": self.amount,
            "carried_parts": self.carried_parts,
            "brought_debt": self.before.debt,
            "payable": self.payable,
            "carried_debt": self.carried_debt,
        }


@dataclass(frozen=True, slots=True)
class PayableStatement:
    """What of a statement may be paid, in rupiah."""

    statement_id: UUID
    month: Month
    payable: int
