"""Make files of payouts, and let a bank's answer count: the transfer functions of `payouts` decide.

A file is made once: its transfers are marked as sent and its bytes are stored in one transaction,
which is committed before anybody can have the file. So nothing is ever in two files, and what the
bank does not answer is never sent again.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts import service as payout_accounts
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payout_accounts.rules import PayoutChannel
from payment_service.payout_files import queries, rules
from payment_service.payout_files.models import PayoutAnswer, PayoutAnswerRow, PayoutFile
from payment_service.payout_files.rules import (
    AnswerStatus,
    AnswerVerdict,
    RowEffect,
    SentTransfer,
)
from payment_service.payout_formats import rules as format_rules
from payment_service.payout_formats import service as formats
from payment_service.payout_formats.rules import (
    AnswerRow,
    FileRow,
    Outcome,
    RowError,
    RowProblem,
)
from payment_service.payout_releases import service as payout_releases
from payment_service.payout_runs import queries as run_queries
from payment_service.payout_runs.rules import (
    PayoutRunNotFound,
    PayoutRunStatusConflict,
    RunStatus,
)
from payment_service.payout_sending import queries as sending_queries
from payment_service.payout_sending.rules import is_open
from payment_service.payout_sending.service import REMARK
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import (
    PayoutTransferStatusConflict,
    Report,
    TransferSource,
    check_execution_day,
)
from payment_service.payouts import service as payouts
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutPayee, may_be_paid_late
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date, midnight
from perisai_kit.http.paging import Slice, cut_page, parse_bigint, read_cursor
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class AnswerRowSeen:
    """A row of an answer with its attempt and payout. effect: None once nothing is to come."""

    row: PayoutAnswerRow
    transfer: PayoutTransfer
    payout: Payout
    is_applied: bool
    effect: RowEffect | None


async def make(session: AsyncSession, run_id: UUID, *, by: UUID) -> PayoutFile:
    """Make the next file of a released run: what is in it counts as sent from now on.

    Locks the run, the account, the payouts and their attempts.
    Raises: PayoutRunNotFound, PayoutRunStatusConflict, PayoutRunByApi, PayoutsStopped,
    PayoutAccountNotActive, PayoutFileTooLate, PayoutFileUnready, PayoutFileEmpty,
    PayoutFormatUnknown, TaxDueChanged.
    """
    run = await run_queries.lock_run(session, run_id)
    if run is None:
        raise PayoutRunNotFound
    if run.status is not RunStatus.RELEASED:
        raise PayoutRunStatusConflict(status=run.status.value)
    account = await _lock_account(session, run.payout_account_id)
    if run.begun_sending_at is None:
        raise rules.PayoutFileUnready
    form = formats.get(account.file_format or "")
    waiting = await queries.list_waiting(session, run_id, limit=form.max_rows)
    room = account.daily_cap - await _sum_sent(session, account.id)
    chosen = rules.choose_rows(waiting, room=room, max_rows=form.max_rows)
    if not chosen:
        raise rules.PayoutFileEmpty
    await payout_releases.check_tax(session, run_id)
    for transfer_id in chosen:
        await payouts.mark_sent(
            session,
            transfer_id,
            external_id=None,
            request_timestamp=None,
            next_inquiry_at=None,
            source=TransferSource.OFFICER,
            by=by,
        )
    found = await queries.list_payouts(session, chosen)
    file = PayoutFile(id=new_id())
    file.run_id, file.payout_account_id, file.file_format = run_id, account.id, form.name
    file.row_count, file.amount = len(found), sum(transfer.amount for transfer, _ in found)
    written = [_row(transfer, payout) for transfer, payout in found]
    file.content = format_rules.write_file(form, written, on=clock.today())
    file.made_by, file.made_at = by, clock.now()
    rows = [
        {"file_id": file.id, "row_no": number, "transfer_id": id_}
        for number, id_ in enumerate(chosen, 1)
    ]
    await queries.insert_file(session, file, rows)
    return file


async def get(session: AsyncSession, file_id: UUID) -> PayoutFile:
    """Return a file without its rows. Raises: PayoutFileNotFound."""
    file = await queries.find_file(session, file_id)
    if file is None:
        raise rules.PayoutFileNotFound
    return file


async def read_content(session: AsyncSession, file_id: UUID) -> tuple[PayoutFile, bytes]:
    """Return the bytes of a file, always the same, and record whose accounts were read.

    Raises: PayoutFileNotFound, PayoutsStopped.
    """
    file = await get(session, file_id)
    await payout_accounts.check_not_stopped(session)
    audit_read(await queries.list_agents(session, file_id))
    return file, file.content


async def list_files(
    session: AsyncSession, *, run_id: UUID | None, cursor: str | None, limit: int
) -> Slice[PayoutFile]:
    """Return files, the latest first. Raises: CursorInvalid."""
    rows = await queries.list_files(
        session, run_id=run_id, before_id=read_cursor(cursor, UUID), limit=limit + 1
    )
    return cut_page(rows, limit, key=lambda row: row.id)


async def propose_answer(
    session: AsyncSession, file_id: UUID, content: bytes, *, executed_on: date | None, by: UUID
) -> PayoutAnswer:
    """Take a bank's answer to a file, all of it or nothing; another officer lets it count.

    The same content again is the answer there is, from any officer. executed_on: the bank's day of
    the rows that do not state it; None: each row states its own.
    Raises: PayoutFileNotFound, ExecutionDayImpossible, PayoutAnswerRefused, PayoutAnswerOpen.
    """
    file = await get(session, file_id)
    digest = hashlib.sha256(content).digest()
    known = await queries.find_same(session, file_id, digest)
    if known is not None:
        return known
    if executed_on is not None:
        made_on, today = jakarta_date(file.made_at), clock.today()
        check_execution_day(executed_on, is_moved=True, sent_on=made_on, today=today)
    read = format_rules.read_answer(formats.get(file.file_format), content)
    rows = rules.fill_days(read, executed_on)
    sent = await queries.find_sent(session, file_id)
    errors = rules.list_errors(rows, sent) or rules.list_missing_days(rows)
    if errors:
        _report_contradictions(rows, errors, sent)
        format_rules.refuse(errors)
    answer = PayoutAnswer(id=new_id())
    answer.file_id, answer.digest, answer.content = file_id, digest, content
    answer.status, answer.row_count = AnswerStatus.PROPOSED, len(rows)
    answer.paid_amount = _sum(rows, Outcome.PAID)
    answer.failed_amount = _sum(rows, Outcome.FAILED)
    answer.returned_amount = _sum(rows, Outcome.RETURNED)
    answer.applied_count = answer.refused_count = 0
    answer.proposed_by, answer.proposed_at = by, clock.now()
    stored = [
        {
            "answer_id": answer.id,
            "position": position,
            "transfer_id": sent[row.partner_reference_no].transfer_id,
            "outcome": row.outcome,
            "reference_no": row.reference_no,
            "response_code": row.response_code,
            "executed_on": row.executed_on,
        }
        for position, row in enumerate(rows, 1)
    ]
    made = await queries.insert_once_answer(session, answer, stored)
    if made is None:
        made = await queries.find_same(session, file_id, digest)
    if made is None:
        raise rules.PayoutAnswerOpen
    return made


async def decide(
    session: AsyncSession, file_id: UUID, answer_id: UUID, *, verdict: AnswerVerdict, by: UUID
) -> PayoutAnswer:
    """Confirm or reject an answer that somebody else uploaded; the worker applies it.

    Raises: PayoutAnswerNotFound, PayoutAnswerDecided, OwnPayoutAnswer.
    """
    answer = await queries.lock_answer(session, file_id, answer_id)
    if answer is None:
        raise rules.PayoutAnswerNotFound
    rules.check_decision(answer.status, verdict=verdict, is_own=answer.proposed_by == by)
    answer.status = AnswerStatus(verdict)
    answer.decided_by, answer.decided_at = by, clock.now()
    await session.flush()
    return answer


async def list_answers(session: AsyncSession, file_id: UUID) -> Sequence[PayoutAnswer]:
    """Return the answers to a file, the oldest first. Raises: PayoutFileNotFound."""
    await get(session, file_id)
    return await queries.list_answers(session, file_id)


async def has_confirmed(session: AsyncSession) -> bool:
    """Tell whether an answer that was confirmed waits to be applied."""
    return await queries.has_confirmed(session)


async def list_answer_rows(
    session: AsyncSession, file_id: UUID, answer_id: UUID, *, cursor: str | None, limit: int
) -> Slice[AnswerRowSeen]:
    """Return the rows of an answer in its order, with what they do, and record the reading.

    Raises: PayoutAnswerNotFound, CursorInvalid.
    """
    after = read_cursor(cursor, parse_bigint) or 0
    answer = await queries.find_answer(session, file_id, answer_id)
    if answer is None:
        raise rules.PayoutAnswerNotFound
    found = await queries.list_rows(session, answer_id, after=after, limit=limit + 1)
    seen = [_see(answer, *each) for each in found]
    page = cut_page(seen, limit, key=lambda each: each.row.position)
    payouts_shown = [each.payout for each in page.items]
    audit_read([each.payee_id for each in payouts_shown if each.payee_kind is PayoutPayee.AGENT])
    return page


async def apply_next(session: AsyncSession) -> bool:
    """Apply one row of the first answer that was confirmed; return whether there may be more.

    One row a transaction, because payouts are locked by payee and an answer has its own order.
    After the last row, what the bank said nothing about becomes unknown: two officers settle it.
    """
    answer = await queries.lock_confirmed(session)
    if answer is None:
        return False
    if answer.applied_count < answer.row_count:
        row = await queries.find_row(session, answer.id, answer.applied_count + 1)
        assert row is not None, "an answer has as many rows as it says"
        answer.refused_count += not await _apply(session, row)
        answer.applied_count += 1
    elif (transfer_id := await queries.find_unanswered(session, answer.file_id)) is not None:
        report = Report(TransferSource.BANK_FILE)
        with suppress(PayoutTransferStatusConflict):
            await payouts.mark_unknown(session, transfer_id, report, next_inquiry_at=None)
    else:
        answer.status, answer.done_at = AnswerStatus.DONE, clock.now()
    await session.flush()
    return True


async def _apply(session: AsyncSession, row: PayoutAnswerRow) -> bool:
    """Settle a transfer as a row says; False where its status does not allow it any more."""
    report = Report(
        TransferSource.BANK_FILE,
        response_code=row.response_code,
        reference_no=row.reference_no,
        executed_on=row.executed_on,
    )
    try:
        match row.outcome:
            case Outcome.PAID:
                await payouts.mark_paid(session, row.transfer_id, report)
            case Outcome.FAILED:
                await payouts.mark_failed(session, row.transfer_id, report)
            case Outcome.RETURNED:
                await payouts.mark_returned(session, row.transfer_id, report)
    except PayoutTransferStatusConflict:
        # Settled otherwise before the answer came: the bank may have paid it twice.
        transfers.report_contradiction(row.transfer_id, row.outcome.value, report.source)
        return False
    return True


def _report_contradictions(
    rows: Sequence[AnswerRow], errors: Iterable[RowError], sent: Mapping[str, SentTransfer]
) -> None:
    """Report what an answer says against what is settled, also where it is refused for that."""
    contradicting = {each.row for each in errors if each.problem is RowProblem.STATUS_NOT_POSSIBLE}
    for row in rows:
        if row.row in contradicting:
            id_ = sent[row.partner_reference_no].transfer_id
            transfers.report_contradiction(id_, row.outcome.value, TransferSource.BANK_FILE)


async def _lock_account(session: AsyncSession, account_id: UUID) -> PayoutAccount:
    await sending_queries.lock_account(session, account_id)
    account = await payout_accounts.get(session, account_id)
    await session.refresh(account)
    if account.channel is not PayoutChannel.FILE:
        raise rules.PayoutRunByApi
    await payout_accounts.check_sending(session, account_id)
    if not is_open(account.cut_off, at=clock.now()):
        raise rules.PayoutFileTooLate(cut_off=f"{account.cut_off:%H:%M}")
    return account


async def _sum_sent(session: AsyncSession, account_id: UUID) -> int:
    day = jakarta_date(clock.now())
    return await sending_queries.sum_sent(
        session, account_id, since=midnight(day), until=midnight(day + timedelta(days=1))
    )


def _see(
    answer: PayoutAnswer, row: PayoutAnswerRow, transfer: PayoutTransfer, payout: Payout
) -> AnswerRowSeen:
    is_applied = row.position <= answer.applied_count
    effect = rules.find_effect(
        transfer.status,
        row.outcome,
        may_be_paid_late=may_be_paid_late(
            payout.status, is_withdrawn=payout.withdrawn_at is not None
        ),
    )
    is_over = is_applied or answer.status is AnswerStatus.REJECTED
    return AnswerRowSeen(row, transfer, payout, is_applied, None if is_over else effect)


def _row(transfer: PayoutTransfer, payout: Payout) -> FileRow:
    return FileRow(
        partner_reference_no=transfer.partner_reference_no,
        remark_code=transfer.remark_code,
        bank_code=payout.bank_code,
        account_no=payout.account_no,
        holder_name=payout.holder_name,
        amount=transfer.amount,
        remark=f"{REMARK} {transfer.remark_code}",
    )


def _sum(rows: Sequence[AnswerRow], outcome: Outcome) -> int:
    return sum(row.amount for row in rows if row.outcome is outcome)
