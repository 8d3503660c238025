"""Statement documents over HTTP: as JSON, and as files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from payment_service.counting.rules import BeneficiaryKind
from payment_service.dependencies import MonthInQuery, WholeDatabase
from payment_service.incentive_statements.rules import StatementNotFound
from payment_service.incentive_statements.schemas import IncentiveStatementOut
from payment_service.ledger.schemas import LedgerTransferOut
from payment_service.principals import EarningsReader
from payment_service.statement_documents import service
from payment_service.statement_documents.files import Printer
from payment_service.statement_documents.queries import PaidLine
from payment_service.statement_documents.rules import (
    MEDIA_TYPES,
    DocumentTooLong,
    FileFormat,
    OneOfTwo,
    Sheet,
    StatementUnproven,
)
from payment_service.statement_documents.schemas import (
    ExplainedLineOut,
    MonthDocumentOut,
    MonthStatementOut,
    ProvenStatementOut,
    StatementDocumentOut,
)
from payment_service.statement_documents.service import Collected, Explained
from payment_service.statement_documents.sheets import (
    make_month_sheet,
    make_month_summary,
    make_statement_sheet,
    make_statement_summary,
)
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.errors import check_one_given
from perisai_kit.domain.month import Month
from perisai_kit.http.problems import problems
from perisai_kit.http.types import Code, StatementId, WadahId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents, AgentsClient

of_statements = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=ReadRoute)
of_months = APIRouter(prefix="/v1/statement-documents", tags=["statements"], route_class=ReadRoute)
BranchWanted = Annotated[Code | None, Query(description="Code of the branch.")]
Wanted = Annotated[
    FileFormat, Query(alias="format", description="CSV and XLSX for programs, PDF to print.")
]
FILE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media_type in MEDIA_TYPES.values()
        }
    }
}
"""What a route declares that answers with a file."""


async def _printer(request: Request) -> Printer:
    printer: Printer = request.app.state.printer
    return printer


Prints = Annotated[Printer, Depends(_printer)]


@of_statements.get(
    "/{statement_id}/document",
    responses=problems(StatementNotFound, DocumentTooLong, StatementUnproven),
)
async def get_statement_document(
    statement_id: StatementId, database: WholeDatabase, principal: EarningsReader, agents: Agents
) -> StatementDocumentOut:
    """Return a statement with every line down to the receipt, and its postings in the ledger.

    The receipt of a line is `/v1/payments/{payment_id}/receipt?bill_id=…`. At most 50,000 lines.
    """
    async with database.read_replica() as session:
        found = await service.explain(session, principal, statement_id)
    names = await _find_names(found, agents)
    return StatementDocumentOut(**_stated(found, names), lines=_lines(found, names.agents))


@of_statements.get(
    "/{statement_id}/file",
    response_class=Response,
    responses={**FILE_ANSWER, **problems(StatementNotFound, DocumentTooLong, StatementUnproven)},
)
async def get_statement_file(
    statement_id: StatementId,
    file_format: Wanted,
    database: WholeDatabase,
    principal: EarningsReader,
    agents: Agents,
    printer: Prints,
) -> Response:
    """Return the same as a file: CSV of the lines, or a workbook or PDF in Indonesian.

    At most 50,000 lines, 20,000 in a workbook. A PDF of more than 2,000 is a summary, and says so
    above and in its name (`…-ringkasan.pdf`): an agent's lines added up by rule, reason and
    month, a wadah's by agent. The amounts of the statement, its debts and its postings are whole.
    """
    async with database.read_replica() as session:
        found = await service.explain(session, principal, statement_id, file_format=file_format)
    names = await _find_names(found, agents)
    stated = _stated(found, names)
    if found.groups:
        sheet = make_statement_summary(ProvenStatementOut(**stated), found.groups, names.agents)
    else:
        lines = _lines(found, names.agents)
        sheet = make_statement_sheet(StatementDocumentOut(**stated, lines=lines))
    return await _file(printer, sheet, file_format)


@of_months.get(
    "",
    responses=problems(OneOfTwo, StatementNotFound, DocumentTooLong, StatementUnproven),
)
async def get_month_document(
    month: MonthInQuery,
    database: WholeDatabase,
    principal: EarningsReader,
    agents: Agents,
    wadah_id: WadahId | None = None,
    branch_code: BranchWanted = None,
) -> MonthDocumentOut:
    """Return the statements of a wadah and its agents, or of a branch, in a closed month."""
    found = await _collect(database, principal, month, wadah_id, branch_code)
    return await _collected(found, month, wadah_id, branch_code, agents)


@of_months.get(
    "/file",
    response_class=Response,
    responses={
        **FILE_ANSWER,
        **problems(OneOfTwo, StatementNotFound, DocumentTooLong, StatementUnproven),
    },
)
async def get_month_file(
    month: MonthInQuery,
    file_format: Wanted,
    database: WholeDatabase,
    principal: EarningsReader,
    agents: Agents,
    printer: Prints,
    wadah_id: WadahId | None = None,
    branch_code: BranchWanted = None,
) -> Response:
    """Return the same as a file: CSV of the statements, or a workbook or PDF in Indonesian.

    At most 50,000 statements, 20,000 in a workbook. A PDF of more than 2,000 is a summary, and
    says so above and in its name (`…-ringkasan.pdf`): a row a wadah, with what it and its agents
    are owed and what became of it. The sums and what the ledger owes are those of all statements.
    """
    found = await _collect(database, principal, month, wadah_id, branch_code, file_format)
    document = await _collected(found, month, wadah_id, branch_code, agents)
    make = make_month_summary if found.is_summary else make_month_sheet
    sheet = make(document, issued_at=found.statements[0].issued_at)
    return await _file(printer, sheet, file_format)


async def _file(printer: Printer, sheet: Sheet, file_format: FileFormat) -> Response:
    disposition = f'attachment; filename="{sheet.name}.{file_format}"'
    return Response(
        await printer.print(sheet, file_format),
        media_type=MEDIA_TYPES[file_format],
        headers={"Content-Disposition": disposition},
    )


async def _collect(
    database: WholeDatabase,
    principal: Principal,
    month: Month,
    wadah_id: UUID | None,
    branch_code: str | None,
    file_format: FileFormat | None = None,
) -> Collected:
    check_one_given(OneOfTwo, wadah_id=wadah_id, branch_code=branch_code)
    async with database.read_replica() as session:
        return await service.collect(
            session,
            principal,
            month,
            wadah_id=wadah_id,
            branch_code=branch_code,
            file_format=file_format,
        )


@dataclass(frozen=True, slots=True)
class Names:
    agents: Mapping[UUID, str]
    wadahs: Mapping[UUID, str]


async def _find_names(found: Explained, agents: AgentsClient) -> Names:
    return Names(
        agents=await agents.find_names(found.agent_ids),
        wadahs=await agents.find_wadah_names([found.statement.wadah_id]),
    )


def _stated(found: Explained, names: Names) -> dict[str, Any]:
    """Return the fields of `ProvenStatementOut`."""
    statement = found.statement
    is_agent = statement.beneficiary_kind is BeneficiaryKind.AGENT
    return {
        "statement": found.shown,
        "beneficiary_name": (names.agents if is_agent else names.wadahs).get(
            statement.beneficiary_id
        ),
        "wadah_name": names.wadahs.get(statement.wadah_id),
        "postings": [LedgerTransferOut.model_validate(each) for each in found.postings],
    }


def _lines(found: Explained, agent_names: Mapping[UUID, str]) -> list[ExplainedLineOut]:
    return [_line(each, found, agent_names) for each in found.lines]


def _line(paid: PaidLine, found: Explained, agent_names: Mapping[UUID, str]) -> ExplainedLineOut:
    line, bill_id = paid.line, paid.bill_id
    more = {
        "member_name": found.people[bill_id].member_name if bill_id else "",
        "agent_name": agent_names.get(line.agent_id),
        "bill_id": bill_id,
        "bank_name": found.bank_names[paid.partner_id],
        "reference_no": paid.reference_no,
        "paid_at": paid.paid_at,
    }
    stored = {n: getattr(line, n) for n in ExplainedLineOut.model_fields if n not in more}
    return ExplainedLineOut(**stored, **more)


async def _collected(
    found: Collected,
    month: Month,
    wadah_id: UUID | None,
    branch_code: str | None,
    agents: AgentsClient,
) -> MonthDocumentOut:
    wadah_names = await agents.find_wadah_names({each.wadah_id for each in found.statements})
    names = {**wadah_names, **await agents.find_names(found.named)}
    rows = [_row(each, found.accrued, names) for each in found.statements]
    return MonthDocumentOut(
        month=month,
        wadah_id=wadah_id,
        branch_code=branch_code,
        statements=rows,
        amount=sum(each.amount for each in rows),
        payable=sum(each.payable for each in rows),
        accrued=sum(each.accrued for each in rows),
    )


def _row(
    shown: IncentiveStatementOut, accrued: Mapping[UUID, int], names: Mapping[UUID, str]
) -> MonthStatementOut:
    return MonthStatementOut(
        statement_id=shown.id,
        beneficiary_kind=shown.beneficiary_kind,
        beneficiary_id=shown.beneficiary_id,
        beneficiary_name=names.get(shown.beneficiary_id),
        wadah_id=shown.wadah_id,
        wadah_name=names.get(shown.wadah_id),
        contribution_parts=shown.contribution_parts,
        acquisition_parts=shown.acquisition_parts,
        override_parts=shown.override_parts,
        amount=shown.amount,
        payable=shown.payable,
        held_reason=shown.held_reason if shown.held else None,
        forfeited_at=shown.forfeited_at,
        payee_kind=shown.payee.kind,
        payout_status=shown.payout_status,
        accrued=accrued.get(shown.id, 0),
    )


router = APIRouter()
for each in (of_statements, of_months):
    router.include_router(each)
