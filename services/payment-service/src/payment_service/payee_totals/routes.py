"""The payees of a month over HTTP, with the breakdown by agent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path

from payment_service.dependencies import MonthInPath
from payment_service.incentive_statements.models import Statement
from payment_service.payee_totals import service
from payment_service.payee_totals.queries import PayeeTotal
from payment_service.payee_totals.rules import PayeeNotFound
from payment_service.payee_totals.schemas import (
    PayeeBreakdownOut,
    PayeeStatementOut,
    PayeeTotalOut,
)
from payment_service.payees.rules import Payee
from payment_service.principals import EarningsReader
from perisai_kit.domain.month import Month
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.visibility import ReadRoute

router = APIRouter(
    prefix="/v1/commission-months", tags=["commission payees"], route_class=ReadRoute
)

PayeeInPath = Annotated[UUID, Path(description="Id of the agent or wadah that is paid.")]


@router.get("/{month}/payees")
async def list_commission_payees(
    month: MonthInPath,
    session: ReplicaSession,
    principal: EarningsReader,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PayeeTotalOut]:
    """List who is paid for the statements of a month that you may see, with what each gets.

    An agent sees what is paid for own statements, a wadah for its own and its agents'.
    """
    found = await service.list_totals(session, principal, month, cursor=cursor, limit=limit)
    return found.page(lambda total: PayeeTotalOut(**_total(month, total)))


@router.get("/{month}/payees/{payee_id}", responses=problems(PayeeNotFound))
async def get_commission_payee(
    month: MonthInPath,
    payee_id: PayeeInPath,
    session: ReplicaSession,
    principal: EarningsReader,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PayeeBreakdownOut:
    """Return what one payee gets of a month, agent by agent; the totals are of every page."""
    found = await service.break_down(
        session, principal, month, payee_id, cursor=cursor, limit=limit
    )
    return PayeeBreakdownOut(
        **_total(month, found.total),
        items=[_statement(each, found.payees[each.id]) for each in found.statements.items],
        next_cursor=found.statements.next_cursor,
    )


def _total(month: Month, total: PayeeTotal) -> dict[str, Any]:
    return {
        "month": month,
        "payee_kind": total.kind,
        "payee_id": total.id,
        "statement_count": total.statement_count,
        "amount": total.amount,
        "payable": total.payable,
        "held": total.held,
    }


def _statement(statement: Statement, payee: Payee) -> PayeeStatementOut:
    return PayeeStatementOut(
        statement_id=statement.id,
        beneficiary_kind=statement.beneficiary_kind,
        beneficiary_id=statement.beneficiary_id,
        amount=statement.amount,
        payable=max(statement.amount - statement.brought_debt, 0),
        reason=payee.reason,
        held_reason=payee.held_reason,
    )
