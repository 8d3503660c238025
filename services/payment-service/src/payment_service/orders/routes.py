"""Issue bills over HTTP, and orders: bills of several members that are paid together."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bases import BasesFirstRoute, issuer
from payment_service.bills import service as bills
from payment_service.bills.rules import MonthAlreadyBilled
from payment_service.bills.schemas import IssuedBillOut, NewBill, VirtualAccountOut
from payment_service.clients.members import MemberUnknown
from payment_service.orders import service
from payment_service.orders.rules import OrderNotFound
from payment_service.orders.schemas import IssuedOrderOut, NewOrder, OrderOut, OrderSummary
from payment_service.orders.service import Bases, Shown
from payment_service.principals import Reader
from payment_service.quotes.rules import (
    DeclarationNeeded,
    MemberDeceased,
    MemberOverAge,
    MonthNotBillable,
)
from payment_service.settings import Config
from payment_service.tariffs import service as tariffs
from payment_service.tariffs.rules import NoTariff
from payment_service.virtual_accounts.rules import NoActiveBank
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
)
from perisai_kit.http.body import JsonRequest
from perisai_kit.http.dependencies import ReadSession, ReplicaSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import problems
from perisai_kit.http.transaction import IDEMPOTENT
from perisai_kit.http.types import OrderId
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.masks import mask_name

Issuer = Annotated[Principal, Depends(issuer)]


class _OrderRoute(BasesFirstRoute):
    async def ask_bases(self, request: JsonRequest, principal: Principal) -> Bases:
        asked = NewOrder.model_validate(await request.json())
        member_ids = [bill.member_id for bill in asked.bills]
        return await tariffs.bases_for(request.app.state.members, principal, member_ids)


class _BillRoute(BasesFirstRoute):
    async def ask_bases(self, request: JsonRequest, principal: Principal) -> Bases:
        asked = NewBill.model_validate(await request.json())
        members = request.app.state.members
        return {asked.member_id: await tariffs.basis_for(members, principal, asked.member_id)}


REFUSALS = (
    MemberUnknown,
    MemberDeceased,
    MemberOverAge,
    DeclarationNeeded,
    MonthNotBillable,
    MonthAlreadyBilled,
    NoActiveBank,
    NoTariff,
    IncomeBelowMinimum,
    MandatoryProgrammeMissing,
    JhtMandatory,
)
reading = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=ReadRoute)
issuing = APIRouter(prefix="/v1/orders", tags=["orders"], route_class=_OrderRoute)
bills_issuing = APIRouter(prefix="/v1/bills", tags=["bills"], route_class=_BillRoute)


@bills_issuing.post(
    "",
    name="issue",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(*REFUSALS),
)
async def issue_bill(
    asked: NewBill, request: Request, session: Session, principal: Issuer, config: Config
) -> IssuedBillOut:
    """Issue a bill for the first months of an offer, payable at every active bank.

    It keeps the member's data and the tariff as they are now; a change later needs another bill.
    A member has one open bill at most: a new bill replaces it.
    """
    basis = BasesFirstRoute.get_bases(request)[asked.member_id]
    issued = await service.issue_bill(
        session, asked, basis, by=principal.account_id, settings=config
    )
    (bill,) = issued.bills
    shown = await bills.read(session, bill, viewer=principal)
    return IssuedBillOut(**dict(shown), replaced_bill_id=issued.replaced.get(bill.id))


@issuing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(*REFUSALS),
)
async def issue(
    asked: NewOrder, request: Request, session: Session, principal: Issuer, config: Config
) -> IssuedOrderOut:
    """Issue the bills of up to 100 members as one order, payable at once at every active bank.

    All bills are issued or none. Each replaces the open bill of its member. When the order is
    paid, every bill that can still count is settled; the rest of the money is kept in suspense.
    """
    bases = BasesFirstRoute.get_bases(request)
    issued = await service.issue(session, asked, bases, by=principal.account_id, settings=config)
    shown = await _order_out(session, principal, await service.show(session, issued.order))
    replaced = [issued.replaced[bill.id] for bill in issued.bills if bill.id in issued.replaced]
    return IssuedOrderOut(**dict(shown), replaced_bill_ids=replaced)


@reading.get("")
async def list_orders(
    session: ReplicaSession, principal: Reader, cursor: Cursor = None, limit: Limit = 50
) -> Page[OrderSummary]:
    """List the orders of several bills of which you may see one, the latest first."""
    found = await service.list_orders(session, principal, cursor=cursor, limit=limit)
    return found.page(OrderSummary.model_validate)


@reading.get("/{order_id}", responses=problems(OrderNotFound))
async def get(order_id: OrderId, session: ReadSession, principal: Reader) -> OrderOut:
    """Return an order with its bills and where it can be paid; also that of a single bill."""
    return await _order_out(session, principal, await service.get(session, principal, order_id))


async def _order_out(session: AsyncSession, principal: Principal, shown: Shown) -> OrderOut:
    found, are_whole = await bills.list_of_order(session, principal, shown.order.id)
    name, is_own = shown.accounts[0].shown_name, shown.order.issued_by == principal.account_id
    return OrderOut(
        **dict(OrderSummary.model_validate(shown.order)),
        status=shown.status,
        name=name if are_whole or is_own else mask_name(name),
        bills=found,
        virtual_accounts=[VirtualAccountOut.model_validate(each) for each in shown.accounts],
    )


router = APIRouter()
for each in (bills_issuing, reading, issuing):
    router.include_router(each)
