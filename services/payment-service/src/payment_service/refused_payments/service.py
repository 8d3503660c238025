"""List payments that were refused, over all banks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bank_access.schemas import read_echo
from payment_service.bills.models import Bill
from payment_service.bills.people import BillPeople, describe
from payment_service.days import Days
from payment_service.refused_payments import queries, rules
from payment_service.refused_payments.queries import Refused
from payment_service.refused_payments.rules import RefusedStatus
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.http.paging import Slice, cut_page, parse_instant_and_id, read_cursor
from snap_bi.messages import Echo


@dataclass(frozen=True, slots=True)
class Shown:
    """A refused payment with the bills of its order, and whom they are about, by bill.

    sent: the ids that the bank sent, empty where it sent none that can be shown.
    """

    refused: Refused
    status: RefusedStatus
    sent: Echo
    bills: Sequence[Bill]
    people: Mapping[UUID, BillPeople]


async def list_refused(
    session: AsyncSession,
    principal: Principal,
    days: Days,
    *,
    partner_id: UUID | None,
    status: RefusedStatus | None,
    cursor: str | None,
    limit: int,
) -> Slice[Shown]:
    """Return the payments that were refused in these days, the latest first.

    Raises: DaysNeeded, CursorInvalid.
    """
    rows = await queries.list_refused(
        session,
        rules.find_days(days, today=clock.today()),
        partner_id=partner_id,
        status=status,
        before=read_cursor(cursor, parse_instant_and_id, parts=2),
        limit=limit + 1,
    )
    found = cut_page(rows, limit, key=lambda row: (row.callback.received_at, row.callback.id))
    order_ids = {id_ for row in found.items if (id_ := row.callback.order_id)}
    asked = await queries.list_bills(session, order_ids) if order_ids else []
    people = await describe(session, principal, [bill for bill, _ in asked])
    of_order = defaultdict(list)
    for bill, as_asked in asked:
        of_order[bill.order_id].append((bill, as_asked))
    shown = []
    for row in found.items:
        own = of_order[row.callback.order_id] if row.callback.order_id else []
        bills = [bill for bill, _ in own]
        shown.append(
            Shown(
                refused=row,
                status=rules.find_status(
                    (each for _, each in own), is_held=row.is_held, is_settled=row.is_settled
                ),
                sent=read_echo(row.callback.body),
                bills=bills,
                people={bill.id: people[bill.id] for bill in bills},
            )
        )
    return Slice(shown, found.next_cursor)


async def count_open(session: AsyncSession) -> int:
    """Count the open ones among the payments that were refused in the last 31 days."""
    days = rules.find_days(Days(), today=clock.today())
    return await queries.count_open(session, days)
