"""List the bills of one member whole: lines and virtual accounts, a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers import queries as answers
from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AllocationCoverage
from payment_service.bills import queries as bills
from payment_service.bills.models import Bill, BillLine
from payment_service.bills.rules import BillStatus, shown_status
from payment_service.own_bills import rules
from payment_service.own_bills.rules import NextStep
from payment_service.virtual_accounts import queries as virtual_accounts
from payment_service.virtual_accounts.models import VirtualAccount
from perisai_kit.domain import clock
from perisai_kit.http.paging import Slice, cut_page, read_cursor


@dataclass(frozen=True, slots=True)
class OwnBill:
    """A bill as its member sees it.

    status: the one that is shown now. answer: of member-service to its money, if there is one.
    """

    bill: Bill
    status: BillStatus
    lines: Sequence[BillLine]
    accounts: Sequence[VirtualAccount]
    answer: CoverageAnswer | None

    @property
    def coverage(self) -> AllocationCoverage | None:
        """What became of its money for the member; None: it is not paid."""
        if self.status is not BillStatus.PAID:
            return None
        return (
            AllocationCoverage(self.answer.outcome) if self.answer else AllocationCoverage.WAITING
        )

    @property
    def next_step(self) -> NextStep:
        answer = self.answer
        return rules.find_next_step(
            self.status,
            outcome=answer.outcome if answer else None,
            has_months=bool(answer and answer.months),
        )


async def list_own(
    session: AsyncSession, member_id: UUID, *, cursor: str | None, limit: int
) -> Slice[OwnBill]:
    """Return the bills of a member, the latest first.

    Raises: CursorInvalid.
    """
    now = clock.now()
    rows = await bills.list_of_member(
        session, member_id, before_id=read_cursor(cursor, UUID), limit=limit + 1
    )
    found = cut_page(rows, limit, key=lambda bill: bill.id)
    lines, accounts = defaultdict(list), defaultdict(list)
    paid = [bill.id for bill in found.items if bill.status is BillStatus.PAID]
    answered = await answers.find_of_bills(session, paid) if paid else {}
    if found.items:
        for line in await bills.list_lines_of(session, [bill.id for bill in found.items]):
            lines[line.bill_id].append(line)
        orders = [bill.order_id for bill in found.items]
        for account in await virtual_accounts.list_of_orders(session, orders):
            accounts[account.order_id].append(account)
    shown = [
        OwnBill(
            bill=bill,
            status=shown_status(bill.status, expires_at=bill.expires_at, at=now),
            lines=lines[bill.id],
            accounts=accounts[bill.order_id],
            answer=answered.get(bill.id),
        )
        for bill in found.items
    ]
    return Slice(shown, found.next_cursor)
