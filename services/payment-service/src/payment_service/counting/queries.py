from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Select,
    Text,
    Uuid,
    and_,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.answers.models import CoverageAnswer
from payment_service.attributions.models import AttributionPeriod
from payment_service.bills.models import Bill, BillLine
from payment_service.counting.models import Acquisition, Beneficiary, Wait, Watermark
from payment_service.counting.rules import PaidLine
from payment_service.payments.models import Payment
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled
from perisai_kit.events.outbox import EventRow

AgentMonth = tuple[UUID, Month]
BETTER = ("is_from_agent_service", "known_at", "wadah_id", "branch_code", "region_code")
"""By these the better word on a beneficiary is found; the last ones only end a tie."""
Rows = Sequence[Mapping[str, Any]]


async def lock_watermark(session: AsyncSession) -> Watermark:
    """Lock out everybody else who counts or closes, and return how far months are."""
    statement = select(Watermark).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(statement)).one()


async def get_watermark(session: AsyncSession) -> Watermark:
    return (await session.scalars(select(Watermark))).one()


async def insert_waits_of_payments(session: AsyncSession, paid_at: Mapping[UUID, datetime]) -> None:
    """Let settled payments wait for their answers, but those that are answered already."""
    wanted = _instants(paid_at.items())
    is_answered = exists().where(CoverageAnswer.payment_id == wanted.c.id)
    rows = select(wanted.c.id, wanted.c.at, literal(False)).where(~is_answered)
    names = ["payment_id", "counts_at", "is_answered"]
    await session.execute(insert(Wait).from_select(names, rows).on_conflict_do_nothing())


async def upsert_waits_of_answers(session: AsyncSession, payment_ids: Sequence[UUID]) -> None:
    """Let payments with a new answer be computed with it."""
    await _upsert_waits(
        session, _answered().where(CoverageAnswer.payment_id == any_id(payment_ids))
    )


async def upsert_waits_of_agents(session: AsyncSession, since: Mapping[UUID, datetime]) -> None:
    """Let the payments of these agents that count since an instant be computed anew."""
    wanted = _instants(since.items())
    is_of_agent = (CoverageAnswer.agent_id == wanted.c.id) & (
        CoverageAnswer.counts_at >= wanted.c.at
    )
    await _upsert_waits(session, _answered().join(wanted, is_of_agent))


def _answered() -> Select[UUID, datetime, bool]:
    return select(CoverageAnswer.payment_id, CoverageAnswer.counts_at, literal(True))


async def _upsert_waits(session: AsyncSession, answered: Select[UUID, datetime, bool]) -> None:
    names = ["payment_id", "counts_at", "is_answered"]
    new = insert(Wait).from_select(names, answered)
    moved = {name: new.excluded[name] for name in names[1:]}
    await session.execute(new.on_conflict_do_update(index_elements=["payment_id"], set_=moved))


def _instants(pairs: Collection[tuple[UUID, datetime]]) -> FromClause:
    """Return a table of ids and instants: `id`, `at`."""
    ids, instants = [id_ for id_, _ in pairs], [at for _, at in pairs]
    return (
        func.unnest(cast(ids, ARRAY(Uuid())), cast(instants, ARRAY(DateTime(timezone=True))))
        .table_valued(column("id", Uuid()), column("at", DateTime(timezone=True)), name="wanted")
        .render_derived()
    )


async def has_answered_waits(
    session: AsyncSession, *, after: datetime | None, until: datetime
) -> bool:
    """Tell whether an answered payment waits that counts between two instants."""
    conditions = [Wait.is_answered, Wait.counts_at <= until]
    if after is not None:
        conditions.append(Wait.counts_at > after)
    return bool(await session.scalar(select(exists().where(*conditions))))


