from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from member_service.coverage.rules import Cover
from member_service.holidays import service as holidays
from member_service.listings import service
from member_service.listings.rules import Filters, Sort, may_search
from member_service.listings.schemas import MemberPage, MemberRow, RemovedMember
from member_service.listings.service import Desk, Listing
from member_service.members.models import Member
from member_service.members.routes import describe
from member_service.members.rules import Standing
from member_service.members.schemas import MemberSummary
from member_service.registrations.rules import UNPAID_MONTHS
from member_service.requests import Reader, SettingsOf, WholeDatabase
from member_service.search_words import service as search_words
from member_service.search_words.rules import (
    SearchForbidden,
    SearchNumberTooLong,
    SearchTooShort,
)
from perisai_kit.auth.principal import Principal
from perisai_kit.domain.field_errors import describe_form
from perisai_kit.http.answers.not_modified import made_at
from perisai_kit.http.answers.sync import (
    UpdatedSinceFiltered,
    UpdatedSinceInvalid,
    encode_since,
    parse_since,
)
from perisai_kit.http.dependencies import Keys
from perisai_kit.http.paging import Cursor, Limit
from perisai_kit.http.problems import problems
from perisai_kit.http.types import Day, ShortText
from perisai_kit.http.visibility import ReadRoute
from perisai_kit.privacy.read_audit import audit_read
from perisai_kit.services.names.agents import Agents

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=ReadRoute)

WITHOUT_AGENT = "none"
_AGENT = describe_form(
    f"^({WITHOUT_AGENT}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})$",
    f"must be the id of an agent, or `{WITHOUT_AGENT}`",
    f"harus ID agen, atau `{WITHOUT_AGENT}`",
)

Search = Annotated[
    str,
    Field(max_length=100),
    Query(
        description="Words of a name, or their first three to eight letters, and the last 4 to 6 "
        "digits of the telephone number or the NIK; a member must have all of them. Only members "
        "whose name you may see are found.",
        examples=["slamet riy", "4321"],
    ),
]


Order = Annotated[
    Sort,
    Query(
        description="The order; `-` is descending. `lapses_on` lists open registrations only: the "
        "more months in a row are unpaid, the earlier they come. Names are encrypted and cannot be "
        "sorted."
    ),
]
UpdatedSince = Annotated[
    str | None,
    Query(
        max_length=200,
        description="Only what has changed since: the `as_of` of an earlier answer, or an instant. "
        "Members whom you may not see any more come as `removed`. Some rows may come again. "
        "Without filters and without another order. `standing`, `covered_today` and "
        "`unpaid_months` also change with the calendar, which is no change here.",
        examples=["2026-11-30T08:00:00Z"],
    ),
]


async def _filters(
    viewer: Reader,
    keyring: Keys,
    q: Search | None = None,
    standing: Annotated[Standing | None, Query(description="Only with this standing.")] = None,
    lapses_before: Annotated[
        Day | None,
        Query(
            description="Only open registrations whose `lapses_on` is before this day.",
            examples=["2026-12-15"],
        ),
    ] = None,
    unpaid_months_min: Annotated[
        int | None,
        Query(
            ge=1,
            le=UNPAID_MONTHS,
            description="Only open registrations with at least so many unpaid months that are due.",
        ),
    ] = None,
    village: Annotated[
        ShortText | None,
        Query(description="Only of this desa or kelurahan, in any case.", examples=["Kalibaru"]),
    ] = None,
    agent_id: Annotated[
        str | None,
        Query(
            pattern=_AGENT,
            description="Only of this agent; `none`: only members without an agent.",
            examples=[WITHOUT_AGENT, "0190a1b2-0000-7000-8000-000000000001"],
        ),
    ] = None,
) -> Filters:
    if q is not None and not may_search(viewer):
        raise SearchForbidden
    return Filters(
        standing=standing,
        lapses_before=lapses_before,
        unpaid_months_min=unpaid_months_min,
        village=village,
        agent_id=UUID(agent_id) if agent_id and agent_id != WITHOUT_AGENT else None,
        words=search_words.hash_search(q, keyring) if q is not None else (),
        without_agent=agent_id == WITHOUT_AGENT,
    )


@router.get(
    "",
    responses=problems(
        SearchTooShort,
        SearchNumberTooLong,
        SearchForbidden,
        UpdatedSinceInvalid,
        UpdatedSinceFiltered,
    ),
    dependencies=[made_at("as_of")],
)
async def list_members(
    database: WholeDatabase,
    viewer: Reader,
    settings: SettingsOf,
    agents: Agents,
    filters: Annotated[Filters, Depends(_filters)],
    sort: Order = Sort.NEWEST,
    updated_since: UpdatedSince = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MemberPage:
    """List the members you may see, with what is to be done for each today.

    A member must meet all filters. A cursor is valid for the same filters and the same order only.
    The reading is recorded.
    """
    if updated_since is not None and (filters != Filters() or sort is not Sort.NEWEST):
        raise UpdatedSinceFiltered(field="updated_since")
    since = parse_since(updated_since) if updated_since is not None else None
    is_kept = cursor is None and filters == Filters() and sort is Sort.NEWEST
    present = await service.find_present(database) if is_kept else None
    async with database.read_replica() if since is None else database.read() as session:
        off = await holidays.load(session, joint_leave=settings.joint_leave_counts)
        desk = Desk(viewer, limit, settings.terms, off)
        if since is None:
            found = await service.list_members(
                session, filters=filters, sort=sort, cursor=cursor, desk=desk
            )
        else:
            found = await service.list_changes(session, since=since, cursor=cursor, desk=desk)
    names = await agents.find_names(found.named_agents.values())
    audit_read(names)
    return MemberPage(
        items=[
            *(RemovedMember(id=member_id) for member_id in found.removed),
            *(_row(member, found, names, viewer) for member in found.members),
        ],
        next_cursor=found.next_cursor,
        as_of=encode_since(present) if present else None,
    )


def _row(
    member: Member, found: Listing, agent_names: Mapping[UUID, str], viewer: Principal
) -> MemberRow:
    coverage = found.coverages[member.id]
    state = member.registration_state
    is_open = state is not None and state.is_open(found.on)
    bill = found.bills.get(member.id)
    agent_id = found.named_agents.get(member.id)
    return MemberRow(
        **describe(MemberSummary, member, viewer, last_due=found.last_due),
        agent_name=agent_names.get(agent_id) if agent_id else None,
        covered_today=coverage.cover is Cover.COVERED,
        lapses_on=state.ends_on if state is not None and is_open else None,
        next_due_on=coverage.next_due_on,
        unpaid_months=len(coverage.unpaid_months) if is_open else 0,
        amount_due=bill.amount if bill else None,
        open_bill_id=bill.bill_id if bill else None,
    )
