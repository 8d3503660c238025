from typing import Annotated

from fastapi import APIRouter, Request, Response

from member_service.changes import service
from member_service.changes.rules import AgentsOwnRecord, ConfirmationRequired, Patch, find_problems
from member_service.changes.schemas import MemberPatch
from member_service.holidays.routes import LastDue
from member_service.members.routes import show
from member_service.members.rules import MemberNotFound
from member_service.members.schemas import MemberOut
from member_service.requests import Keeper, LimitsOf, get_settings
from perisai_kit.domain.errors import Invalid, PreconditionFailed, PreconditionRequired
from perisai_kit.domain.programmes import (
    IncomeBelowMinimum,
    JhtMandatory,
    MandatoryProgrammeMissing,
)
from perisai_kit.http.answers.body_rules import BodyRules
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.dependencies import IfMatch, Keys, Session
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)


def _find_problems(patch: Patch, request: Request) -> list[Invalid]:
    return find_problems(patch, limits=get_settings(request).limits)


@router.patch(
    "/{member_id}",
    responses=with_headers(200, "ETag")
    | problems(
        MemberNotFound,
        PreconditionFailed,
        PreconditionRequired,
        ConfirmationRequired,
        AgentsOwnRecord,
        IncomeBelowMinimum,
        MandatoryProgrammeMissing,
        JhtMandatory,
    ),
)
async def change_member(
    member_id: MemberId,
    patch: Annotated[MemberPatch, BodyRules(_find_problems)],
    session: Session,
    viewer: Keeper,
    if_match: IfMatch,
    limits: LimitsOf,
    keyring: Keys,
    last_due: LastDue,
    response: Response,
) -> MemberOut:
    """Change what is sent, if nobody else has changed the member since it was read (If-Match).

    Income and programmes count for the bills issued from now on. Name, date of birth, sex,
    telephone, occupations and payer change by a correction, at `/corrections`.
    """
    member = await service.change(
        session,
        member_id=member_id,
        patch=patch,
        if_match=if_match,
        viewer=viewer,
        limits=limits,
        keyring=keyring,
    )
    response.headers["ETag"] = etag(member.version)
    return show(MemberOut, member, viewer, last_due=last_due)
