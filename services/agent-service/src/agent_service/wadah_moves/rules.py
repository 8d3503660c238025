"""Rules for moves to another wadah: first day, who decides, and until when.

Source: docs/domain.md, Moves to another wadah.
"""

from datetime import date
from enum import StrEnum

from agent_service.agent_wadahs.rules import LIVE, WadahMoveStatus
from agent_service.agents.rules import AgentStatus
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.month import Month

MONTHS_AHEAD = 12
"""How far ahead a move can be planned, as hand-overs of members. Our own choice."""


class WadahMoveVerdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class WadahMoveNotFound(NotFound):
    code = "wadah_move_not_found"
    text = "There is no such move to another wadah, or you may not see it."
    text_id = "Perpindahan wadah tidak ditemukan, atau Anda tidak berwenang melihatnya."


class WadahMoveOpen(Conflict):
    """`details`: `wadah_move_id` and `status` of the other move."""

    code = "wadah_move_open"
    text = "Another move of this agent is proposed or planned. Decide or withdraw it first."
    text_id = (
        "Perpindahan lain agen ini sudah diusulkan atau direncanakan. Putuskan atau batalkan dulu."
    )


class WadahMoveFromDateInvalid(Invalid):
    """`details`: `earliest` and `latest`, the first and last possible day."""

    code = "wadah_move_from_date_invalid"
    text = "A move to another wadah begins on the first of a coming month, at most a year ahead."
    text_id = "Perpindahan wadah dimulai tanggal 1 bulan mendatang, paling lama setahun ke depan."


class WadahUnchanged(Conflict):
    code = "wadah_unchanged"
    text = "The agent already belongs to this wadah."
    text_id = "Agen sudah tergabung dalam wadah ini."


class WadahOfAnotherBranch(Conflict):
    code = "wadah_of_another_branch"
    text = "The wadah belongs to another branch. An agent moves within the same branch only."
    text_id = (
        "Wadah ini milik kantor cabang lain. Agen hanya dapat pindah wadah di cabang yang sama."
    )


class WadahNotActiveThen(Conflict):
    """`details["reason"]` is `terminated` or `no_agreement_in_force`."""

    code = "wadah_not_active_then"
    text = "The wadah was terminated, or it has no agreement for the first day of the move."
    text_id = (
        "Wadah sudah diberhentikan, atau tidak ada PKS yang berlaku pada hari pertama perpindahan."
    )


class AgentNotAtWork(Conflict):
    """`details` holds `status`."""

    code = "agent_not_at_work"
    text = "Only an active agent can move to another wadah. Reinstate the agent first."
    text_id = "Hanya agen aktif yang dapat pindah wadah. Aktifkan kembali agen terlebih dahulu."


class WadahMoveDecided(Conflict):
    """`details` holds `status`."""

    code = "wadah_move_decided"
    text = "This move has been decided or withdrawn. Propose another one."
    text_id = "Perpindahan ini sudah diputuskan atau dibatalkan. Ajukan usulan baru."


class OwnWadahMoveProposal(Forbidden):
    code = "own_wadah_move_proposal"
    text = "You cannot approve your own proposal. Another officer must decide."
    text_id = "Anda tidak dapat menyetujui usulan sendiri. Harus diputuskan petugas lain."


class WadahMoveBegun(Conflict):
    """`details` holds `from_date`."""

    code = "wadah_move_begun"
    text = "This move has already taken effect. Propose another move."
    text_id = "Perpindahan ini sudah berlaku. Ajukan perpindahan baru."


def check_from_date(from_date: date, *, today: date) -> None:
    """Check that a move begins on the first of a coming month.

    Raises: WadahMoveFromDateInvalid.
    """
    earliest = Month.of(today).plus(1).first_day
    latest = Month.of(today).plus(MONTHS_AHEAD).first_day
    if from_date.day != 1 or not earliest <= from_date <= latest:
        raise WadahMoveFromDateInvalid(
            field="from_date", earliest=str(earliest), latest=str(latest)
        )


def check_at_work(status: AgentStatus) -> None:
    """Check that an agent is active. Raises: AgentNotAtWork."""
    if status is not AgentStatus.ACTIVE:
        raise AgentNotAtWork(status=status.value)


def check_wadah_active(inactive_reason: str | None) -> None:
    """Check that nothing makes the new wadah inactive on the first day.

    Raises: WadahNotActiveThen.
    """
    if inactive_reason is not None:
        raise WadahNotActiveThen(field="wadah_id", reason=inactive_reason)


def check_decision(
    status: WadahMoveStatus,
    *,
    verdict: WadahMoveVerdict,
    is_own: bool,
    from_date: date,
    today: date,
) -> None:
    """Refuse a decision on a decided move, or the approval of one's own or a late proposal.

    Raises: WadahMoveDecided, OwnWadahMoveProposal, WadahMoveBegun.
    """
    if status is not WadahMoveStatus.PROPOSED:
        raise WadahMoveDecided(status=status.value)
    if verdict is WadahMoveVerdict.REJECTED:
        return
    if is_own:
        raise OwnWadahMoveProposal
    if from_date <= today:
        raise WadahMoveBegun(from_date=str(from_date))


def check_withdrawal(status: WadahMoveStatus, *, from_date: date, today: date) -> None:
    """Check that a move can still be withdrawn. Raises: WadahMoveDecided, WadahMoveBegun.

    A proposal that nobody decided in time can be withdrawn too.
    """
    if status not in LIVE:
        raise WadahMoveDecided(status=status.value)
    if status is WadahMoveStatus.APPROVED and from_date <= today:
        raise WadahMoveBegun(from_date=str(from_date))


def has_begun(status: WadahMoveStatus, *, from_date: date, today: date) -> bool:
    """Tell whether the agent belongs to the new wadah by this move, or has done so."""
    return status is WadahMoveStatus.APPROVED and from_date <= today
