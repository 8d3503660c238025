"""What several features' routes take from a request."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request

from member_service.members.rules import Limits
from member_service.settings import Settings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.auth.roles import require
from perisai_kit.domain.errors import PreconditionRequired
from perisai_kit.http.paging import CursorInvalid, CursorText, decode_cursor
from perisai_kit.http.problems import language


async def _limits(request: Request) -> Limits:
    settings = request.app.state.kit.settings
    assert isinstance(settings, Settings)
    return settings.limits


async def _request_id(request: Request) -> str:
    return str(request.state.request_id)


async def _if_match(if_match: Annotated[str | None, Header(max_length=200)] = None) -> str:
    if if_match is None:
        raise PreconditionRequired
    return if_match


async def _after(
    cursor: Annotated[CursorText | None, Query()] = None,
) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    created_at, row_id = decode_cursor(cursor, 2)
    try:
        after = datetime.fromisoformat(created_at), UUID(row_id)
    except ValueError:
        raise CursorInvalid(field="cursor") from None
    if after[0].tzinfo is None:
        raise CursorInvalid(field="cursor")
    return after


LimitsOf = Annotated[Limits, Depends(_limits)]
Language = Annotated[str, Depends(language)]
RequestId = Annotated[str, Depends(_request_id)]

IfMatch = Annotated[str, Depends(_if_match)]
"""The ETag that the client read. 428 without the header."""

After = Annotated[tuple[datetime, UUID] | None, Depends(_after)]
"""Where a list, newest first, goes on: the time and id of the last row that was shown."""

READERS = (
    Role.MEMBER,
    Role.AGENT,
    Role.WADAH_ADMIN,
    Role.BRANCH_OFFICER,
    Role.FINANCE_OFFICER,
    Role.AUDITOR,
    Role.ADMIN,
)
Reader = Annotated[Principal, Depends(require(*READERS))]
Keeper = Annotated[Principal, Depends(require(Role.AGENT, Role.BRANCH_OFFICER, Role.ADMIN))]
KeeperOrMember = Annotated[
    Principal, Depends(require(Role.AGENT, Role.BRANCH_OFFICER, Role.ADMIN, Role.MEMBER))
]
Officer = Annotated[Principal, Depends(require(Role.BRANCH_OFFICER, Role.ADMIN))]
