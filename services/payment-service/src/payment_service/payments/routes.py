"""Payments over HTTP. Only banks make payments, through their callbacks."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from payment_service.allocations.schemas import AllocationOut
from payment_service.allocations.service import Answered
from payment_service.answers.rules import AllocationCoverage
from payment_service.bills.people import BillPeople
from payment_service.days import DaysBackward, DaysNeeded
from payment_service.dependencies import AskedDays, WholeDatabase
from payment_service.payments import service
from payment_service.payments.models import Payment
from payment_service.payments.rules import PaymentFilter, PaymentNotFound
from payment_service.payments.schemas import PaymentOut
from payment_service.payments.service import Shown
from payment_service.principals import Reader
from perisai_kit.auth.principal import Principal
from perisai_kit.db.engine import Database
from perisai_kit.domain.jakarta import JAKARTA, jakarta_date
from perisai_kit.domain.money import MAX_RUPIAH
from perisai_kit.http.answers.csv_lines import CSV_ANSWER, CSV_TYPE, csv_line
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.types import (
    AgentId,
    BillId,
    Code,
    MemberId,
    OrderId,
    PartnerId,
    PaymentId,
    Text64,
)
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.services.names.agents import Agents

router = APIRouter(prefix="/v1/payments", tags=["payments"], route_class=ReadRoute)
EXPORTED = (
    "id",
    "business_on",
    "paid_at",
    "received_at",
    "partner_id",
    "partner_name",
    "payment_request_id",
    "reference_no",
    "channel_code",
    "order_id",
    "amount",
)
"""The columns of an export; no name of a person is among them."""


async def _asked(
    days: AskedDays,
    partner_id: PartnerId | None = None,
    amount: Annotated[
        int | None,
        Query(
            ge=1,
            le=MAX_RUPIAH,
            description="Only payments of exactly these rupiah; with days, at most 31, or a "
            "reference, member, bill or order.",
        ),
    ] = None,
    reference_no: Annotated[
        Text64 | None, Query(description="The bank's reference, whole.")
    ] = None,
    agent_id: Annotated[
        AgentId | None, Query(description="Only for members whom this agent has today.")
    ] = None,
    branch_code: Annotated[
        Code | None, Query(description="Only for members whom this branch has today.")
    ] = None,
    member_id: MemberId | None = None,
    bill_id: BillId | None = None,
    order_id: OrderId | None = None,
    coverage: Annotated[
        Literal[AllocationCoverage.DECLINED] | None,
        Query(description="Only payments of which member-service declined an allocation."),
    ] = None,
) -> PaymentFilter:
    return PaymentFilter(
        days=days,
        partner_id=partner_id,
        amount=amount,
        reference_no=reference_no,
        agent_id=agent_id,
        branch_code=branch_code,
        member_id=member_id,
        bill_id=bill_id,
        order_id=order_id,
        is_declined=coverage is not None,
    )


Asked = Annotated[PaymentFilter, Depends(_asked)]


@router.get("", responses=problems(DaysBackward, DaysNeeded))
async def list_payments(
    database: WholeDatabase,
    principal: Reader,
    asked: Asked,
    agents: Agents,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[PaymentOut]:
    """List the payments you may see, the latest first by `paid_at`.

    With `coverage=declined`, only those whose money cannot count for the member. Filters add up: a
    payment must meet all of them. Reading whole names of others is recorded, once a list.
    """
    async with database.read_replica() as session:
        found = await service.list_payments(session, principal, asked, cursor=cursor, limit=limit)
    names = await agents.find_names(_list_agents(*found.items))
    return found.page(lambda shown: _payment_out(shown, names))


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: CSV_ANSWER, **problems(DaysBackward, DaysNeeded)},
)
async def export_payments(
    database: WholeDatabase, principal: Reader, asked: Asked
) -> StreamingResponse:
    """Export the payments you may see as CSV, with the filters of the list, the latest first.

    Needs `business_from` and `business_to`, at most 31 days. It has no names of people. A cell that
    a spreadsheet would read as a formula begins with an apostrophe.
    """
    asked.days.check_bounded()
    return StreamingResponse(_csv(database, principal, asked), media_type=CSV_TYPE)


@router.get("/{payment_id}", responses=problems(PaymentNotFound))
async def get(
    payment_id: PaymentId,
    database: WholeDatabase,
    principal: Reader,
    agents: Agents,
) -> PaymentOut:
    """Return a payment."""
    async with database.read() as session:
        shown = await service.show(session, principal, payment_id)
    return _payment_out(shown, await agents.find_names(_list_agents(shown)))


async def _csv(
    database: Database, principal: Principal, asked: PaymentFilter
) -> AsyncIterator[str]:
    # The stream outlives the request's own session, so it opens one for itself.
    yield csv_line(EXPORTED)
    async with database.read_for_export() as session:
        async for payment, partner_name in service.export(session, principal, asked):
            yield csv_line(_export_cell(payment, partner_name, name) for name in EXPORTED)


def _export_cell(payment: Payment, partner_name: str, name: str) -> object:
    match name:
        case "partner_name":
            return partner_name
        case "business_on":
            return jakarta_date(payment.paid_at)
        case "paid_at" | "received_at":
            return getattr(payment, name).astimezone(JAKARTA).isoformat()
    return getattr(payment, name)


def _list_agents(*shown: Shown) -> list[UUID]:
    people = (each for one in shown for each in one.people.values())
    return [each.agent_id for each in people if each.shows_agent and each.agent_id]


def _payment_out(shown: Shown, agent_names: Mapping[UUID, str]) -> PaymentOut:
    payment = shown.payment
    more = {
        "partner_name": shown.partner_name,
        "business_on": jakarta_date(payment.paid_at),
        "allocations": [
            _allocation_out(each, shown.people, agent_names) for each in shown.allocations
        ],
    }
    stored = {name: getattr(payment, name) for name in PaymentOut.model_fields if name not in more}
    return PaymentOut(**stored, **more)


def _allocation_out(
    answered: Answered, people_of: Mapping[UUID, BillPeople], agent_names: Mapping[UUID, str]
) -> AllocationOut:
    bill_id = answered.allocation.bill_id
    people = people_of[bill_id] if bill_id else None
    agent_id = people.agent_id if people else None
    shows_agent = people is not None and people.shows_agent
    return AllocationOut.of(
        answered.allocation,
        coverage=answered.coverage,
        reason_code=answered.reason_code,
        member_name=people.member_name if people else None,
        agent_id=agent_id,
        agent_name=agent_names.get(agent_id) if agent_id and shows_agent else None,
    )
