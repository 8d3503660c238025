"""The close of a month over HTTP: its dry run, proposal, decision and progress."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import RowMapping

from payment_service.closings import service
from payment_service.closings.models import Closing
from payment_service.closings.rules import (
    ClosingDecided,
    ClosingNotFound,
    ClosingProposed,
    OwnClosing,
)
from payment_service.closings.schemas import (
    ClosingFiguresOut,
    DryRunOut,
    DryRunStatementOut,
    MonthClosingDecision,
    MonthClosingOut,
)
from payment_service.dependencies import MonthInPath, WholeDatabase
from payment_service.incentive_statements.rules import Balance, Due
from payment_service.months.rules import (
    EarlierMonthOpen,
    EventsParked,
    EventsUnread,
    MonthBeingClosed,
    MonthClosedAlready,
    MonthNotOver,
    PaymentsWait,
)
from payment_service.principals import Bookkeeper, Treasurer
from payment_service.schemes.rules import MonthOutsideProgramme
from payment_service.settings import Config
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents

PREFIX = "/v1/commission-months/{month}"
reading = APIRouter(prefix=PREFIX, route_class=ReadRoute)
writing = APIRouter(prefix=PREFIX, route_class=TransactionRoute)

NOT_CLOSABLE = (
    MonthNotOver,
    MonthClosedAlready,
    MonthBeingClosed,
    EventsUnread,
    EventsParked,
    PaymentsWait,
    EarlierMonthOpen,
    MonthOutsideProgramme,
)
NOT_NEXT = (MonthClosedAlready, MonthBeingClosed, EarlierMonthOpen, MonthOutsideProgramme)


@writing.post(
    "/closing",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(ClosingProposed, *NOT_CLOSABLE),
)
async def propose_closing(
    month: MonthInPath, session: Session, officer: Treasurer, config: Config
) -> MonthClosingOut:
    """Propose to close a month for good; another person decides.

    Refused until everything that happened in the month has been counted; the problem says what
    is missing. The answer shows what the close would make.
    """
    found = await service.propose(session, month, by=officer.account_id, settings=config)
    return _closing_out(found)


@writing.post(
    "/closing/decision",
    openapi_extra=IDEMPOTENT,
    responses=problems(ClosingNotFound, ClosingDecided, OwnClosing, *NOT_CLOSABLE),
)
async def decide_closing(
    month: MonthInPath,
    decision: MonthClosingDecision,
    session: Session,
    officer: Treasurer,
    config: Config,
) -> MonthClosingOut:
    """Confirm or reject a closing that somebody else proposed; your own you can only reject.

    What is confirmed is begun within seconds, and cannot be undone. Until then it can be rejected.
    """
    found = await service.decide(
        session, month, verdict=decision.verdict, by=officer.account_id, settings=config
    )
    return _closing_out(found)


@reading.get("/closing", responses=problems(ClosingNotFound))
async def get_closing(month: MonthInPath, session: ReadSession, _: Bookkeeper) -> MonthClosingOut:
    """Return the closing of a month: the proposal, the decision, and how far it is."""
    return _closing_out(await service.get(session, month))


@reading.get("/dry-run", responses=problems(*NOT_NEXT))
async def get_dry_run(
    month: MonthInPath, session: ReplicaSession, _: Bookkeeper, config: Config
) -> DryRunOut:
    """Return what the close of a month would make now, also before the month is over.

    Of the next month to close only: the rests and debts of the statements before must be known.
    """
    found = await service.dry_run(session, month, config)
    return DryRunOut(
        month=found.month,
        refusal_code=found.refusal,
        waiting_payments=found.waiting.allocations,
        waiting_contributions=found.waiting.contributions,
        figures=ClosingFiguresOut.model_validate(service.as_stored(found.figures)),
    )


@reading.get("/dry-run/statements", responses=problems(*NOT_NEXT))
async def list_dry_run_statements(
    month: MonthInPath,
    database: WholeDatabase,
    _: Bookkeeper,
    agents: Agents,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DryRunStatementOut]:
    """List the statements that the close of a month would make now, by beneficiary."""
    async with database.read_replica() as session:
        found = await service.list_dry_run(session, month, cursor=cursor, limit=limit)
    names = await agents.find_names(service.list_agents(found.items))
    return found.page(lambda row: _statement_out(row, names))


def _statement_out(row: RowMapping, names: Mapping[UUID, str]) -> DryRunStatementOut:
    parts = row["contribution_parts"] + row["acquisition_parts"] + row["override_parts"]
    due = Due(Balance(row["total_parts"] - parts, row["brought_debt"]), parts)
    stored = {name: row[name] for name in DryRunStatementOut.model_fields if name in row}
    return DryRunStatementOut(
        **stored,
        carried_parts=due.carried_parts,
        payable=due.payable,
        carried_debt=due.carried_debt,
        agent_name=names.get(row["beneficiary_id"]),
    )


def _closing_out(closing: Closing) -> MonthClosingOut:
    renamed: dict[str, Any] = {
        "figures": ClosingFiguresOut.model_validate(closing.figures),
        "statements_issued": closing.statement_count,
        "statements_expected": closing.beneficiary_count,
    }
    names = [name for name in MonthClosingOut.model_fields if name not in renamed]
    return MonthClosingOut(**{name: getattr(closing, name) for name in names}, **renamed)


router = APIRouter(tags=["commission months"])
for each in (reading, writing):
    router.include_router(each)
