"""Files of payouts over HTTP: made once, given out any number of times, answered by the bank."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from payment_service.dependencies import WholeDatabase
from payment_service.payout_accounts.rules import PayoutAccountNotActive, PayoutsStopped
from payment_service.payout_files import service
from payment_service.payout_files.models import PayoutAnswer, PayoutFile
from payment_service.payout_files.rules import (
    OwnPayoutAnswer,
    PayoutAnswerDecided,
    PayoutAnswerNotFound,
    PayoutAnswerOpen,
    PayoutFileEmpty,
    PayoutFileNotFound,
    PayoutFileTooLate,
    PayoutFileUnready,
    PayoutRunByApi,
)
from payment_service.payout_files.schemas import (
    NewPayoutAnswer,
    NewPayoutFile,
    PayoutAnswerDecision,
    PayoutAnswerOut,
    PayoutAnswerRowOut,
    PayoutAnswersOut,
    PayoutFileOut,
)
from payment_service.payout_files.service import AnswerRowSeen
from payment_service.payout_formats.rules import PayoutAnswerRefused, decode_answer
from payment_service.payout_lists import service as payout_lists
from payment_service.payout_runs.rules import (
    PayoutRunNotFound,
    PayoutRunStatusConflict,
    TaxDueChanged,
)
from payment_service.payout_transfers.rules import ExecutionDayImpossible
from payment_service.principals import Bookkeeper, Treasurer
from perisai_kit.http.answers.csv_lines import CSV_ANSWER
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.masks import mask_account
from perisai_kit.services.names.agents import Agents

PREFIX = "/v1/payout-files"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

FileId = Annotated[UUID, Path(description="Id of the payout file.")]
AnswerId = Annotated[UUID, Path(description="Id of the answer.")]


@writing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutRunNotFound,
        PayoutRunStatusConflict,
        PayoutRunByApi,
        PayoutsStopped,
        PayoutAccountNotActive,
        PayoutFileTooLate,
        PayoutFileUnready,
        PayoutFileEmpty,
        TaxDueChanged,
    ),
)
async def make_file(new: NewPayoutFile, session: Session, officer: Treasurer) -> PayoutFileOut:
    """Make the next file of a released run that is paid by file.

    What is in it counts as sent from now on and is never in another file, whether the file is
    fetched and uploaded at the bank or not.
    """
    return _file_out(await service.make(session, new.run_id, by=officer.account_id))


@reading.get("")
async def list_files(
    session: ReadSession,
    _: Bookkeeper,
    run_id: Annotated[UUID | None, Query(description="Only of this run.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutFileOut]:
    """List the files for banks, the latest first."""
    found = await service.list_files(session, run_id=run_id, cursor=cursor, limit=limit)
    return found.page(_file_out)


@reading.get("/{file_id}", responses=problems(PayoutFileNotFound))
async def get_file(file_id: FileId, session: ReadSession, _: Bookkeeper) -> PayoutFileOut:
    """Return what a file comes to."""
    return _file_out(await service.get(session, file_id))


@reading.get(
    "/{file_id}/content",
    response_class=Response,
    responses={200: CSV_ANSWER, **problems(PayoutFileNotFound, PayoutsStopped)},
)
async def get_content(file_id: FileId, session: ReadSession, _: Treasurer) -> Response:
    """Return the file to upload at the bank: always the same bytes. Reading is recorded."""
    file, content = await service.read_content(session, file_id)
    return Response(
        content,
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="payout-{file.id}.csv"'},
    )


@writing.post(
    "/{file_id}/answers",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        PayoutFileNotFound, ExecutionDayImpossible, PayoutAnswerRefused, PayoutAnswerOpen
    ),
)
async def propose_answer(
    file_id: FileId, new: NewPayoutAnswer, session: Session, officer: Treasurer
) -> PayoutAnswerOut:
    """Upload the bank's answer to a file; another officer confirms it.

    It is taken whole or not at all. The same answer again is the one there is. What it does not
    name stays as it is and is never sent again. Books and tax follow the day of each row.
    """
    made = await service.propose_answer(
        session,
        file_id,
        decode_answer(new.content),
        executed_on=new.executed_on,
        by=officer.account_id,
    )
    return _answer_out(made)


@reading.get("/{file_id}/answers", responses=problems(PayoutFileNotFound))
async def list_answers(file_id: FileId, session: ReadSession, _: Bookkeeper) -> PayoutAnswersOut:
    """List the answers to a file, rejected ones too, and how far they are applied."""
    found = await service.list_answers(session, file_id)
    return PayoutAnswersOut(items=[_answer_out(each) for each in found])


@reading.get("/{file_id}/answers/{answer_id}/rows", responses=problems(PayoutAnswerNotFound))
async def list_answer_rows(
    *,
    file_id: FileId,
    answer_id: AnswerId,
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayoutAnswerRowOut]:
    """List the rows of an answer, with what each will do. Read them before you confirm it."""
    async with database.read() as session:
        found = await service.list_answer_rows(
            session, file_id, answer_id, cursor=cursor, limit=limit
        )
    names = await payout_lists.find_names(agents, [each.payout for each in found.items])
    return found.page(lambda seen: _row_out(seen, names))


@writing.post(
    "/{file_id}/answers/{answer_id}/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(PayoutAnswerNotFound, PayoutAnswerDecided, OwnPayoutAnswer),
)
async def decide_answer(
    file_id: FileId,
    answer_id: AnswerId,
    decision: PayoutAnswerDecision,
    session: Session,
    officer: Treasurer,
) -> PayoutAnswerOut:
    """Confirm or reject an answer; who uploaded it may only reject it.

    The payouts of a confirmed answer are settled within seconds, row by row.
    """
    decided = await service.decide(
        session, file_id, answer_id, verdict=decision.verdict, by=officer.account_id
    )
    return _answer_out(decided)


def _file_out(file: PayoutFile) -> PayoutFileOut:
    return PayoutFileOut.model_validate(file)


def _answer_out(answer: PayoutAnswer) -> PayoutAnswerOut:
    return PayoutAnswerOut.model_validate(answer)


def _row_out(seen: AnswerRowSeen, names: Mapping[UUID, str]) -> PayoutAnswerRowOut:
    row, payout = seen.row, seen.payout
    return PayoutAnswerRowOut(
        position=row.position,
        payout_id=payout.id,
        transfer_id=row.transfer_id,
        payee_kind=payout.payee_kind,
        payee_id=payout.payee_id,
        payee_name=names.get(payout.payee_id),
        bank_code=payout.bank_code,
        account_no=mask_account(payout.account_no),
        amount=seen.transfer.amount,
        outcome=row.outcome,
        reference_no=row.reference_no,
        response_code=row.response_code,
        executed_on=row.executed_on,
        transfer_status=seen.transfer.status,
        is_applied=seen.is_applied,
        effect=seen.effect,
    )


router = APIRouter(tags=["payout files"])
for each in (reading, writing):
    router.include_router(each)
