from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents import service as agents
from payment_service.allocations.models import Allocation
from payment_service.allocations.queries import is_standing
from payment_service.answers.models import CoverageAnswer
from payment_service.answers.rules import AnswerOutcome
from payment_service.attributions.models import AttributionPeriod
from payment_service.bills.models import Bill, BillLine
from payment_service.counting.models import Acquisition, Beneficiary, Wait, Watermark
from payment_service.counting.rules import AgentMonth, Crossing, NewMembers, PaidLine
from perisai_kit.db.bulk import any_id, insert_rows_statement
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import PaymentSettled

BETTER = ("is_from_agent_service", "known_at", "wadah_id", "branch_code", "region_code")
"""By these the better word on a beneficiary is found; the last ones only end a tie."""
Rows = Sequence[Mapping[str, Any]]


async def lock_watermark(session: AsyncSession) -> Watermark:
    """Lock out everybody else who counts or closes, and return how far months are."""
    statement = select(Watermark).with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(statement)).one()


async def get_watermark(session: AsyncSession) -> Watermark:
    return (await session.scalars(select(Watermark))).one()


async def insert_waits_of_settlements(
    session: AsyncSession, events: Collection[PaymentSettled]
) -> None:
    """Let settled allocations wait for their answers, but those that are answered already."""
    ids = any_id([each.allocation_id for each in events])
    answer = CoverageAnswer.allocation_id
    answered = set(await session.scalars(select(answer).where(answer == ids)))
    rows = [
        dict(zip(_WAIT, (each.allocation_id, each.payment_id, each.counts_at, False), strict=True))
        for each in events
        if each.allocation_id not in answered
    ]
    if rows:
        await session.execute(insert_rows_statement(Wait, rows).on_conflict_do_nothing())


async def upsert_waits_of_answers(session: AsyncSession, allocation_ids: Sequence[UUID]) -> None:
    """Let allocations with a new answer be computed with it."""
    is_asked = CoverageAnswer.allocation_id == any_id(allocation_ids)
    await _upsert_waits(session, _answered().where(is_asked))


async def upsert_waits_of_agents(session: AsyncSession, since: Mapping[UUID, datetime]) -> None:
    """Let the allocations of these agents that count since an instant be computed anew."""
    wanted = _instants(since.items())
    answer = CoverageAnswer
    is_of_agent = (answer.agent_id == wanted.c.id) & (answer.counts_at >= wanted.c.at)
    await _upsert_waits(session, _answered().join(wanted, is_of_agent))


async def upsert_waits_of_acquired(session: AsyncSession, pairs: Collection[AgentMonth]) -> None:
    """Let what acquired members in these agents' months be computed anew."""
    acquired = select(Acquisition.allocation_id).where(_in_pairs(pairs))
    await _upsert_waits(session, _answered().where(CoverageAnswer.allocation_id.in_(acquired)))


_WAIT = ["allocation_id", "payment_id", "counts_at", "is_answered"]


def _answered() -> Select[UUID, UUID, datetime, bool]:
    answer = CoverageAnswer
    return select(answer.allocation_id, answer.payment_id, answer.counts_at, literal(True))


async def _upsert_waits(
    session: AsyncSession, answered: Select[UUID, UUID, datetime, bool]
) -> None:
    new = insert(Wait).from_select(_WAIT, answered)
    moved = {name: new.excluded[name] for name in ("counts_at", "is_answered")}
    await session.execute(new.on_conflict_do_update(index_elements=["allocation_id"], set_=moved))


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
    """Tell whether an answered allocation waits that counts between two instants."""
    conditions = [Wait.is_answered, Wait.counts_at <= until]
    if after is not None:
        conditions.append(Wait.counts_at > after)
    return bool(await session.scalar(select(exists().where(*conditions))))


async def list_due(session: AsyncSession, *, until: datetime, limit: int) -> Sequence[UUID]:
    """Return allocations that are answered, ours, and count before an instant, in that order.

    Each is looked up by its key, whatever PostgreSQL expects of the number that wait.
    """
    own = select(literal(True)).where(_is_allocation(Wait)).limit(1).lateral()
    statement = (
        select(Wait.allocation_id)
        .join(own, true())
        .where(Wait.is_answered, Wait.counts_at <= until)
        .order_by(Wait.counts_at)
        .limit(limit)
    )
    return (await session.scalars(statement)).all()


