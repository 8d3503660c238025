"""Read members. `enrolments` has the route that registers one, because it also writes an
attribution."""

from typing import Any, TypeVar

from fastapi import APIRouter, Response

from member_service.holidays.routes import LastDue
from member_service.members import service
from member_service.members.models import Member
from member_service.members.rules import (
    MemberNotFound,
    find_standing,
    may_read_identity,
    may_read_phone,
)
from member_service.members.schemas import (
    MemberIdentityOut,
    MemberOut,
    MemberSummary,
)
from member_service.occupations.rules import find_sector
from member_service.requests import (
    KeeperOrMember,
    Reader,
)
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.domain.regions import get_region_name
from perisai_kit.http.answers.etag import etag
from perisai_kit.http.dependencies import Session
from perisai_kit.http.problems import problems, with_headers
from perisai_kit.http.transaction import TransactionRoute
from perisai_kit.http.types import MemberId
from perisai_kit.privacy.masks import mask_email, mask_name, mask_nik, mask_phone

Shown = TypeVar("Shown", bound=MemberSummary)

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=TransactionRoute)


@router.get("/{member_id}", responses=with_headers(200, "ETag") | problems(MemberNotFound))
async def get_member(
    member_id: MemberId,
    session: Session,
    viewer: Reader,
    last_due: LastDue,
    response: Response,
) -> MemberOut:
    """Show one member, numbers masked, with the ETag that a change needs."""
    member = await service.see(session, member_id=member_id, viewer=viewer)
    response.headers["ETag"] = etag(member.version)
    return show(MemberOut, member, viewer, last_due=last_due)


@router.get("/{member_id}/identity", responses=problems(MemberNotFound))
async def get_identity(
    member_id: MemberId, session: Session, viewer: KeeperOrMember
) -> MemberIdentityOut:
    """Show a member's unmasked data to their agent, an officer in charge or the member."""
    member = await service.get_identity(session, member_id=member_id, viewer=viewer)
    values = {name: getattr(member, name, None) for name in MemberIdentityOut.model_fields}
    return MemberIdentityOut.model_validate(
        {**values, "member_id": member.id, "nik_region": get_region_name(member.nik[:6])}
    )


def show(kind: type[Shown], member: Member, viewer: Principal, *, last_due: Month) -> Shown:
    """Return what this reader may see of a member. last_due: the last month that is due."""
    return kind.model_validate(describe(kind, member, viewer, last_due=last_due))


def describe(
    kind: type[MemberSummary], member: Member, viewer: Principal, *, last_due: Month
) -> dict[str, Any]:
    """Return the fields of `kind` that a member's record answers, for this reader."""
    values: dict[str, Any] = {
        name: getattr(member, name) for name in kind.model_fields if hasattr(member, name)
    }
    is_named = may_read_identity(viewer, member)
    values |= {
        "nik": mask_nik(member.nik),
        "kk": member.kk and mask_nik(member.kk),
        "phone": member.phone if may_read_phone(viewer, member) else mask_phone(member.phone),
        "email": member.email and mask_email(member.email),
        "full_name": member.full_name if is_named else mask_name(member.full_name),
        "birth_date": member.birth_date if is_named else None,
        "standing": find_standing(member.registration_state, on=clock.today(), last_due=last_due),
        "sector": find_sector(member.occupations),
    }
    return {name: value for name, value in values.items() if name in kind.model_fields}
