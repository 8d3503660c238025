"""What a statement pays. Source: docs/money.md, Commissions."""

from dataclasses import dataclass

from payment_service.schemes.rules import PARTS
from perisai_kit.domain.errors import Invalid, NotFound


class StatementNotFound(NotFound):
    code = "statement_not_found"
    text = "There is no such commission statement, or you may not see it."
    text_id = "Rekap insentif tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BeneficiaryNotFound(NotFound):
    code = "beneficiary_not_found"
    text = "There is no agent or wadah with earnings and this id, or you may not see them."
    text_id = "Insentif agen atau wadah ini tidak ditemukan, atau Anda tidak berwenang melihatnya."


class BeneficiaryUnclear(Invalid):
    code = "beneficiary_unclear"
    text = "Send exactly one agent_id or one wadah_id."
    text_id = "Isi salah satu saja: agent_id atau wadah_id."


class SchemeForAgentsOnly(Invalid):
    code = "scheme_for_agents_only"
    text = "Another scheme can only be previewed for one agent. Send an agent_id."
    text_id = "Skema lain hanya dapat dicoba untuk satu agen. Isi agent_id."


@dataclass(frozen=True, slots=True)
class Due:
    """What a month's earnings pay. brought, earned, carried: parts; amount: whole rupiah.

    Whole rupiah earned since the beginning, less those stated, is the same as this month's with
    the rest that was carried: nothing below a rupiah is ever lost.
    """

    brought_parts: int
    earned_parts: int

    @property
    def amount(self) -> int:
        return (self.brought_parts + self.earned_parts) // PARTS

    @property
    def carried_parts(self) -> int:
        return (self.brought_parts + self.earned_parts) % PARTS


def due(*, total_before: int, earned_parts: int) -> Due:
    """Return what a month pays. total_before: everything earned in earlier months, in parts."""
    return Due(total_before % PARTS, earned_parts)
