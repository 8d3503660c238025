"""A village whose members pay: what the three feeds tell of it, and its payments as rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, TypeAlias
from uuid import UUID

from payment_service_tests.partner_bank import insert_messages, make_partner_row
from sqlalchemy import Table, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.allocations.models import Allocation
from payment_service.answers.service import Answer
from payment_service.banks.models import BankPartner
from payment_service.bills.models import Bill, BillLine
from payment_service.commissions import service as commissions
from payment_service.commissions import tasks
from payment_service.counting.service import AGENTS
from payment_service.orders.models import Order
from payment_service.payments.models import Payment, PaymentRequest
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import JAKARTA
from perisai_kit.domain.month import Month, list_months
from perisai_kit.events.catalogue import (
    AGENT_DECIDED,
    AGENT_MOVED,
    AgentActivated,
    AgentReinstated,
    AgentSuspended,
    BankAccountChanged,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    Payer,
    PaymentSettled,
    Programme,
    SettledLine,
    WadahAgreementSigned,
    WadahTerminated,
)
from perisai_kit.events.cursors import Cursor
from perisai_kit.events.envelope import Event

Prices: TypeAlias = dict[Programme, tuple[int, int]]
"""Paid and waived, by programme."""
FULL: Prices = {"jkk": (10_000, 0), "jkm": (6_800, 0), "jht": (20_000, 0)}
TWO: Prices = {"jkk": (10_000, 0), "jkm": (6_800, 0)}
RELIEVED: Prices = {"jkk": (5_000, 5_000), "jkm": (3_400, 3_400), "jht": (20_000, 0)}

LONG_AGO = datetime(2017, 1, 1, tzinfo=JAKARTA)
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=JAKARTA)
PARTNER_ID = UUID("0190a000-0000-7000-8000-00000000ba2c")
"""The bank where all of them pay."""

HANDLERS: dict[type[Event], Any] = {
    PaymentSettled: tasks.on_payments_settled,
    CoverageExtended: tasks.on_coverage_answered,
    CoverageWithdrawn: tasks.on_coverage_answered,
    CoverageDeclined: tasks.on_coverage_answered,
    **dict.fromkeys(AGENT_DECIDED, tasks.on_agents_decided),
    **dict.fromkeys(AGENT_MOVED, tasks.on_agents_moved),
    WadahAgreementSigned: tasks.on_agreements_signed,
    WadahTerminated: tasks.on_wadahs_terminated,
    BankAccountChanged: tasks.on_accounts_changed,
}


def noon(month: Month, day: int = 10) -> datetime:
    """Return noon in Jakarta on a day of a month."""
    return datetime(month.year, month.month, day, 12, tzinfo=JAKARTA)


@dataclass
class Village:
    """An agent, the wadah, and what the feeds tell of the members, in the feeds' order."""

    agent_id: UUID = field(default_factory=new_id)
    wadah_id: UUID = field(default_factory=new_id)
    branch_code: str = "BWI"
    region_code: str = "JTM"
    decided: list[Event] = field(default_factory=list)
    settled: list[PaymentSettled] = field(default_factory=list)
    answered: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.decided.append(self.activate(LONG_AGO))

    def activate(self, at: datetime) -> AgentActivated:
        """Return the decision that put the agent to work."""
        return AgentActivated(**self._at_work(at))

    def reinstate(self, at: datetime) -> AgentReinstated:
        """Return the decision that put the agent to work again."""
        return AgentReinstated(**self._at_work(at))

    def suspend(self, at: datetime) -> AgentSuspended:
        """Return the decision that the agent does not work any more."""
        return AgentSuspended(
            agent_id=self.agent_id, account_id=new_id(), reason_code="inactive", decided_at=at
        )

    def _at_work(self, at: datetime) -> dict[str, Any]:
        return {
            "agent_id": self.agent_id,
            "account_id": new_id(),
            "member_id": new_id(),
            "wadah_id": self.wadah_id,
            "branch_code": self.branch_code,
            "region_code": self.region_code,
            "agent_code": "A-1",
            "decided_at": at,
        }

    def settle(
        self,
        first_month: Month,
        *,
        member_id: UUID | None = None,
        paid_at: datetime | None = None,
        month_count: int = 1,
        prices: Prices = FULL,
        payer: Payer = "self",
    ) -> PaymentSettled:
        """Let a member pay, by default in the first month that is paid."""
        event = settled(
            member_id or new_id(),
            paid_at=paid_at or noon(first_month),
            months=list_months(first_month, month_count),
            prices=prices,
            payer=payer,
        )
        self.settled.append(event)
        return event

    def extend(
        self, payment: PaymentSettled, *, answer_no: int = 1, **differences: Any
    ) -> CoverageExtended:
        """Answer that a payment pays all its months, for this agent's member."""
        event = CoverageExtended(**self._answer(payment, answer_no, differences))
        self.answered.append(event)
        return event

    def withdraw(
        self,
        payment: PaymentSettled,
        withdrawn: Sequence[Month],
        *,
        answer_no: int = 2,
        **differences: Any,
    ) -> CoverageWithdrawn:
        """Answer that some months of a payment do not count any more."""
        answer = self._answer(payment, answer_no, differences)
        answer["months"] = [each for each in answer["months"] if each not in withdrawn]
        event = CoverageWithdrawn(**answer, withdrawn=tuple(withdrawn))
        self.answered.append(event)
        return event

    def decline(self, payment: PaymentSettled, *, answer_no: int = 2) -> CoverageDeclined:
        """Answer that a payment cannot count."""
        event = CoverageDeclined(
            allocation_id=payment.allocation_id,
            payment_id=payment.payment_id,
            bill_id=payment.bill_id,
            member_id=payment.member_id,
            answer_no=answer_no,
            counts_at=payment.counts_at,
            reason_code="months_paid",
        )
        self.answered.append(event)
        return event

    def _answer(
        self, payment: PaymentSettled, answer_no: int, differences: dict[str, Any]
    ) -> dict[str, Any]:
        months = sorted({line.month for line in payment.lines})
        usual = {
            "allocation_id": payment.allocation_id,
            "payment_id": payment.payment_id,
            "bill_id": payment.bill_id,
            "member_id": payment.member_id,
            "answer_no": answer_no,
            "counts_at": payment.counts_at,
            "months": months,
            "first_month": months[0],
            "agent_id": self.agent_id,
            "wadah_id": self.wadah_id,
            "branch_code": self.branch_code,
            "region_code": self.region_code,
            "is_acquisition": True,
        }
        return {**usual, **differences}

    def pay(
        self,
        first_month: Month,
        *,
        month_count: int = 1,
        prices: Prices = FULL,
        payer: Payer = "self",
        paid_at: datetime | None = None,
        member_id: UUID | None = None,
        **answer: Any,
    ) -> PaymentSettled:
        """Let a member pay, and member-service answer that it counts."""
        payment = self.settle(
            first_month,
            month_count=month_count,
            prices=prices,
            payer=payer,
            paid_at=paid_at,
            member_id=member_id,
        )
        self.extend(payment, **answer)
        return payment

    def enrol(
        self, count: int, month: Month, *, prices: Prices = FULL, **more: Any
    ) -> list[PaymentSettled]:
        """Bring so many new members who pay in the same month."""
        return [self.pay(month, prices=prices, **more) for _ in range(count)]


