"""Lists of bills, each with its name and where it can be paid."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bill_changes import service as changes
from payment_service.bill_lists import queries
from payment_service.bill_lists.rules import BillFilter, BillSort
from payment_service.bills.models import Bill
from payment_service.bills.people import name_members
from payment_service.crowds import Crowd, measure
from payment_service.virtual_accounts import service as virtual_accounts
from payment_service.virtual_accounts.models import VirtualAccount
from payment_service.visibility import STAFF, find_sight
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.http.answers.sync import Change, Since
from perisai_kit.http.answers.sync import find_present as find_now
from perisai_kit.http.paging import bind_cursor, cut_page, read_bound_cursor


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of bills. names: as far as the reader may see them, by bill.

    accounts: by order. removed: bills that the reader does not see any more. is_kept: whether a
    client may ask what has changed in this list.
    """

    bills: Sequence[Bill]
    names: Mapping[UUID, str]
    accounts: Mapping[UUID, Sequence[VirtualAccount]]
    next_cursor: str | None
    removed: Sequence[UUID] = ()
    is_kept: bool = True


async def find_present(database: Database) -> Since:
    """Return from when on a client that reads the list now will have missed changes.

    Only the primary knows the transactions that write now. Call it before the list is read.
    """
    async with database.read() as session:
        return await find_now(session)


async def list_bills(
    session: AsyncSession,
    principal: Principal,
    asked: BillFilter,
    sort: BillSort,
    *,
    cursor: str | None,
    limit: int,
) -> Listing:
    """Return one page of the bills that the principal may see.

    Raises: DaysNeeded, CursorInvalid.
    """
    asked.check(sees_few=not principal.has(Role.WADAH_ADMIN, *STAFF))
    order, binding = queries.ORDERS[sort], (sort, asked)
    after = read_bound_cursor(cursor, order.read, parts=len(order.columns), binding=binding)
    sight = find_sight(principal, agent_id=asked.agent_id, branch_code=asked.branch_code)
    # Their bills are found by an index, however many members the reader sees.
    crowd = Crowd(sight, 0, 0) if asked.is_of_one else await measure(session, sight)
    rows = await queries.list_bills(
        session,
        crowd,
        asked,
        sort,
        at=clock.now(),
        after=after,
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: bind_cursor(binding, *order.of(row)))
    listing = await _describe(session, principal, page.items, page.next_cursor)
    is_whole = asked == BillFilter() and sort is BillSort.NEWEST
    return replace(listing, is_kept=is_whole and crowd.is_few)


async def list_changes(
    session: AsyncSession, principal: Principal, *, since: Since, cursor: str | None, limit: int
) -> Listing:
    """Return one page of the bills that have changed for the principal.

    Raises: UpdatedSinceTooMany, CursorInvalid.
    """
    page = await changes.list_changes(session, principal, since=since, cursor=cursor, limit=limit)
    ids = [each.bill_id for each in page.items if each.change is not Change.REMOVED]
    found = await queries.load_bills(session, ids)
    listing = await _describe(session, principal, found, page.next_cursor)
    removed = [each.bill_id for each in page.items if each.change is Change.REMOVED]
    return replace(listing, removed=removed)


async def _describe(
    session: AsyncSession, principal: Principal, found: Sequence[Bill], next_cursor: str | None
) -> Listing:
    accounts: dict[UUID, list[VirtualAccount]] = defaultdict(list)
    if found:
        orders = {bill.order_id for bill in found}
        for account in await virtual_accounts.list_of_orders(session, orders):
            accounts[account.order_id].append(account)
    names = await name_members(session, principal, found)
    return Listing(found, names, accounts, next_cursor)
