"""Close months: two people agree, and the worker issues the statements in short transactions.

The worker calls `step` until nothing is left. Each step is one transaction that also stores how far
the close is, so a worker that was killed goes on where it was, with the same result. What a
statement depends on is fixed by the first step, which holds the lock of the months for a moment:
from then on nothing is booked in the month, and what is known of beneficiaries is kept.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import RowMapping, Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.closings import queries, rules
from payment_service.closings.models import Closing
from payment_service.closings.rules import ClosingStatus, ClosingVerdict
from payment_service.counting import service as counting
from payment_service.counting.queries import Waiting
from payment_service.incentive_holds import service as holds
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.queries import Figures
from payment_service.ledger import rules as ledger_rules
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import TransferCode
from payment_service.months import service as months
from payment_service.months.models import ClosedMonth
from payment_service.payouts import service as payouts
from payment_service.schemes.rules import check_month
from payment_service.settings import Settings
from perisai_kit.db.bulk import any_id
from perisai_kit.db.engine import allow_minutes
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Conflict
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import StatementIssued
from perisai_kit.events.outbox import publish_rows
from perisai_kit.http.paging import Slice, cut_page, read_cursor
from perisai_kit.privacy.read_audit import audit_read

_POSTED: tuple[tuple[TransferCode, Literal[1, -1]], ...] = (
    (TransferCode.INCENTIVE_ACCRUED, 1),
    (TransferCode.INCENTIVE_REVERSED, -1),
)
"""What a statement of more, or less, than nothing posts."""
ADD_UP_MINUTES = 60
"""To add up many millions of lines; it locks nothing that others wait for."""
FIGURES_MINUTES = 10


async def propose(session: AsyncSession, month: Month, *, by: UUID, settings: Settings) -> Closing:
    """Propose to close a month that could be closed now, with what that would make.

    Raises: MonthOutsideProgramme, MonthClosedAlready, MonthBeingClosed, MonthNotOver,
    EventsUnread, EventsParked, PaymentsWait, EarlierMonthOpen, ClosingProposed.
    """
    await _check(session, month, settings)
    await allow_minutes(session, FIGURES_MINUTES)
    figures = await _sum_up(session, month)
    proposed = await queries.insert_once_closing(
        session,
        Closing(
            id=new_id(),
            month=month,
            status=ClosingStatus.PROPOSED,
            figures=as_stored(figures),
            proposed_by=by,
            proposed_at=clock.now(),
            statement_count=0,
            failure_count=0,
        ),
    )
    if proposed is None:
        raise rules.ClosingProposed
    return proposed


async def decide(
    session: AsyncSession, month: Month, *, verdict: ClosingVerdict, by: UUID, settings: Settings
) -> Closing:
    """Confirm or reject a proposal; the worker begins what is confirmed.

    Raises: ClosingNotFound, ClosingDecided, OwnClosing; to confirm, as `propose`.
    """
    closing = await queries.find_closing(session, month, lock=True)
    if closing is None:
        raise rules.ClosingNotFound
    rules.check_decision(closing.status, verdict=verdict, is_own=closing.proposed_by == by)
    if verdict is ClosingVerdict.CONFIRMED:
        await _check(session, month, settings)
    closing.status = ClosingStatus(verdict)
    closing.decided_by, closing.decided_at = by, clock.now()
    await session.flush()
    return closing


async def get(session: AsyncSession, month: Month) -> Closing:
    """Return the closing of a month and how far it is. Raises: ClosingNotFound."""
    closing = await queries.find_closing(session, month)
    if closing is None:
        raise rules.ClosingNotFound
    return closing


@dataclass(frozen=True, slots=True)
class DryRun:
    """What the close of a month would make now.

    refusal: the code of the problem that a proposal would get; None: it could be closed.
    """

    month: Month
    refusal: str | None
    waiting: Waiting
    figures: Figures


async def dry_run(session: AsyncSession, month: Month, settings: Settings) -> DryRun:
    """Return what the close of the next month to close would make now; it stores nothing.

    Raises: MonthOutsideProgramme, MonthClosedAlready, MonthBeingClosed, EarlierMonthOpen.
    """
    await _check_next(session, month)
    await allow_minutes(session, FIGURES_MINUTES)
    refusal = None
    try:
        await _check(session, month, settings)
    except Conflict as problem:
        refusal = problem.code
    waits = (await months.count_waits(session, month)).values()
    return DryRun(month, refusal, sum(waits, Waiting()), await _sum_up(session, month))


async def list_dry_run(
    session: AsyncSession, month: Month, *, cursor: str | None, limit: int
) -> Slice[RowMapping]:
    """Return the statements that the close of a month would make now, by beneficiary.

    Raises: CursorInvalid; as `dry_run`.
    """
    after_id = read_cursor(cursor, UUID)
    await _check_next(session, month)
    earned = queries.earned_now_by(month, on=clock.today(), after_id=after_id, limit=limit + 1)
    rows = await statement_queries.list_stated(session, month, earned)
    page = cut_page(rows, limit, key=lambda row: row["beneficiary_id"])
    audit_read(list_agents(page.items))
    return page


def list_agents(rows: Sequence[RowMapping]) -> list[UUID]:
    """Return the agents among beneficiaries; a wadah is no person."""
    return [each["beneficiary_id"] for each in rows if each["beneficiary_kind"] == "agent"]


def as_stored(figures: Figures) -> dict[str, Any]:
    """Return figures as they are stored and answered: what is held is a list."""
    held = [
        {"reason": reason.value, **asdict(each)}
        for reason, each in figures.held.items()
        if each.count
    ]
    return {**asdict(figures), "held": held}


async def has_open(session: AsyncSession) -> bool:
    """Tell whether a close waits for its next step."""
    return await queries.has_open(session)


async def step(session: AsyncSession, *, batch: int, settings: Settings) -> bool:
    """Take the next step of the first close that is confirmed; return whether there may be more.

    batch: how many statements to issue. Locks the closing, and at its beginning and end for a
    moment the months; to issue statements the debts, the payouts of those who have one, their
    attempts, and the holds; at the end the debts.
    Raises: BeneficiariesUnknown; as `propose`, at the beginning.
    """
    closing = await queries.lock_open(session)
    if closing is None:
        return False
    if closing.status is ClosingStatus.CONFIRMED:
        await _begin(session, closing, settings)
    elif closing.beneficiary_count is None:
        await _add_up(session, closing)
    elif closing.statement_count < closing.beneficiary_count:
        await _issue(session, closing, batch)
    else:
        await _finish(session, closing)
    closing.failure_code, closing.failed_at, closing.failure_count = None, None, 0
    await session.flush()
    return True


async def record_failure(session: AsyncSession, code: str) -> None:
    """Store on the close that is under way that its next step has failed."""
    closing = await queries.lock_open(session)
    if closing is not None:
        closing.failure_code, closing.failed_at = code, clock.now()
        closing.failure_count += 1
        await session.flush()


async def _begin(session: AsyncSession, closing: Closing, settings: Settings) -> None:
    """Close the month: from now on what is counted is booked in the next one."""
    watermark = await counting.lock_months(session)
    await months.check_closable(session, closing.month, watermark, settings)
    now = clock.now()
    await queries.insert_entries(session, closing.month, on=jakarta_date(now))
    await counting.begin_closing(session, watermark, closing.month)
    closing.status, closing.closed_at = ClosingStatus.RUNNING, now


async def _add_up(session: AsyncSession, closing: Closing) -> None:
    await allow_minutes(session, ADD_UP_MINUTES)
    earning, kept = await queries.add_up(session, closing.month)
    if earning != kept:
        raise rules.BeneficiariesUnknown(count=earning - kept)
    closing.beneficiary_count = earning


async def _issue(session: AsyncSession, closing: Closing, batch: int) -> None:
    assert closing.closed_at is not None
    ids = await queries.list_next(
        session, closing.month, after_id=closing.last_beneficiary_id, limit=batch
    )
    earned = queries.earned_by(closing.month, ids[0], ids[-1])
    await _issue_statements(session, closing.month, earned, ids, issued_at=closing.closed_at)
    closing.statement_count += len(ids)
    closing.last_beneficiary_id = ids[-1]


async def _issue_statements(
    session: AsyncSession,
    month: Month,
    earned: Select[Any],
    beneficiary_ids: Sequence[UUID],
    *,
    issued_at: datetime,
) -> None:
    """Issue a statement for every row of a query, owe it in the ledger, and publish it.

    Set-based: one statement of SQL each for the statements, the ledger and the events. What waits
    to be sent to somebody who has a debt now is withdrawn, so that a later run deducts it. What is
    held or was forfeited makes up for debts first: for those before the statements, and for theirs.
    earned: what each of these beneficiaries has earned; see `statement_queries.stated`.
    """
    ids = [new_id() for _ in beneficiary_ids]
    await statement_queries.lock_debts(session)
    await statements.set_off_held(session, beneficiary_ids=beneficiary_ids)
    await statement_queries.insert_statements(session, month, earned, ids=ids, issued_at=issued_at)
    for code, sign in _POSTED:
        await ledger.transfer_rows(
            session,
            statement_queries.owed(ids, sign=sign),
            code=code,
            account=ledger_rules.incentive_expense(month),
            business_on=month.last_day,
        )
    await statements.set_off_held(session, beneficiary_ids=beneficiary_ids)
    debts = await statement_queries.find_debts(session, beneficiary_ids, stated_in=month)
    if debts:
        await payouts.withdraw_waiting_for(session, debts.keys())
    new = statement_queries.payable().where(Statement.id == any_id(ids))
    await holds.hold(session, new, at=issued_at)
    published = statement_queries.issued(ids, is_held=~holds.is_free(Statement.id))
    await publish_rows(session, StatementIssued, published)


async def _finish(session: AsyncSession, closing: Closing) -> None:
    """Record what the month came to, set off debts that came back, and show the statements."""
    assert closing.closed_at is not None
    assert closing.decided_by is not None
    await months.record(
        session,
        ClosedMonth(
            month=closing.month,
            closed_at=closing.closed_at,
            closed_by=closing.decided_by,
            **asdict(await statement_queries.sum_statements(session, closing.month)),
        ),
    )
    await queries.delete_entries(session, closing.month)
    await statement_queries.lock_debts(session)
    await statements.set_off_held(session)
    closing.status, closing.done_at = ClosingStatus.DONE, clock.now()


async def _check(session: AsyncSession, month: Month, settings: Settings) -> None:
    # A future month passes here: MonthNotOver says from when it can be closed.
    check_month(month, present=max(month, Month.of(clock.today())))
    watermark = await counting.read_watermark(session)
    await months.check_closable(session, month, watermark, settings)


async def _check_next(session: AsyncSession, month: Month) -> None:
    check_month(month, present=Month.of(clock.today()))
    await months.check_next(session, month, await counting.read_watermark(session))


async def _sum_up(session: AsyncSession, month: Month) -> Figures:
    earned: Any = queries.earned_now(month, on=clock.today())
    return await statement_queries.sum_stated(session, month, earned)