@dataclass(frozen=True, slots=True)
class Facts:
    """A settled allocation of ours with its bill, and member-service's answer to it.

    paid: of the bill. stands: it was not taken back. months: those that count, as text.
    """

    paid: tuple[PaidLine, ...]
    allocation_id: UUID
    payment_id: UUID
    member_id: UUID
    payer: str
    stands: bool
    counts_at: datetime
    outcome: AnswerOutcome
    months: Sequence[str]
    first_month: Month | None
    agent_id: UUID | None
    wadah_id: UUID | None
    is_acquisition: bool


async def read_facts(session: AsyncSession, allocation_ids: Collection[UUID]) -> list[Facts]:
    """Return what is known of these allocations, by when they count."""
    if not allocation_ids:
        return []
    return await _read_facts(session, CoverageAnswer.allocation_id == any_id(allocation_ids))


async def read_computed_facts(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> list[Facts]:
    """Return what is known of those of these allocations that do not wait."""
    if not allocation_ids:
        return []
    is_asked = CoverageAnswer.allocation_id == any_id(allocation_ids)
    waits = exists().where(Wait.allocation_id == CoverageAnswer.allocation_id)
    return await _read_facts(session, is_asked, ~waits)


async def _read_facts(session: AsyncSession, *conditions: ColumnElement[bool]) -> list[Facts]:
    allocation, answer = Allocation, CoverageAnswer
    statement: Any = (
        select(allocation.bill_id, allocation.id, allocation.payment_id, allocation.member_id)
        .add_columns(Bill.payer, is_standing().label("stands"), answer.counts_at, answer.outcome)
        .add_columns(answer.months, answer.first_month, answer.agent_id, answer.wadah_id)
        .add_columns(answer.is_acquisition)
        .join(answer, _is_allocation(answer))
        .join(Bill, Bill.id == allocation.bill_id)
        .where(*conditions)
        .order_by(answer.counts_at, allocation.id)
    )
    rows = (await session.execute(statement)).all()
    lines: dict[UUID, list[PaidLine]] = defaultdict(list)
    wanted = select(BillLine.bill_id, BillLine.month, BillLine.programme, BillLine.amount).where(
        BillLine.bill_id == any_id([row.bill_id for row in rows])
    )
    for bill_id, month, programme, amount in await session.execute(wanted):
        lines[bill_id].append(PaidLine(month, programme.value, amount))
    return [Facts(tuple(lines[bill_id]), *known) for bill_id, *known in rows]


def _is_allocation(table: Any) -> ColumnElement[bool]:
    """Return whether a row of a table is about an allocation, by both parts of its key."""
    return and_(Allocation.payment_id == table.payment_id, Allocation.id == table.allocation_id)


async def delete_waits(session: AsyncSession, allocation_ids: Collection[UUID]) -> None:
    await session.execute(delete(Wait).where(Wait.allocation_id == any_id(allocation_ids)))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Allocations whose commission is not computed yet, and their contributions in rupiah."""

    allocations: int = 0
    contributions: int = 0

    def __add__(self, other: "Waiting") -> "Waiting":
        return Waiting(
            self.allocations + other.allocations, self.contributions + other.contributions
        )


async def count_waits(
    session: AsyncSession, *, before: datetime | None = None, agent_id: UUID | None = None
) -> dict[Month, Waiting]:
    """Count what waits, by the month it counts in.

    agent_id: only what is answered as this agent's, or is not answered yet and was paid while the
    member was attributed to this agent.
    """
    chosen = _waits() if agent_id is None else union_all(*_waits_of(agent_id))
    wait = chosen.subquery("wait")
    month = func.to_char(func.timezone("Asia/Jakarta", wait.c.counts_at), "YYYY-MM").label("month")
    amount = cast(func.coalesce(func.sum(Allocation.amount), 0), BigInteger)
    statement = select(month, func.count(), amount).select_from(wait)
    statement = statement.outerjoin(Allocation, _is_allocation(wait.c)).group_by(month)
    if before is not None:
        statement = statement.where(wait.c.counts_at < before)
    rows = await session.execute(statement)
    return {Month.parse(text): Waiting(*counts) for text, *counts in rows}


def _waits() -> Select[UUID, UUID, datetime]:
    return select(Wait.payment_id, Wait.allocation_id, Wait.counts_at)


def _waits_of(agent_id: UUID) -> tuple[Select[UUID, UUID, datetime], Select[UUID, UUID, datetime]]:
    """Return an agent's answered and unanswered waits, each found by the agent: many may wait."""
    period = AttributionPeriod
    day = cast(func.timezone("Asia/Jakarta", Wait.counts_at), Date())
    answered = _waits().join(CoverageAnswer, CoverageAnswer.allocation_id == Wait.allocation_id)
    unanswered = _waits().join(Allocation, _is_allocation(Wait))
    attributed = unanswered.join(period, period.member_id == Allocation.member_id)
    return (
        answered.where(CoverageAnswer.agent_id == agent_id),
        attributed.where(
            period.agent_id == agent_id,
            period.from_date <= day,
            period.until_date > day,
            ~Wait.is_answered,
        ),
    )


async def list_acquisitions(
    session: AsyncSession, allocation_ids: Collection[UUID]
) -> Sequence[Acquisition]:
    statement = select(Acquisition).where(Acquisition.allocation_id == any_id(allocation_ids))
    return (await session.scalars(statement.execution_options(populate_existing=True))).all()


async def upsert_acquisitions(session: AsyncSession, rows: Rows) -> None:
    new = insert_rows_statement(Acquisition, rows)
    moved = {name: new.excluded[name] for name in rows[0] if name != "allocation_id"}
    key = [Acquisition.allocation_id]
    await session.execute(new.on_conflict_do_update(index_elements=key, set_=moved))


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many acquisitions of an agent's month are needed, and whether sponsored ones count."""

    needed: int
    sponsored: bool


async def find_crossings(
    session: AsyncSession, thresholds: Mapping[AgentMonth, Threshold]
) -> dict[AgentMonth, Crossing]:
    """Return, where an agent's month has reached its threshold, the allocation that reached it.

    By the instants from which they count, so that the order of their arrival changes nothing. Those
    that count after it are not read.
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
    reached = (
        select(Acquisition.counts_at, Acquisition.allocation_id)
        .where(
            Acquisition.agent_id == wanted.c.agent_id,
            Acquisition.month == wanted.c.month,
            or_(Acquisition.is_self_paid, wanted.c.sponsored),
        )
        .order_by(Acquisition.counts_at, Acquisition.allocation_id)
        .offset(wanted.c.needed - 1)
        .limit(1)
        .lateral("reached")
    )
    statement = select(
        wanted.c.agent_id, wanted.c.month, reached.c.counts_at, reached.c.allocation_id
    ).join(reached, true())
    rows = await session.execute(statement)
    return {(agent_id, month): Crossing(*reached) for agent_id, month, *reached in rows}


async def list_acquiring(
    session: AsyncSession, pairs: Collection[AgentMonth], allocation_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Return these allocations and those that acquired members in these agents' months.

    Without those that wait: they are computed when they are due.
    """
    chosen = or_(_in_pairs(pairs), Acquisition.allocation_id == any_id(allocation_ids))
    waits = exists().where(Wait.allocation_id == Acquisition.allocation_id)
    return (await session.scalars(select(Acquisition.allocation_id).where(chosen, ~waits))).all()


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
    known = tuple_(*(Beneficiary.__table__.c[name] for name in BETTER))
    new_word = tuple_(*(new.excluded[name] for name in BETTER))
    key = [Beneficiary.beneficiary_id]
    await session.execute(
        new.on_conflict_do_update(index_elements=key, set_=moved, where=known < new_word)
    )


def beneficiaries(on: date) -> Select[Any]:
    """Return the query of everybody who may have earned something, and where each is on a day."""
    who: Any = Beneficiary
    wadah = agents.wadah_on(who.beneficiary_id, on, otherwise=who.known_wadah_id).label("wadah_id")
    return select(who.beneficiary_kind, who.beneficiary_id, wadah, who.branch_code, who.region_code)


async def find_beneficiary(
    session: AsyncSession, beneficiary_id: UUID, visible: ColumnElement[bool]
) -> Beneficiary | None:
    statement = select(Beneficiary).where(Beneficiary.beneficiary_id == beneficiary_id, visible)
    return (await session.scalars(statement)).one_or_none()


def _in_pairs(pairs: Collection[AgentMonth]) -> ColumnElement[bool]:
    return tuple_(Acquisition.agent_id, Acquisition.month).in_(sorted(pairs))
