"""Which transfers go into a file, and who may let an answer count.

Source: docs/payouts.md, Banks without an API.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from payment_service.payout_formats.rules import (
    AnswerRow,
    AnswerValue,
    Outcome,
    RowError,
    RowProblem,
)
from payment_service.payout_transfers.rules import TransferStatus, is_known, is_possible
from perisai_kit.domain.errors import Conflict, Forbidden, NotFound


class AnswerStatus(StrEnum):
    """confirmed: the worker applies it, row by row."""

    PROPOSED = "proposed"
    REJECTED = "rejected"
    CONFIRMED = "confirmed"
    DONE = "done"


class AnswerVerdict(StrEnum):
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class RowEffect(StrEnum):
    """What a row of an answer does to its payout.

    settles: it becomes what the bank says. none: it is that already. refused: its status does not
    allow it, so that nothing changes.
    """

    SETTLES = "settles"
    NONE = "none"
    REFUSED = "refused"


class PayoutFileNotFound(NotFound):
    code = "payout_file_not_found"
    text = "There is no such payout file."
    text_id = "Berkas pembayaran ini tidak ditemukan."


class PayoutRunByApi(Conflict):
    code = "payout_run_by_api"
    text = "This run is paid through the API of a bank. It has no files."
    text_id = "Proses ini dibayar melalui API bank, jadi tidak memiliki berkas."


class PayoutFileTooLate(Conflict):
    """`details`: `cut_off`, in Jakarta."""

    code = "payout_file_too_late"
    text = "Nothing more is paid from this account today. Make the file tomorrow."
    text_id = "Hari ini rekening ini sudah tidak membayar lagi. Buat berkasnya besok."


class PayoutFileEmpty(Conflict):
    code = "payout_file_empty"
    text = "Nothing of this run waits for a file, or the limit of the day is reached."
    text_id = "Tidak ada pembayaran yang menunggu berkas, atau batas harian sudah tercapai."


class PayoutFileUnready(Conflict):
    code = "payout_file_unready"
    text = "The payouts of this run are being checked before they go. Try again in a minute."
    text_id = (
        "Pembayaran pada proses ini masih diperiksa sebelum dikirim. Coba lagi satu menit kemudian."
    )


class PayoutAnswerNotFound(NotFound):
    code = "payout_answer_not_found"
    text = "There is no such answer to this file."
    text_id = "Jawaban untuk berkas ini tidak ditemukan."


class PayoutAnswerOpen(Conflict):
    code = "payout_answer_open"
    text = "Another answer to this file waits for a decision. Decide on it first."
    text_id = "Jawaban lain untuk berkas ini menunggu keputusan. Putuskan dahulu jawaban itu."


class PayoutAnswerDecided(Conflict):
    """`details`: `status`, what it is."""

    code = "payout_answer_decided"
    text = "This answer has been decided."
    text_id = "Jawaban ini sudah diputuskan."


class OwnPayoutAnswer(Forbidden):
    code = "own_payout_answer"
    text = "You cannot confirm an answer that you uploaded. Another person must decide."
    text_id = "Anda tidak dapat mengesahkan jawaban yang Anda unggah. Harus diputuskan orang lain."


@dataclass(frozen=True, slots=True)
class SentTransfer:
    """A transfer in a file; amount in rupiah."""

    transfer_id: UUID
    amount: int
    status: TransferStatus


STATUSES = {
    Outcome.PAID: TransferStatus.PAID,
    Outcome.FAILED: TransferStatus.FAILED,
    Outcome.RETURNED: TransferStatus.RETURNED,
}


def list_errors(rows: Iterable[AnswerRow], sent: Mapping[str, SentTransfer]) -> list[RowError]:
    """Return what is wrong with the rows of an answer. sent: what the file has, by reference."""
    errors, seen = [], set[str]()
    for row in rows:
        transfer = sent.get(row.partner_reference_no)
        problem: tuple[AnswerValue, RowProblem] | None = None
        if transfer is None:
            problem = AnswerValue.PARTNER_REFERENCE_NO, RowProblem.UNKNOWN_REFERENCE
        elif row.partner_reference_no in seen:
            problem = AnswerValue.PARTNER_REFERENCE_NO, RowProblem.DUPLICATE
        elif row.amount != transfer.amount:
            problem = AnswerValue.AMOUNT, RowProblem.OTHER_AMOUNT
        elif not is_possible(at=transfer.status, to=STATUSES[row.outcome]):
            problem = AnswerValue.STATUS, RowProblem.STATUS_NOT_POSSIBLE
        seen.add(row.partner_reference_no)
        if problem is not None:
            errors.append(RowError(row.row, problem[0].value, problem[1]))
    return errors


def fill_days(rows: Iterable[AnswerRow], day: date | None) -> list[AnswerRow]:
    """Return the rows with the day of each that moved money: the bank's, else the officer's.

    day: of the officer who uploads the answer; None: they gave none.
    """
    return [
        replace(row, executed_on=(row.executed_on or day) if is_moved(row.outcome) else None)
        for row in rows
    ]


def list_missing_days(rows: Iterable[AnswerRow]) -> list[RowError]:
    """Return the rows that moved money on a day that neither the bank nor the officer gives."""
    return [
        RowError(row.row, AnswerValue.EXECUTED_ON.value, RowProblem.DAY_MISSING)
        for row in rows
        if is_moved(row.outcome) and row.executed_on is None
    ]


def is_moved(outcome: Outcome) -> bool:
    """Tell whether the bank moved money, as far as it says."""
    return outcome is not Outcome.FAILED


def find_effect(at: TransferStatus, outcome: Outcome, *, may_be_paid_late: bool) -> RowEffect:
    """Return what a row does to a transfer of this status.

    may_be_paid_late: whether its payout may still turn out paid, if it failed.
    """
    to = STATUSES[outcome]
    if is_known(at=at, to=to):
        return RowEffect.NONE
    is_too_late = at is TransferStatus.FAILED and not may_be_paid_late
    can_follow = is_possible(at=at, to=to) and not is_too_late
    return RowEffect.SETTLES if can_follow else RowEffect.REFUSED


def choose_rows(waiting: Iterable[tuple[UUID, int]], *, room: int, max_rows: int) -> list[UUID]:
    """Return the transfers that go into a file, in their order, as far as the day has room.

    waiting: id and rupiah. room: rupiah.
    """
    chosen: list[UUID] = []
    for transfer_id, amount in waiting:
        if len(chosen) == max_rows or amount > room:
            break
        room -= amount
        chosen.append(transfer_id)
    return chosen


def check_decision(status: AnswerStatus, *, verdict: AnswerVerdict, is_own: bool) -> None:
    """Refuse to decide twice, or to confirm one's own upload; one's own may be rejected.

    Raises: PayoutAnswerDecided, OwnPayoutAnswer.
    """
    if status is not AnswerStatus.PROPOSED:
        raise PayoutAnswerDecided(status=status.value)
    if is_own and verdict is AnswerVerdict.CONFIRMED:
        raise OwnPayoutAnswer