def settled(
    member_id: UUID,
    *,
    paid_at: datetime,
    months: Sequence[Month],
    prices: Prices = FULL,
    payer: Payer = "self",
) -> PaymentSettled:
    """Return what our own feed tells of a payment."""
    lines = tuple(
        SettledLine(month=month, programme=programme, amount=amount, relief=relief)
        for month in months
        for programme, (amount, relief) in prices.items()
    )
    return PaymentSettled(
        allocation_id=new_id(),
        payment_id=new_id(),
        bill_id=new_id(),
        member_id=member_id,
        partner_id=PARTNER_ID,
        amount=sum(line.amount for line in lines),
        issued_at=paid_at,
        counts_at=paid_at,
        received_at=paid_at,
        payer=payer,
        lines=lines,
    )


async def book(session: AsyncSession, payments: Sequence[PaymentSettled]) -> None:
    """Insert settled payments with their bills, without their transfers and events."""
    if payments:
        bills: Table = Bill.__table__  # type: ignore[assignment]  # a declarative class has one
        await session.execute(
            upsert(BankPartner).values(make_partner_row(PARTNER_ID)).on_conflict_do_nothing()
        )
        await session.execute(insert(Order), [_order(each) for each in payments])
        await session.execute(insert(bills), [_bill(each) for each in payments])
        await session.execute(
            insert(BillLine), [_line(each, line) for each in payments for line in each.lines]
        )
        await session.execute(insert(Payment), [_payment(each) for each in payments])
        await session.execute(insert(Allocation), [_allocation(each) for each in payments])
        await session.execute(insert(PaymentRequest), [_request(each) for each in payments])
        await insert_messages(session)


