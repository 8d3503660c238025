"""Statements over HTTP: lists and previews."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from payment_service.commissions.rules import TooManyPayments
from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.dependencies import WantedMonth
from payment_service.incentive_statements import service
from payment_service.incentive_statements.rules import (
    BeneficiaryUnclear,
    EarningsAsked,
    SchemeForAgentsOnly,
    StatementNotFound,
)
from payment_service.incentive_statements.schemas import (
    CommissionLineOut,
    CommissionPreviewOut,
    IncentiveStatementOut,
)
from payment_service.principals import EarningsReader
from payment_service.schemes.rules import MonthOutsideProgramme, SchemeNotFound
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import AgentId, BeneficiaryId, SchemeId, StatementId, WadahId
from perisai_kit.http.visibility import ReadRoute

statements = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=ReadRoute)
previews = APIRouter(
    prefix="/v1/commission-previews", tags=["commission previews"], route_class=ReadRoute
)


async def _asked(
    wanted: WantedMonth,
    agent_id: AgentId | None = None,
    wadah_id: WadahId | None = None,
) -> EarningsAsked:
    return EarningsAsked(agent_id=agent_id, wadah_id=wadah_id, month=wanted)


Asked = Annotated[EarningsAsked, Depends(_asked)]


@statements.get("", response_model=Page[IncentiveStatementOut])
async def list_statements(
    session: ReplicaSession,
    principal: EarningsReader,
    month: WantedMonth,
    beneficiary_id: BeneficiaryId | None = None,
    payee_id: Annotated[
        UUID | None, Query(description="Only what this agent or wadah is paid for.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[IncentiveStatementOut]:
    """List the statements you may see, the latest month first.

    An agent sees own ones, a wadah own ones and its agents', staff those of their scope.
    """
    return await service.list_statements(
        session,
        principal,
        month=month,
        beneficiary_id=beneficiary_id,
        payee_id=payee_id,
        cursor=cursor,
        limit=limit,
    )


@statements.get(
    "/{statement_id}", response_model=IncentiveStatementOut, responses=problems(StatementNotFound)
)
async def get(
    statement_id: StatementId, session: ReplicaSession, principal: EarningsReader
) -> IncentiveStatementOut:
    """Return a statement with what each rule gave and the rests that were carried."""
    return await service.get(session, principal, statement_id)


@statements.get(
    "/{statement_id}/lines",
    response_model=Page[CommissionLineOut],
    responses=problems(StatementNotFound),
)
async def list_lines(
    statement_id: StatementId,
    session: ReplicaSession,
    principal: EarningsReader,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[CommissionLineOut]:
    """List the lines a statement adds up: for which payment, by which rule, base and rate."""
    return await service.list_lines(session, principal, statement_id, cursor=cursor, limit=limit)


@previews.get(
    "",
    response_model=CommissionPreviewOut,
    responses=problems(
        BeneficiaryUnclear,
        BeneficiaryNotFound,
        SchemeForAgentsOnly,
        SchemeNotFound,
        TooManyPayments,
        MonthOutsideProgramme,
    ),
)
async def get_preview(
    session: ReplicaSession,
    principal: EarningsReader,
    asked: Asked,
    scheme_id: SchemeId | None = None,
) -> CommissionPreviewOut:
    """Return what a statement would say if the month were closed now.

    Of yourself, or of the agent or wadah named, where you may see it; of the month in which money
    paid now counts, if none is named. With `scheme_id`, what an agent's payments would earn under
    that scheme.
    """
    return await service.preview(session, principal, asked, scheme_id=scheme_id)


@previews.get(
    "/lines",
    name="list_lines",
    response_model=Page[CommissionLineOut],
    responses=problems(BeneficiaryUnclear, BeneficiaryNotFound, MonthOutsideProgramme),
)
async def list_preview_lines(
    session: ReplicaSession,
    principal: EarningsReader,
    asked: Asked,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[CommissionLineOut]:
    """List the lines that a month has so far."""
    return await service.preview_lines(session, principal, asked, cursor=cursor, limit=limit)


router = APIRouter()
for each in (statements, previews):
    router.include_router(each)
