"""Bills over HTTP."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from payment_service.bills import service
from payment_service.bills.rules import (
    BillAlreadyPaid,
    BillCancelledAlready,
    BillExpiredAlready,
    BillNotFound,
    BillStatus,
    MonthAlreadyBilled,
    NoActiveBank,
)
from payment_service.bills.schemas import (
    BillCancellation,
    BillOut,
    BillSummary,
    IssuedBillOut,
    NewBill,
)
from payment_service.clients.members import ContributionBasis, MemberUnknown
from payment_service.quotes.rules import (
    DeclarationNeeded,
    MemberDeceased,
    MemberOverAge,
    MonthNotBillable,
)
from payment_service.settings import Config
from payment_service.tariffs import service as tariffs
from payment_service.tariffs.rules import NoTariff
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import DomainError
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
)
from perisai_kit.http.body import JsonRequest, to_json_request
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import BodyUnreadable, problems
from perisai_kit.http.transaction import IDEMPOTENT, TransactionRoute
from perisai_kit.http.types import BillId, MemberId

issuer = require(Role.MEMBER, Role.AGENT, Role.WADAH_ADMIN, Role.BRANCH_OFFICER, Role.ADMIN)
Issuer = Annotated[Principal, Depends(issuer)]
Reader = Annotated[
    Principal,
    Depends(
        require(
            Role.MEMBER,
            Role.AGENT,
            Role.WADAH_ADMIN,
            Role.BRANCH_OFFICER,
            Role.FINANCE_OFFICER,
            Role.AUDITOR,
            Role.ADMIN,
        )
    ),
]


class BasisFirstRoute(TransactionRoute):
    """Asks member-service before the transaction opens, since no call may be made inside one.

    What went wrong is kept for the route to raise, so that the repeat of a request that succeeded
    gets its first answer even while member-service is away.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        in_transaction = super().get_route_handler()

        async def handle(request: Request) -> Response:
            once = to_json_request(request)
            once.state.basis = await _ask_basis(once)
            return await in_transaction(once)

        return handle


async def _ask_basis(request: JsonRequest) -> ContributionBasis | DomainError | None:
    principal = await issuer(request)
    try:
        asked = NewBill.model_validate(await request.json())
        return await tariffs.basis_for(request.app.state.members, principal, asked.member_id)
    except ValidationError:
        return None  # the route itself refuses the body, field by field
    except DomainError as error:
        return error


def _basis(request: Request) -> ContributionBasis:
    basis = request.state.basis
    if isinstance(basis, ContributionBasis):
        return basis
    raise basis or BodyUnreadable  # JSON, but not in UTF-8


reading = APIRouter(prefix="/v1/bills")
issuing = APIRouter(prefix="/v1/bills", route_class=BasisFirstRoute)
writing = APIRouter(prefix="/v1/bills", route_class=TransactionRoute)


@issuing.post(
    "",
    status_code=201,
    openapi_extra=IDEMPOTENT,
    responses=problems(
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
    ),
)
async def issue(
    asked: NewBill, request: Request, session: Session, principal: Issuer, config: Config
) -> IssuedBillOut:
    """Issue a bill for the first months of an offer, payable at every active bank.

    It keeps the member's data and the tariff as they are now; a change later needs another bill.
    A member has one open bill at most: a new bill replaces it.
    """
    issued = await service.issue(
        session, asked, _basis(request), by=principal.account_id, settings=config
    )
    return IssuedBillOut(**dict(issued.bill), replaced_bill_id=issued.replaced_bill_id)


@reading.get("", response_model=Page[BillSummary])
async def list_bills(
    session: ReadSession,
    principal: Reader,
    member_id: MemberId | None = None,
    status: Annotated[BillStatus | None, Query(description="Only with this status.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[BillSummary]:
    """List the bills you may see, the latest first."""
    return await service.list_bills(
        session, principal, member_id=member_id, status=status, cursor=cursor, limit=limit
    )


@reading.get("/{bill_id}", response_model=BillOut, responses=problems(BillNotFound))
async def get(bill_id: BillId, session: ReadSession, principal: Reader) -> BillOut:
    """Return a bill with its lines and where it can be paid."""
    return await service.get(session, principal, bill_id)


@writing.post(
    "/{bill_id}/cancellation",
    response_model=BillOut,
    responses=problems(BillNotFound, BillAlreadyPaid, BillCancelledAlready, BillExpiredAlready),
)
async def cancel(
    bill_id: BillId, wanted: BillCancellation, session: Session, principal: Issuer
) -> BillOut:
    """Cancel a bill that is not paid, so that nobody pays it any more."""
    return await service.cancel(session, principal, bill_id, reason=wanted.reason)


router = APIRouter(tags=["bills"])
for each in (reading, issuing, writing):
    router.include_router(each)
