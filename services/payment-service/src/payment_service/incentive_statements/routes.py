"""Statements over HTTP: the closing that makes them, lists and previews."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from payment_service.commissions.rules import TooManyPayments
from payment_service.counting.rules import BeneficiaryNotFound
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
from payment_service.months.rules import (
    EarlierMonthOpen,
    EventsParked,
    EventsUnread,
    MonthClosedAlready,
    MonthNotOver,
    PaymentsWait,
)
from payment_service.months.schemas import CommissionMonthOut
from payment_service.schemes.rules import MonthOutsideProgramme, SchemeNotFound
from payment_service.settings import Config
from perisai_kit.auth.principal import Principal, Role, ScopeKind
from perisai_kit.auth.roles import require
from perisai_kit.domain.month import Month
from perisai_kit.http.dependencies import ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import AgentId, BeneficiaryId, SchemeId, StatementId, WadahId
from perisai_kit.http.visibility import ReadRoute

closing = APIRouter(
    prefix="/v1/commission-months", tags=["commission months"], route_class=TransactionRoute
)
statements = APIRouter(prefix="/v1/statements", tags=["statements"], route_class=ReadRoute)
previews = APIRouter(
    prefix="/v1/commission-previews", tags=["commission previews"], route_class=ReadRoute
)

Closer = Annotated[Principal, Depends(require(Role.FINANCE_OFFICER, scope=ScopeKind.COUNTRY))]
Reader = Annotated[
    Principal,
    Depends(
        require(
            Role.AGENT,
            Role.WADAH_ADMIN,
            Role.BRANCH_OFFICER,
            Role.FINANCE_OFFICER,
            Role.AUDITOR,
            Role.ADMIN,
        )
    ),
]


# An address holds text; what passes the pattern is a month.
MONTH = r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])$"
MonthInQuery = Annotated[
    str | None, Query(pattern=MONTH, examples=["2026-11"], description="Only this month.")
]


async def _named(
    month: Annotated[str, Path(pattern=MONTH, examples=["2026-11"], description="The month.")],
) -> Month:
    return Month.parse(month)


async def _wanted(month: MonthInQuery = None) -> Month | None:
    return None if month is None else Month.parse(month)


async def _asked(
    wanted: Annotated[Month | None, Depends(_wanted)],
    agent_id: AgentId | None = None,
    wadah_id: WadahId | None = None,
) -> EarningsAsked:
    return EarningsAsked(agent_id=agent_id, wadah_id=wadah_id, month=wanted)


Asked = Annotated[EarningsAsked, Depends(_asked)]
Wanted = Annotated[Month | None, Depends(_wanted)]
Named = Annotated[Month, Depends(_named)]


@closing.post(
    "/{month}/closing",
    response_model=CommissionMonthOut,
    openapi_extra=IDEMPOTENT,
    responses=problems(
        MonthNotOver,
        MonthClosedAlready,
        EventsUnread,
        EventsParked,
        PaymentsWait,
        EarlierMonthOpen,
        MonthOutsideProgramme,
    ),
)
async def close(
    month: Named, session: Session, officer: Closer, config: Config
) -> CommissionMonthOut:
    """Close a month for good: every beneficiary gets a statement, and the ledger owes it.

    Refused until everything that happened in the month has been counted; the problem says what
    is missing.
    """
    return await service.close(session, month, by=officer.account_id, settings=config)


@statements.get("", response_model=Page[IncentiveStatementOut])
async def list_statements(
    session: ReplicaSession,
    principal: Reader,
    month: Wanted,
    beneficiary_id: BeneficiaryId | None = None,
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
        cursor=cursor,
        limit=limit,
    )


@statements.get(
    "/{statement_id}", response_model=IncentiveStatementOut, responses=problems(StatementNotFound)
)
async def get(
    statement_id: StatementId, session: ReplicaSession, principal: Reader
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
    principal: Reader,
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
    session: ReplicaSession, principal: Reader, asked: Asked, scheme_id: SchemeId | None = None
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
    principal: Reader,
    asked: Asked,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[CommissionLineOut]:
    """List the lines that a month has so far."""
    return await service.preview_lines(session, principal, asked, cursor=cursor, limit=limit)


router = APIRouter()
for each in (closing, statements, previews):
    router.include_router(each)
