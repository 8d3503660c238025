"""Ask for money: issue bills in orders, payable at every active bank."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills import service as bills
from payment_service.bills.models import Bill
from payment_service.bills.schemas import NewBill
from payment_service.bills.service import Drafted
from payment_service.clients.members import ContributionBasis
from payment_service.orders import queries, rules
from payment_service.orders.models import CorrectedMember, Order
from payment_service.orders.queries import Accounts, Asked
from payment_service.orders.rules import AskedOrder, LockedOrder, OrderStatus
from payment_service.orders.schemas import NewOrder
from payment_service.quotes import service as quotes
from payment_service.quotes.rules import Limits
from payment_service.settings import Settings
from payment_service.virtual_accounts import service as virtual_accounts
from payment_service.virtual_accounts.models import VirtualAccount
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.db.sql import Executor
from perisai_kit.domain import clock
from perisai_kit.domain.errors import DomainError, together
from perisai_kit.domain.ids import new_id
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.keyring import Keyring

SECOND_TURN = timedelta(minutes=3)
"""Far longer than a request lasts that asked member-service for the name before."""

Bases = Mapping[UUID, ContributionBasis]
"""What members' contributions are priced on, by member."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An order that was just issued. replaced: which open bill each bill replaces, by its id."""

    order: Order
    bills: Sequence[Bill]
    replaced: Mapping[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Shown:
    """An order with what can be done with it, and where it can be paid."""

    order: Order
    status: OrderStatus
    accounts: Sequence[VirtualAccount]


async def issue_bill(
    session: AsyncSession, asked: NewBill, basis: ContributionBasis, *, by: UUID, settings: Settings
) -> Issued:
    """Issue the bill of one member as an order of its own.

    Raises: as `issue`, for the one bill.
    """
    bases = {basis.member_id: basis}
    return await _issue(
        session, {"": asked}, bases, name=basis.display_name, by=by, settings=settings
    )


async def issue(
    session: AsyncSession, asked: NewOrder, bases: Bases, *, by: UUID, settings: Settings
) -> Issued:
    """Issue an order of the bills of several members; a member's open bill is replaced.

    Raises: with the fields of the bills they are about: MonthNotBillable, MemberDeceased,
    MemberOverAge, DeclarationNeeded, NoTariff, IncomeBelowMinimum, MandatoryProgrammeMissing,
    JhtMandatory; MonthAlreadyBilled; NoActiveBank.
    """
    bills_asked = {f"bills.{place}.": each for place, each in enumerate(asked.bills)}
    return await _issue(session, bills_asked, bases, name=asked.name, by=by, settings=settings)


async def get(session: AsyncSession, principal: Principal, order_id: UUID) -> Shown:
    """Return an order of which the subject may see a bill.

    Raises: OrderNotFound.
    """
    order = await queries.find_order(session, order_id, visible(principal, Bill))
    if order is None:
        raise rules.OrderNotFound
    return await show(session, order)


async def show(session: AsyncSession, order: Order) -> Shown:
    """Return an order for a caller that has decided who may see it."""
    statuses = await bills.list_statuses(session, order.id)
    accounts = await virtual_accounts.list_accounts(session, order.id)
    return Shown(order, rules.find_status(statuses), accounts)


async def list_orders(
    session: AsyncSession, principal: Principal, *, cursor: str | None, limit: int
) -> Slice[Order]:
    """Return the orders of several bills of which the subject may see one, the latest first.

    Raises: CursorInvalid.
    """
    found = await queries.list_orders(
        session,
        visible(principal, Bill),
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    return cut_page(found, limit, key=lambda order: order.id)


async def note_corrected(session: AsyncSession, member_id: UUID, *, is_judged: bool) -> None:
    """Note that facts of a member were corrected; `follow_corrections` brings them to the bills.

    is_judged: the open bill is judged anew too.
    """
    await queries.upsert_corrected(session, member_id, is_judged=is_judged, noted_at=clock.now())


async def list_corrected(session: AsyncSession, *, limit: int) -> Sequence[CorrectedMember]:
    """Return members whose bills may be from before a correction."""
    return await queries.list_corrected(session, at=clock.now(), limit=limit)


async def follow_corrections(
    session: AsyncSession, bases: Bases, noted: Sequence[CorrectedMember]
) -> None:
    """Put the members' names on their bills, and withdraw open bills that cannot be paid any more.

    Names reach the accounts that can still be paid. Those of an order of several bills show who
    pays it, so they stay.
    bases: a member who is missing is not known any more. noted: as `list_corrected` returned it;
    what was noted since stays noted. There is a second turn for bills from before the correction
    that are just being issued.
    """
    names = {member_id: basis.display_name for member_id, basis in bases.items()}
    renamed = await bills.rename(session, names)
    alone = await queries.list_of_one(session, {bill.order_id for bill in renamed})
    for bill in renamed:
        if bill.order_id in alone:
            await virtual_accounts.rename(session, bill.order_id, bill.display_name)
    judged = {each.member_id for each in noted if each.is_judged} & bases.keys()
    await bills.withdraw_unpayable(session, {each: bases[each] for each in judged})
    await queries.end_turn(session, noted, again_at=clock.now() + SECOND_TURN)


async def find_asked(run: Executor, accounts: Collection[tuple[UUID, str]]) -> Asked:
    """Return the orders paid under these pairs of partner and customer number, without a lock."""
    return await queries.find_asked(run, accounts) if accounts else {}


async def lock_for_payment(run: Executor, accounts: Collection[tuple[UUID, str]]) -> Accounts:
    """Lock the bills of the orders paid under these pairs of partner and customer number.

    In the one order everybody keeps. An order stands under each of its accounts asked for.
    """
    return await queries.lock_orders(run, accounts) if accounts else {}


async def find_held(run: Executor, accounts: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return the accounts whose bills cannot all be locked now, and lock the bills that can be."""
    return await queries.find_held(run, accounts) if accounts else set()


def read_shown_name(
    order: LockedOrder | AskedOrder, keyring: Keyring, *, partner_id: UUID, customer_no: str
) -> str:
    """Return the name that this bank is shown."""
    return virtual_accounts.read_shown_name(
        order.shown_name, keyring, partner_id=partner_id, customer_no=customer_no
    )


async def _issue(
    session: AsyncSession,
    asked: Mapping[str, NewBill],
    bases: Bases,
    *,
    name: str,
    by: UUID,
    settings: Settings,
) -> Issued:
    order_id = new_id()
    limits = quotes.find_limits(settings)
    drafts = _draft(asked, bases, order_id=order_id, by=by, limits=limits, settings=settings)
    previous = await bills.lock_members(session, bases)
    order = Order(
        id=order_id,
        bill_count=len(drafts),
        amount=sum(each.bill.amount for each in drafts),
        issued_at=limits.at,
        issued_by=by,
    )
    await queries.insert_order(session, order)
    await virtual_accounts.open_accounts(session, order_id, name)
    replaced = await bills.issue(session, drafts, bases, previous=previous)
    return Issued(order, [each.bill for each in drafts], replaced)


def _draft(
    asked: Mapping[str, NewBill],
    bases: Bases,
    *,
    order_id: UUID,
    by: UUID,
    limits: Limits,
    settings: Settings,
) -> list[Drafted]:
    drafts: list[Drafted] = []
    errors: list[DomainError] = []
    for place, each in asked.items():
        try:
            drafts.append(
                bills.draft(
                    bases[each.member_id],
                    each,
                    place=place,
                    order_id=order_id,
                    by=by,
                    limits=limits,
                    settings=settings,
                )
            )
        except DomainError as error:
            error.field = f"{place}{error.field or 'member_id'}"
            errors.append(error)
    if errors:
        raise together(errors)
    return drafts