async def apply_events(
    session: AsyncSession, events: Iterable[Event], *, at_once: int = 500
) -> None:
    """Apply events in this order, in runs of one class as a subscription does."""
    for cls, run in groupby(events, type):
        piece = list(run)
        for start in range(0, len(piece), at_once):
            await HANDLERS[cls](session, piece[start : start + at_once])


async def compute(
    session: AsyncSession, *, until: datetime | None = FAR_AHEAD, at_once: int = 500
) -> None:
    """Compute whatever waits for nothing; agents' events are read up to an instant."""
    if until is not None:
        await read_until(session, until, AGENTS)
    while await commissions.compute_due(session, at_once) == at_once:
        pass


async def read_until(session: AsyncSession, until: datetime, *names: str) -> None:
    """Note that subscriptions have read everything that happened before an instant."""
    read = {"position": 0, "caught_up_at": until, "updated_at": until}
    await session.execute(
        upsert(Cursor)
        .values([{"name": name, **read} for name in names])
        .on_conflict_do_update(index_elements=[Cursor.name], set_=read)
        .returning(Cursor),
        execution_options={"populate_existing": True},
    )


async def apply_all(session: AsyncSession, *villages: Village) -> None:
    """Book the new payments of these villages, apply all events of each feed, and compute."""
    settled = [each for village in villages for each in village.settled]
    wanted = Payment.id.in_([each.payment_id for each in settled])
    known = set(await session.scalars(select(Payment.id).where(wanted)))
    await book(session, [each for each in settled if each.payment_id not in known])
    decided = [each for village in villages for each in village.decided]
    answered = [each for village in villages for each in village.answered]
    await apply_events(session, [*decided, *settled, *answered])
    await compute(session)


def _order(payment: PaymentSettled) -> dict[str, Any]:
    return {
        "id": payment.bill_id,
        "bill_count": 1,
        "amount": payment.amount,
        "issued_at": payment.issued_at,
        "issued_by": payment.member_id,
    }


def _bill(payment: PaymentSettled) -> dict[str, Any]:
    months = sorted({line.month for line in payment.lines})
    return {
        "id": payment.bill_id,
        "order_id": payment.bill_id,
        "member_id": payment.member_id,
        "status": "paid",
        "display_name": Bill.display_name.prepare(payment.bill_id, "Siti Aminah"),
        "sector": "other",
        "declared_income": 1_000_000,
        "employs_others": False,
        "payer": payment.payer,
        "first_month": months[0],
        "month_count": len(months),
        "amount": payment.amount,
        "relief_amount": sum(line.relief for line in payment.lines),
        "issued_at": payment.issued_at,
        "issued_by": payment.member_id,
        "expires_at": FAR_AHEAD,
        "paid_at": payment.counts_at,
    }


def _line(payment: PaymentSettled, line: SettledLine) -> dict[str, Any]:
    return {
        "bill_id": payment.bill_id,
        "month": line.month,
        "programme": line.programme,
        "band": 1,
        "reference_income": 1_000_000,
        "full_amount": line.amount + line.relief,
        "relief_bps": 5_000 if line.relief else 0,
        "relief_amount": line.relief,
        "relief_basis": "PP 50/2025" if line.relief else None,
        "amount": line.amount,
    }


def _request(payment: PaymentSettled) -> dict[str, Any]:
    return {
        "partner_id": payment.partner_id,
        "request_id": str(payment.payment_id),
        "payment_id": payment.payment_id,
        "callback_id": new_id(),
    }


def _payment(payment: PaymentSettled) -> dict[str, Any]:
    return {
        "id": payment.payment_id,
        "partner_id": payment.partner_id,
        "payment_request_id": str(payment.payment_id),
        "order_id": payment.bill_id,
        "amount": payment.amount,
        "received_at": payment.received_at,
        "paid_at": payment.counts_at,
    }


def _allocation(payment: PaymentSettled) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "id": payment.allocation_id,
        "kind": "bill",
        "bill_id": payment.bill_id,
        "member_id": payment.member_id,
        "amount": payment.amount,
        "counts_at": payment.counts_at,
        "allocated_at": payment.received_at,
    }
