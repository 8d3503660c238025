"""The bills of the member who is signed in, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from payment_service.bills.schemas import BillLineOut, BillSummary, VirtualAccountOut
from payment_service.own_bills import service
from payment_service.own_bills.schemas import OwnBillOut
from payment_service.own_bills.service import OwnBill
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReplicaSession
from perisai_kit.http.paging import Cursor, Limit, Page

router = APIRouter(prefix="/v1/me/bills", tags=["bills"])
Member = Annotated[Principal, Depends(require(Role.MEMBER))]


@router.get("")
async def list_own_bills(
    session: ReplicaSession, principal: Member, cursor: Cursor = None, limit: Limit = 12
) -> Page[OwnBillOut]:
    """List your own bills, the latest first, with where to pay and what to do about each.

    Empty for an account that is not linked to a member.
    """
    if principal.member_id is None:
        return Page(items=[])
    found = await service.list_own(session, principal.member_id, cursor=cursor, limit=limit)
    return found.page(_out)


def _out(own: OwnBill) -> OwnBillOut:
    stored = BillSummary.model_validate(own.bill).model_dump(exclude={"status"})
    return OwnBillOut(
        **stored,
        status=own.status,
        lines=[BillLineOut.model_validate(line) for line in own.lines],
        virtual_accounts=[VirtualAccountOut.model_validate(each) for each in own.accounts],
        coverage=own.coverage,
        next_step=own.next_step,
    )
