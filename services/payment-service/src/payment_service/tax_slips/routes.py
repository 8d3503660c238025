"""Withholding slips and yearly recaps over HTTP: all for finance, and one's own."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import StreamingResponse

from payment_service.clients.payees import PayeesClient
from payment_service.counting.rules import BeneficiaryKind, BeneficiaryNotFound, find_own
from payment_service.counting.schemas import OwnKind
from payment_service.dependencies import MonthInQuery, WantedMonth, WholeDatabase
from payment_service.principals import Earner, Treasurer
from payment_service.tax_slips import service
from payment_service.tax_slips.queries import Slip
from payment_service.tax_slips.rules import (
    FIRST_YEAR,
    FORMS,
    NOTICE,
    NOTICE_ID,
    TaxRecap,
    TaxSlipNotFound,
)
from payment_service.tax_slips.schemas import (
    TaxLineOut,
    TaxRecapOut,
    TaxSlipIdentityOut,
    TaxSlipOut,
    TaxSumOut,
)
from payment_service.taxes import service as taxes
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.db.engine import Database
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.csv_lines import CSV_ANSWER, CSV_TYPE, csv_line
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import LAST_YEAR
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents

slips = APIRouter(prefix="/v1/tax-slips", tags=["tax slips"], route_class=ReadRoute)
recaps = APIRouter(prefix="/v1/tax-recaps", tags=["tax recaps"], route_class=ReadRoute)
own_slips = APIRouter(prefix="/v1/me/tax-slips", tags=["tax slips"], route_class=ReadRoute)
own_recaps = APIRouter(prefix="/v1/me/tax-recaps", tags=["tax recaps"], route_class=ReadRoute)

Reader = Annotated[
    Principal, Depends(require(Role.FINANCE_OFFICER, Role.AUDITOR, scope=ScopeKind.COUNTRY))
]
SlipId = Annotated[UUID, Path(description="Id of the withholding slip.")]
Year = Annotated[
    int, Path(ge=FIRST_YEAR, le=LAST_YEAR, examples=[2026], description="Year of the payments.")
]


async def _payees(request: Request) -> PayeesClient:
    client: PayeesClient = request.app.state.payees
    return client


Payees = Annotated[PayeesClient, Depends(_payees)]
SLIP_COLUMNS = (
    "id",
    "kind",
    "form",
    "month",
    "paid_on",
    "returned_on",
    "payout_id",
    "payee_kind",
    "payee_id",
    "beneficiary_kind",
    "beneficiary_id",
    "gross",
    "base",
    "amount",
    "surcharged",
    "has_npwp",
    "nik_status",
    "tax_identity_id",
    "table_version",
    "legal_basis",
    "notice",
    "notice_id",
)
RECAP_COLUMNS = (
    "year",
    "beneficiary_kind",
    "beneficiary_id",
    "kind",
    "payment_count",
    "gross",
    "base",
    "amount",
    "notice",
    "notice_id",
)


@slips.get("")
async def list_tax_slips(
    session: ReplicaSession,
    _: Reader,
    month: WantedMonth = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TaxSlipOut]:
    """List the data of withholding slips, in the order in which they were recorded.

    A payment that the bank returned keeps its slip, with the day of the return.
    """
    found = await service.list_slips(session, month=month, cursor=cursor, limit=limit)
    return found.page(lambda slip: TaxSlipOut(**_slip(slip)))


@slips.get("/export", response_class=StreamingResponse, responses={200: CSV_ANSWER})
async def export_tax_slips(
    database: WholeDatabase, _: Reader, month: MonthInQuery
) -> StreamingResponse:
    """Export the slips of a month as CSV, without names and numbers of persons."""
    return StreamingResponse(_slip_lines(database, month), media_type=CSV_TYPE)


@slips.get("/{slip_id}", responses=problems(TaxSlipNotFound))
async def get_tax_slip(session: ReplicaSession, _: Reader, slip_id: SlipId) -> TaxSlipOut:
    """Return the data of a withholding slip."""
    return TaxSlipOut(**_slip(await service.get_slip(session, slip_id)))


@slips.get("/{slip_id}/identity", responses=problems(TaxSlipNotFound))
async def get_identity(
    database: WholeDatabase, _: Treasurer, slip_id: SlipId, payees: Payees, agents: Agents
) -> TaxSlipIdentityOut:
    """Return a slip with the name and the NPWP of the taxpayer, to print. Reading is recorded.

    Both are asked of agent-service and not stored here.
    """
    async with database.read_replica() as session:
        slip = await service.get_slip(session, slip_id)
    row = slip.withholding
    details = await payees.find([row.beneficiary_id], on=row.paid_on)
    known = details.get(row.beneficiary_id)
    is_agent = row.beneficiary_kind is BeneficiaryKind.AGENT
    find = agents.find_names if is_agent else agents.find_wadah_names
    names = await find([row.beneficiary_id])
    return TaxSlipIdentityOut(
        **_slip(slip),
        name=names.get(row.beneficiary_id),
        npwp=known.tax.npwp if known and known.tax else None,
    )


@recaps.get("/{year}")
async def list_tax_recaps(
    session: ReplicaSession, _: Reader, year: Year, cursor: Cursor = None, limit: Limit = 50
) -> Page[TaxRecapOut]:
    """List what was withheld of each agent and wadah in a year, net of returned payments."""
    found = await service.list_recaps(session, year, cursor=cursor, limit=limit)
    return found.page(_recap_out)


@recaps.get("/{year}/export", response_class=StreamingResponse, responses={200: CSV_ANSWER})
async def export_tax_recaps(database: WholeDatabase, _: Reader, year: Year) -> StreamingResponse:
    """Export the same as CSV, a line for each taxpayer and tax."""
    return StreamingResponse(_recap_lines(database, year), media_type=CSV_TYPE)


@own_slips.get("", responses=problems(BeneficiaryNotFound))
async def list_own_tax_slips(
    session: ReplicaSession,
    principal: Earner,
    wanted: OwnKind = None,
    month: WantedMonth = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[TaxSlipOut]:
    """List your own withholding slips, or those of your wadah itself."""
    _, beneficiary_id = find_own(principal, wanted)
    found = await service.list_slips(
        session, month=month, beneficiary_id=beneficiary_id, cursor=cursor, limit=limit
    )
    return found.page(lambda slip: TaxSlipOut(**_slip(slip)))


@own_recaps.get("/{year}", responses=problems(BeneficiaryNotFound))
async def get_own_tax_recap(
    session: ReplicaSession, principal: Earner, year: Year, wanted: OwnKind = None
) -> TaxRecapOut:
    """Return what was withheld of you, or of your wadah itself, in a year."""
    kind, beneficiary_id = find_own(principal, wanted)
    return _recap_out(await service.get_recap(session, year, kind, beneficiary_id))


async def _slip_lines(database: Database, month: Month) -> AsyncIterator[str]:
    # The stream outlives the request's own session, so it opens one for itself.
    yield csv_line(SLIP_COLUMNS)
    async with database.read_for_export() as session:
        async for slip in service.export_slips(session, month):
            out = TaxSlipOut(**_slip(slip))
            yield csv_line(getattr(out, name) for name in SLIP_COLUMNS)


async def _recap_lines(database: Database, year: int) -> AsyncIterator[str]:
    yield csv_line(RECAP_COLUMNS)
    async with database.read_for_export() as session:
        async for recap in service.export_recaps(session, year):
            head = (recap.year, recap.beneficiary_kind, recap.beneficiary_id)
            for each in recap.sums:
                sums = (each.kind, each.payment_count, each.gross, each.base, each.amount)
                yield csv_line((*head, *sums, NOTICE, NOTICE_ID))


def _slip(slip: Slip) -> dict[str, Any]:
    row = slip.withholding
    assert row.table_version is not None, "a slip is of a tax"
    table = taxes.book().version(row.table_version)
    copied = set(TaxSlipOut.model_fields) & set(row.__table__.columns.keys())
    return {
        **{name: getattr(row, name) for name in copied},
        "form": FORMS.get(row.kind),
        "returned_on": slip.returned_on,
        "legal_basis": table.legal_basis,
        "lines": [TaxLineOut.model_validate(line) for line in taxes.explain(row)],
    }


def _recap_out(recap: TaxRecap) -> TaxRecapOut:
    return TaxRecapOut(
        year=recap.year,
        beneficiary_kind=recap.beneficiary_kind,
        beneficiary_id=recap.beneficiary_id,
        taxes=[TaxSumOut.model_validate(each) for each in recap.sums],
    )