async def list_due(session: AsyncSession, *, until: datetime, limit: int) -> Sequence[UUID]:
    """Return payments that are answered, ours, and count before an instant, the first ones first.

    An answer may come before its payment where feeds are read anew: such a payment is passed over.
    """
    statement = (
        select(Wait.payment_id)
        .join(Payment, Payment.id == Wait.payment_id)
        .where(Wait.is_answered, Wait.counts_at <= until)
        .order_by(Wait.counts_at)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


@dataclass(frozen=True, slots=True)
class Facts:
    """A settled payment of ours with its bill, and member-service's answer to it."""

    payment_id: UUID
    member_id: UUID
    payer: str
    paid: tuple[PaidLine, ...]
    answer: CoverageAnswer


async def read_facts(session: AsyncSession, payment_ids: Collection[UUID]) -> list[Facts]:
    """Return what is known of these payments, by when they count."""
    if not payment_ids:
        return []
    return await _read_facts(session, Payment.id == any_id(payment_ids))


async def read_facts_between(
    session: AsyncSession, agent_id: UUID, begins: datetime, ends: datetime, *, limit: int
) -> list[Facts]:
    """Return the payments that count for an agent's members between two instants, none waiting."""
    return await _read_facts(
        session,
        CoverageAnswer.agent_id == agent_id,
        CoverageAnswer.counts_at >= begins,
        CoverageAnswer.counts_at < ends,
        ~exists().where(Wait.payment_id == CoverageAnswer.payment_id),
        limit=limit,
    )


async def _read_facts(
    session: AsyncSession, *conditions: ColumnElement[bool], limit: int | None = None
) -> list[Facts]:
    statement = (
        select(Payment.id, Payment.bill_id, Payment.member_id, Bill.payer, CoverageAnswer)
        .join(CoverageAnswer, CoverageAnswer.payment_id == Payment.id)
        .join(Bill, Bill.id == Payment.bill_id)
        .where(*conditions)
        .order_by(CoverageAnswer.counts_at, Payment.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    rows = (await session.execute(statement)).all()
    lines: dict[UUID, list[PaidLine]] = defaultdict(list)
    wanted = select(BillLine.bill_id, BillLine.month, BillLine.programme, BillLine.amount).where(
        BillLine.bill_id == any_id([row.bill_id for row in rows])
    )
    for bill_id, month, programme, amount in await session.execute(wanted):
        lines[bill_id].append(PaidLine(month, programme.value, amount))
    return [
        Facts(id_, member_id, payer.value, tuple(lines[bill_id]), answer)
        for id_, bill_id, member_id, payer, answer in rows
    ]


async def delete_waits(session: AsyncSession, payment_ids: Collection[UUID]) -> None:
    await session.execute(delete(Wait).where(Wait.payment_id == any_id(payment_ids)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Payments whose commission is not computed yet, and their contributions in rupiah."""

    payments: int = 0
    contributions: int = 0

    def __add__(self, other: "Waiting") -> "Waiting":
        return Waiting(self.payments + other.payments, self.contributions + other.contributions)


async def count_waits(
    session: AsyncSession, *, before: datetime | None = None, agent_id: UUID | None = None
) -> dict[Month, Waiting]:
    """Count what waits, by the month it counts in.

    agent_id: only what is answered as this agent's, or is not answered yet and was paid while the
    member was attributed to this agent.
    """
    month = func.to_char(func.timezone("Asia/Jakarta", Wait.counts_at), "YYYY-MM").label("month")
    amount = cast(func.coalesce(func.sum(Payment.amount), 0), BigInteger)
    statement = select(month, func.count(), amount).outerjoin(
        Payment, Payment.id == Wait.payment_id
    )
    if before is not None:
        statement = statement.where(Wait.counts_at < before)
    if agent_id is not None:
        statement = statement.outerjoin(
            CoverageAnswer, CoverageAnswer.payment_id == Wait.payment_id
        ).where(or_(CoverageAnswer.agent_id == agent_id, _is_unanswered_of(agent_id)))
    rows = await session.execute(statement.group_by(month))
    return {Month.parse(text): Waiting(*counts) for text, *counts in rows}


def _is_unanswered_of(agent_id: UUID) -> ColumnElement[bool]:
    day = cast(func.timezone("Asia/Jakarta", Wait.counts_at), Date())
    attributed = exists().where(
        AttributionPeriod.member_id == Payment.member_id,
        AttributionPeriod.agent_id == agent_id,
        AttributionPeriod.from_date <= day,
        AttributionPeriod.until_date > day,
    )
    return and_(CoverageAnswer.payment_id.is_(None), attributed)


async def list_acquisitions(
    session: AsyncSession, payment_ids: Collection[UUID]
) -> Sequence[Acquisition]:
    statement = select(Acquisition).where(Acquisition.payment_id == any_id(payment_ids))
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


async def upsert_acquisitions(session: AsyncSession, rows: Rows) -> None:
    new = insert_rows_statement(Acquisition, rows)
    moved = {name: new.excluded[name] for name in rows[0] if name != "payment_id"}
    key = [Acquisition.payment_id]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many acquisitions of an agent's month are needed, and whether sponsored ones count."""

    needed: int
    sponsored: bool


async def find_crossings(
    session: AsyncSession, thresholds: Mapping[AgentMonth, Threshold]
) -> dict[AgentMonth, UUID]:
    """Return, where an agent's month has reached its threshold, the payment that reached it.

    By the instants from which payments count, so that the order of their arrival changes nothing.
    """
    wanted = (
        func.unnest(
            cast([agent_id for agent_id, _ in thresholds], ARRAY(Uuid())),
            cast([str(month) for _, month in thresholds], ARRAY(Text())),
            cast([each.needed for each in thresholds.values()], ARRAY(BigInteger())),
            cast([each.sponsored for each in thresholds.values()], ARRAY(Boolean())),
        )
        .table_valued(
            column("agent_id", Uuid()),
            column("month", Acquisition.month.type),
            column("needed", BigInteger()),
            column("sponsored", Boolean()),
            name="wanted",
        )
        .render_derived()
    )
    order = (Acquisition.counts_at, Acquisition.payment_id)
    place = func.row_number().over(
        partition_by=(Acquisition.agent_id, Acquisition.month), order_by=order
    )
    counted = (
        select(Acquisition.agent_id, Acquisition.month, Acquisition.payment_id)
        .add_columns(place.label("place"), wanted.c.needed)
        .join(
            wanted,
            (wanted.c.agent_id == Acquisition.agent_id) & (wanted.c.month == Acquisition.month),
        )
        .where(or_(Acquisition.is_self_paid, wanted.c.sponsored))
        .subquery("counted")
    )
    statement = select(counted.c.agent_id, counted.c.month, counted.c.payment_id).where(
        counted.c.place == counted.c.needed
    )
    rows = await session.execute(statement)
    return {(agent_id, month): payment_id for agent_id, month, payment_id in rows}


async def list_acquiring(
    session: AsyncSession, pairs: Collection[AgentMonth], payment_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Return these payments and those that acquired members in these agents' months.

    Without those that wait: they are computed when they are due.
    """
    chosen = or_(_in_pairs(pairs), Acquisition.payment_id == any_id(payment_ids))
    waits = exists().where(Wait.payment_id == Acquisition.payment_id)
    return (await session.scalars(select(Acquisition.payment_id).where(chosen, ~waits))).all()


@dataclass(frozen=True, slots=True)
class NewMembers:
    """count: of an agent's month. self_paid: those of them who paid themselves."""

    count: int = 0
    self_paid: int = 0

    def of(self, *, sponsored: bool) -> int:
        """Return how many count, by whether those whom others pay for do."""
        return self.count if sponsored else self.self_paid


async def count_new_members(session: AsyncSession, agent_id: UUID, month: Month) -> NewMembers:
    """Count an agent's acquisitions of a month."""
    own = func.count().filter(Acquisition.is_self_paid)
    statement = select(func.count(), own).where(
        Acquisition.agent_id == agent_id, Acquisition.month == month
    )
    return NewMembers(*(await session.execute(statement)).one())


async def upsert_beneficiaries(session: AsyncSession, rows: Rows) -> None:
    """Store where beneficiaries belong, each one once, unless a better word is known."""
    new = insert_rows_statement(Beneficiary, rows)
    fixed = ("beneficiary_id", "beneficiary_kind")
    moved = {name: new.excluded[name] for name in rows[0] if name not in fixed}
    known = tuple_(*(getattr(Beneficiary, name) for name in BETTER))
    new_word = tuple_(*(new.excluded[name] for name in BETTER))
    key = [Beneficiary.beneficiary_id]
    await session.execute(
        new.on_conflict_do_update(index_elements=key, set_=moved, where=known < new_word)
    )


def beneficiaries() -> Select[Any]:
    """Return the query of everybody who may have earned something, and where each belongs."""
    names = ("beneficiary_kind", "beneficiary_id", "wadah_id", "branch_code", "region_code")
    return select(*(getattr(Beneficiary, name) for name in names))


async def count_beneficiaries(session: AsyncSession) -> int:
    return (await session.scalars(select(func.count()).select_from(Beneficiary))).one()


async def find_beneficiary(
    session: AsyncSession, beneficiary_id: UUID, visible: ColumnElement[bool]
) -> Beneficiary | None:
    statement = select(Beneficiary).where(Beneficiary.beneficiary_id == beneficiary_id, visible)
    return (await session.scalars(statement)).one_or_none()


async def has_unread_payments(session: AsyncSession, *, position: int, before: datetime) -> bool:
    """Tell whether a payment of our own feed that was booked before then lies past a position."""
    unread = exists().where(
        EventRow.type == PaymentSettled.type,
        or_(EventRow.position.is_(None), EventRow.position > position),
        EventRow.occurred_at < before,
    )
    return bool(await session.scalar(select(unread)))


def _in_pairs(pairs: Collection[AgentMonth]) -> ColumnElement[bool]:
    return tuple_(Acquisition.agent_id, Acquisition.month).in_(sorted(pairs))
