from typing import Annotated

from fastapi import APIRouter, Depends, Request

from gateway.notices import rules, service
from gateway.notices.models import AccountNotice
from gateway.notices.schemas import NoticeOut
from perisai_kit.auth.principal import Principal
from perisai_kit.auth.roles import require
from perisai_kit.http.dependencies import ReadSession
from perisai_kit.http.paging import Cursor, Limit, Page
from perisai_kit.http.problems import choose_language, problems

router = APIRouter(prefix="/v1", tags=["me"])

Anyone = Annotated[Principal, Depends(require())]


@router.get("/me/notices", responses=problems())
async def list_notices(
    session: ReadSession,
    principal: Anyone,
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[NoticeOut]:
    """List what administrators did to your own account, newest first."""
    found = await service.list_own(
        session, account_id=principal.account_id, limit=limit, cursor=cursor
    )
    spoken = choose_language(request)
    return found.page(lambda row: _out(row, spoken))


def _out(notice: AccountNotice, spoken: str) -> NoticeOut:
    return NoticeOut(
        id=notice.id,
        template=rules.NoticeTemplate(notice.template),
        text=rules.get_text(notice.template, spoken),
        created_at=notice.created_at,
    )
