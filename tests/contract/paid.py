"""Payouts for an agent, to the agent and to a wadah, with an answer and what was left out."""

from datetime import timedelta
from uuid import UUID

from payment_service_tests.office import open_account
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payees.rules import PayeeKind
from payment_service.payout_confirmations.models import PayoutConfirmation
from payment_service.payout_files.models import (
    PayoutAnswer,
    PayoutAnswerRow,
    PayoutFile,
    PayoutFileRow,
)
from payment_service.payout_files.rules import AnswerStatus
from payment_service.payout_formats.rules import Outcome
from payment_service.payout_runs.models import PayoutRun, RunOmission
from payment_service.payout_runs.rules import OmissionReason, RunKind, RunStatus
from payment_service.payout_runs.service import make_run
from payment_service.payout_transfers import service as transfers
from payment_service.payout_transfers.rules import INTERBANK
from payment_service.payouts.models import Payout, PayoutItem
from payment_service.payouts.rules import PayoutPayee, PayoutStatus
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month


async def make_payout(database: Database, ids: dict[str, str]) -> dict[str, str]:
    """Pay the agent's statement; return the ids by the name of their path parameter."""
    agent_id, month, now = UUID(ids["agent_id"]), Month.parse(ids["statement_month"]), clock.now()
    async with database.begin() as session:
        account = await open_account(session)
        run = make_run(RunKind.INCENTIVES, month, account.id, by=new_id())
        run.status, run.decided_by, run.decided_at = RunStatus.REJECTED, new_id(), now
        session.add(run)
        await session.flush()
        payout = _make_payout(run, PayoutPayee.AGENT, agent_id)
        to_wadah = _make_payout(run, PayoutPayee.WADAH, new_id())
        session.add_all([payout, to_wadah])
        await session.flush()
        for each in (payout, to_wadah):
            session.add(_make_item(each, UUID(ids["statement_id"]), agent_id))
        session.add(_make_omission(run, agent_id))
        session.add(_make_answer(payout))
        file, transfer_id = await make_file(session, payout)
        bank_answer = make_answer(file.id, by=new_id())
        session.add(bank_answer)
        await session.flush()
        session.add(_make_answer_row(bank_answer, transfer_id))
    return {
        "file_id": str(file.id),
        "answer_id": str(bank_answer.id),
        "payout_account_id": str(account.id),
        "run_id": str(run.id),
        "payout_id": str(payout.id),
    }


def _make_payout(run: PayoutRun, payee_kind: PayoutPayee, payee_id: UUID) -> Payout:
    return Payout(
        id=new_id(),
        run_id=run.id,
        payout_account_id=run.payout_account_id,
        payee_kind=payee_kind,
        payee_id=payee_id,
        month=run.through_month,
        gross=1,
        tax=0,
        amount=1,
        bank_account_id=new_id(),
        bank_code="999",
        account_no="1234567890",
        holder_name="Siti Rahma",
        status=PayoutStatus.PAID,
        created_at=clock.now(),
        settled_at=clock.now(),
    )


def _make_item(payout: Payout, statement_id: UUID, agent_id: UUID) -> PayoutItem:
    """Return the item of an agent. A statement is live once, here in the agent's own payout."""
    return PayoutItem(
        id=new_id(),
        payout_id=payout.id,
        statement_id=statement_id,
        month=payout.month,
        beneficiary_kind=BeneficiaryKind.AGENT,
        beneficiary_id=agent_id,
        gross=1,
        tax=0,
        is_live=payout.payee_kind is PayoutPayee.AGENT,
    )


def _make_omission(run: PayoutRun, agent_id: UUID) -> RunOmission:
    return RunOmission(
        run_id=run.id,
        payee_id=agent_id,
        reason=OmissionReason.HELD,
        payee_kind=PayeeKind.AGENT,
        statement_count=1,
        gross=1,
    )


def _make_answer(payout: Payout) -> PayoutConfirmation:
    return PayoutConfirmation(
        id=new_id(),
        payout_id=payout.id,
        agent_id=payout.payee_id,
        is_received=True,
        confirmed_by=new_id(),
        confirmed_at=clock.now(),
    )


def _make_answer_row(answer: PayoutAnswer, transfer_id: UUID) -> PayoutAnswerRow:
    return PayoutAnswerRow(
        answer_id=answer.id, position=1, transfer_id=transfer_id, outcome=Outcome.PAID
    )


async def make_file(session: AsyncSession, payout: Payout) -> tuple[PayoutFile, UUID]:
    """Store the file by which a payout was paid; return also the id of the attempt."""
    now = clock.now()
    transfer, _ = transfers.make(
        payout_id=payout.id,
        payout_account_id=payout.payout_account_id,
        attempt=1,
        amount=payout.amount,
        service_code="18",
        at=now,
    )
    transfer.status, transfer.sent_at, transfer.settled_at = PayoutStatus.PAID, now, now
    file = PayoutFile(id=new_id())
    file.run_id, file.payout_account_id = payout.run_id, payout.payout_account_id
    file.file_format, file.row_count, file.amount = "generic-csv", 1, payout.amount
    file.content, file.made_by, file.made_at = b"reference", new_id(), now
    session.add_all([transfer, file])
    await session.flush()
    session.add(PayoutFileRow(file_id=file.id, row_no=1, transfer_id=transfer.id))
    await session.flush()
    return file, transfer.id


def make_answer(file_id: UUID, *, by: UUID) -> PayoutAnswer:
    """Return a bank's answer to a file that another person decides on."""
    answer = PayoutAnswer(id=new_id())
    answer.file_id, answer.digest, answer.content = file_id, answer.id.bytes, b"reference"
    answer.status, answer.row_count = AnswerStatus.PROPOSED, 1
    answer.paid_amount, answer.failed_amount, answer.returned_amount = 1, 0, 0
    answer.applied_count = answer.refused_count = 0
    answer.proposed_by, answer.proposed_at = by, clock.now()
    return answer


async def make_unknown_payout(database: Database, ids: dict[str, str]) -> str:
    """Store tax sent to the state days ago, of which no bank says what became of it."""
    sent_at = clock.now() - timedelta(days=5)
    run_id, account_id = UUID(ids["run_id"]), UUID(ids["payout_account_id"])
    payout = Payout(id=new_id())
    for name, value in {
        "run_id": run_id,
        "payout_account_id": account_id,
        "payee_kind": PayoutPayee.TREASURY,
        "payee_id": new_id(),
        "month": Month.parse(ids["statement_month"]),
        "gross": 1,
        "tax": 0,
        "amount": 1,
        "bank_code": "999",
        "account_no": "1234567890",
        "holder_name": "Kas Negara",
        "status": PayoutStatus.UNKNOWN,
        "created_at": sent_at,
    }.items():
        setattr(payout, name, value)
    async with database.begin() as session:
        session.add(payout)
        await session.flush()
        transfer, change = transfers.make(
            payout_id=payout.id,
            payout_account_id=account_id,
            attempt=1,
            amount=1,
            service_code=INTERBANK,
            at=sent_at,
        )
        transfer.status, transfer.sent_at = PayoutStatus.UNKNOWN, sent_at
        session.add(transfer)
        await session.flush()
        session.add(change)
    return str(payout.id)
