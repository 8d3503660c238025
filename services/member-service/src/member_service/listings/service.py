"""Lists of members, with the coverage of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import service as coverage
from member_service.coverage.rules import Coverage
from member_service.holidays.rules import Holidays, last_month_due
from member_service.listings import queries
from member_service.listings.rules import Filters, Sort
from member_service.members.models import Member
from member_service.members.rules import may_name_agent
from member_service.open_bills import service as open_bills
from member_service.open_bills.models import OpenBill
from member_service.registrations.rules import Terms
from member_service.sync import service as sync
from perisai_kit.auth.principal import Principal
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.sync import Change, Since
from perisai_kit.http.answers.sync import find_present as find_now
from perisai_kit.http.paging import bind_cursor, cut_page, read_bound_cursor
from perisai_kit.privacy.read_audit import audit_read


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of members on a day. last_due: the last month that is due.

    coverages and bills: by member id; most members have no open bill. named_agents: the
    agents whose names the reader may see, by member id. removed: members whom the reader does not
    see any more.
    """

    on: date
    last_due: Month
    members: Sequence[Member]
    next_cursor: str | None
    coverages: dict[UUID, Coverage]
    bills: dict[UUID, OpenBill]
    named_agents: dict[UUID, UUID]
    removed: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Who reads, how many rows at once, and what judges a member.

    off: the days on which nothing falls due.
    """

    viewer: Principal
    limit: int
    terms: Terms
    off: Holidays


async def find_present(database: Database) -> Since:
    """Return from when on a client that reads the list now will have missed changes.

    Only the primary knows the transactions that write now. Call it before the list is read.
    """
    async with database.read() as session:
        return await find_now(session)


async def list_members(
    session: AsyncSession, *, filters: Filters, sort: Sort, cursor: str | None, desk: Desk
) -> Listing:
    """Return one page of the members whom the reader may see.

    The number of SQL statements does not depend on the number of members. Raises: CursorInvalid.
    """
    order = queries.ORDERS[sort]
    binding = (sort, filters)
    after = read_bound_cursor(cursor, order.read, parts=len(order.columns), binding=binding)
    found = await queries.list_members(
        session,
        desk.viewer,
        filters,
        sort,
        on=clock.today(),
        last_due=last_month_due(clock.today(), desk.off),
        after=after,
        limit=desk.limit + 1,
    )
    page = cut_page(found, desk.limit, key=lambda row: bind_cursor(binding, *order.of(row)))
    return await _describe(session, page.items, page.next_cursor, desk)


async def list_changes(
    session: AsyncSession, *, since: Since, cursor: str | None, desk: Desk
) -> Listing:
    """Return one page of the members who have changed for the reader.

    Raises: CursorInvalid.
    """
    page = await sync.list_changes(
        session, viewer=desk.viewer, since=since, cursor=cursor, limit=desk.limit
    )
    ids = [each.member_id for each in page.items if each.change is not Change.REMOVED]
    found = await queries.load_members(session, ids)
    listing = await _describe(session, found, page.next_cursor, desk)
    removed = [each.member_id for each in page.items if each.change is Change.REMOVED]
    return replace(listing, removed=removed)


async def _describe(
    session: AsyncSession,
    found: Sequence[Member],
    next_cursor: str | None,
    desk: Desk,
) -> Listing:
    on = clock.today()
    ids = [member.id for member in found]
    named_agents = {
        member.id: member.agent_id
        for member in found
        if member.agent_id and may_name_agent(desk.viewer, member)
    }
    audit_read(ids)
    return Listing(
        on=on,
        last_due=last_month_due(on, desk.off),
        members=found,
        next_cursor=next_cursor,
        coverages=await coverage.list_coverages(session, found, terms=desk.terms, off=desk.off),
        bills=await open_bills.list_open(session, ids),
        named_agents=named_agents,
    )
