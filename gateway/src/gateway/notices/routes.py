from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gateway.notices import rules, service
from gateway.notices.models import AccountNotice
from gateway.notices.schemas import NewPhoneNotice, NoticeOut, PhoneNoticeTaken
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require, require_account
from perisai_kit.domain import clock
from perisai_kit.http.dependencies import ReadSession, Session
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import choose_language, problems
from perisai_kit.http.transaction import TransactionRoute

router = APIRouter(prefix="/v1", tags=["me"])

phone_router = APIRouter(
    prefix="/v1/phone-notices", tags=["phone_notices"], route_class=TransactionRoute
)

Service = Annotated[Principal, Depends(require(Role.SERVICE))]
Anyone = Annotated[Principal, Depends(require_account())]


@router.get("/me/notices", responses=problems())
async def list_notices(
    session: ReadSession,
    principal: Anyone,
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[NoticeOut]:
    """List the notices to your own account, newest first.

    They say what administrators did to it, and what became of your incentive, or your wadah's.
    """
    found = await service.list_own(
        session, account_id=principal.account_id, limit=limit, cursor=cursor
    )
    spoken = choose_language(request)
    return found.page(lambda row: _out(row, spoken))


@phone_router.post("", status_code=202, responses=problems())
async def add_notice(session: Session, new: NewPhoneNotice, _: Service) -> PhoneNoticeTaken:
    """Take a notice to a member's telephone, also of a member without an account.

    For services only. It is sent after this answer, and tried again for two days.
    """
    await service.add_once(
        session,
        new.template,
        notice_id=new.id,
        phone=new.phone,
        now=clock.real_now(),
    )
    return PhoneNoticeTaken(id=new.id)


def _out(notice: AccountNotice, spoken: str) -> NoticeOut:
    return NoticeOut(
        id=notice.id,
        template=rules.NoticeTemplate(notice.template),
        text=rules.get_text(notice.template, spoken, month=notice.month, amount=notice.amount),
        month=notice.month,
        amount=notice.amount,
        created_at=notice.created_at,
    )
