from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_files.models import (
    PayoutAnswer,
    PayoutAnswerRow,
    PayoutFile,
    PayoutFileRow,
)
from payment_service.payout_files.rules import AnswerStatus, SentTransfer
from payment_service.payout_transfers.models import PayoutTransfer
from payment_service.payout_transfers.rules import TransferStatus
from payment_service.payouts.models import Payout
from payment_service.payouts.rules import PayoutPayee
from perisai_kit.db.bulk import any_id, insert_once, insert_rows_statement

Rows = Sequence[Mapping[str, Any]]


async def list_waiting(
    session: AsyncSession, run_id: UUID, *, limit: int
) -> list[tuple[UUID, int]]:
    """Return the transfers of a run that nothing was sent for, with their amounts, by payee."""
    statement = (
        select(PayoutTransfer.id, PayoutTransfer.amount)
        .join(Payout, Payout.id == PayoutTransfer.payout_id)
        .where(
            Payout.run_id == run_id,
            Payout.withdrawn_at.is_(None),
            PayoutTransfer.status == TransferStatus.CREATED,
        )
        .order_by(Payout.payee_id, Payout.id)
        .limit(limit)
    )
    return [(row.id, row.amount) for row in await session.execute(statement)]


async def list_payouts(
    session: AsyncSession, transfer_ids: Sequence[UUID]
) -> list[tuple[PayoutTransfer, Payout]]:
    """Return transfers with their payouts, in the order of the ids."""
    statement = (
        select(PayoutTransfer, Payout)
        .join(Payout, Payout.id == PayoutTransfer.payout_id)
        .where(PayoutTransfer.id == any_id(transfer_ids))
    )
    found = {
        transfer.id: (transfer, payout) for transfer, payout in await session.execute(statement)
    }
    return [found[id_] for id_ in transfer_ids]


async def insert_file(session: AsyncSession, file: PayoutFile, rows: Rows) -> None:
    session.add(file)
    await session.flush()
    await session.execute(insert_rows_statement(PayoutFileRow, rows))


async def find_file(session: AsyncSession, file_id: UUID) -> PayoutFile | None:
    return await session.get(PayoutFile, file_id)


async def list_files(
    session: AsyncSession, *, run_id: UUID | None, before_id: UUID | None, limit: int
) -> Sequence[PayoutFile]:
    """Return files, the latest first."""
    statement = select(PayoutFile)
    if run_id is not None:
        statement = statement.where(PayoutFile.run_id == run_id)
    if before_id is not None:
        statement = statement.where(PayoutFile.id < before_id)
    return (await session.scalars(statement.order_by(PayoutFile.id.desc()).limit(limit))).all()


async def list_agents(session: AsyncSession, file_id: UUID) -> Sequence[UUID]:
    """Return the agents whose accounts a file names."""
    statement = (
        select(Payout.payee_id)
        .join(PayoutTransfer, PayoutTransfer.payout_id == Payout.id)
        .join(PayoutFileRow, PayoutFileRow.transfer_id == PayoutTransfer.id)
        .where(PayoutFileRow.file_id == file_id, Payout.payee_kind == PayoutPayee.AGENT)
    )
    return (await session.scalars(statement)).all()


async def find_sent(session: AsyncSession, file_id: UUID) -> dict[str, SentTransfer]:
    """Return the transfers of a file by our references."""
    transfer = PayoutTransfer
    statement = (
        select(transfer.partner_reference_no, transfer.id, transfer.amount, transfer.status)
        .join(PayoutFileRow, PayoutFileRow.transfer_id == transfer.id)
        .where(PayoutFileRow.file_id == file_id)
    )
    return {
        row.partner_reference_no: SentTransfer(row.id, row.amount, row.status)
        for row in await session.execute(statement)
    }


async def insert_once_answer(
    session: AsyncSession, answer: PayoutAnswer, rows: Rows
) -> PayoutAnswer | None:
    """Insert an answer with its rows; None where the file has this one, or an open one."""
    made = await insert_once(session, answer)
    if made is not None:
        await session.execute(insert_rows_statement(PayoutAnswerRow, rows))
    return made


async def find_same(session: AsyncSession, file_id: UUID, digest: bytes) -> PayoutAnswer | None:
    """Return the answer with this content, unless it was rejected."""
    statement = select(PayoutAnswer).where(
        PayoutAnswer.file_id == file_id,
        PayoutAnswer.digest == digest,
        PayoutAnswer.status != AnswerStatus.REJECTED,
    )
    return (await session.scalars(statement)).one_or_none()


async def lock_answer(session: AsyncSession, file_id: UUID, answer_id: UUID) -> PayoutAnswer | None:
    statement = select(PayoutAnswer).where(
        PayoutAnswer.id == answer_id, PayoutAnswer.file_id == file_id
    )
    locked = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(locked)).one_or_none()


async def has_confirmed(session: AsyncSession) -> bool:
    """Tell whether an answer waits to be applied."""
    found = exists().where(PayoutAnswer.status == AnswerStatus.CONFIRMED)
    return bool(await session.scalar(select(found)))


async def lock_confirmed(session: AsyncSession) -> PayoutAnswer | None:
    """Lock the first answer that waits to be applied."""
    statement = (
        select(PayoutAnswer)
        .where(PayoutAnswer.status == AnswerStatus.CONFIRMED)
        .order_by(PayoutAnswer.id)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def list_answers(session: AsyncSession, file_id: UUID) -> Sequence[PayoutAnswer]:
    """Return the answers to a file, the oldest first."""
    statement = select(PayoutAnswer).where(PayoutAnswer.file_id == file_id)
    return (await session.scalars(statement.order_by(PayoutAnswer.id))).all()


async def find_answer(session: AsyncSession, file_id: UUID, answer_id: UUID) -> PayoutAnswer | None:
    statement = select(PayoutAnswer).where(
        PayoutAnswer.id == answer_id, PayoutAnswer.file_id == file_id
    )
    return (await session.scalars(statement)).one_or_none()


async def list_rows(
    session: AsyncSession, answer_id: UUID, *, after: int, limit: int
) -> list[tuple[PayoutAnswerRow, PayoutTransfer, Payout]]:
    """Return rows of an answer with their payouts, in its order. after: the last position."""
    statement = (
        select(PayoutAnswerRow, PayoutTransfer, Payout)
        .join(PayoutTransfer, PayoutTransfer.id == PayoutAnswerRow.transfer_id)
        .join(Payout, Payout.id == PayoutTransfer.payout_id)
        .where(PayoutAnswerRow.answer_id == answer_id, PayoutAnswerRow.position > after)
        .order_by(PayoutAnswerRow.position)
        .limit(limit)
    )
    return [(row, transfer, payout) for row, transfer, payout in await session.execute(statement)]


async def find_row(session: AsyncSession, answer_id: UUID, position: int) -> PayoutAnswerRow | None:
    return await session.get(PayoutAnswerRow, (answer_id, position))


async def find_unanswered(session: AsyncSession, file_id: UUID) -> UUID | None:
    """Return a transfer of a file that is still called sent, if any."""
    statement = (
        select(PayoutTransfer.id)
        .join(PayoutFileRow, PayoutFileRow.transfer_id == PayoutTransfer.id)
        .where(PayoutFileRow.file_id == file_id, PayoutTransfer.status == TransferStatus.SENT)
        .order_by(PayoutFileRow.row_no)
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()
