"""For whom a member's contributions count. Written once, never changed; the latest one counts."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from perisai_kit.domain.errors import Conflict, Invalid
from perisai_kit.domain.month import Month


class AttributionReason(StrEnum):
    ENROLLED = "enrolled"
    AGENT_LEFT = "agent_left"
    MEMBER_ASKED = "member_asked"
    CORRECTION = "correction"
    BRANCH_DECISION = "branch_decision"


@dataclass(frozen=True, slots=True)
class Place:
    """Agent and wadah, or neither, and the branch they belong to."""

    agent_id: UUID | None
    wadah_id: UUID | None
    branch_code: str
    region_code: str


class AgentUnknown(Conflict):
    code = "agent_unknown"
    text = "There is no active agent with this id in your scope."
    text_id = "Agen tidak ditemukan, tidak aktif, atau di luar wilayah Anda."


class AttributionUnchanged(Conflict):
    code = "attribution_unchanged"
    text = "The member already has this attribution."
    text_id = "Peserta ini sudah tercatat pada agen tersebut."


class AttributionIdTaken(Conflict):
    code = "attribution_id_taken"
    text = "Another attribution has this id. Create a new id."
    text_id = "ID ini sudah dipakai atribusi lain. Buat ID baru."


class FromMonthOutOfRange(Invalid):
    code = "from_month_out_of_range"
    text = "An attribution can only begin this month or next month."
    text_id = "Atribusi hanya dapat dimulai bulan ini atau bulan depan."


class ReasonReserved(Invalid):
    code = "reason_reserved"
    text = "This reason is only valid at enrolment."
    text_id = "Alasan ini hanya berlaku saat pendaftaran."


def check_change(*, from_month: Month, reason: AttributionReason, this_month: Month) -> None:
    """Refuse what cannot be a change of attribution.

    Never in the past: what was paid stays with whom it was paid for.
    Raises: FromMonthOutOfRange, ReasonReserved.
    """
    if not this_month <= from_month <= this_month.plus(1):
        raise FromMonthOutOfRange(field="from_month")
    if reason is AttributionReason.ENROLLED:
        raise ReasonReserved(field="reason")
