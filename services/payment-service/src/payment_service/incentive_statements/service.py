"""Show what statements say each beneficiary is owed for a month, and what one would say."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service as bonus_reviews
from payment_service.bonus_reviews.rules import BonusReviewStatus
from payment_service.commissions import service as commissions
from payment_service.commissions.rules import Sums
from payment_service.counting import service as counting
from payment_service.counting.rules import BeneficiaryKind, BeneficiaryNotFound, booked_month
from payment_service.incentive_holds import service as holds
from payment_service.incentive_holds.queries import StatementHold
from payment_service.incentive_holds.rules import HoldReason, HoldStatus, find_payable_now
from payment_service.incentive_statements import queries
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import (
    Balance,
    BeneficiaryUnclear,
    Due,
    EarningsAsked,
    PayableStatement,
    SchemeForAgentsOnly,
    StatementNotFound,
)
from payment_service.incentive_statements.schemas import (
    CommissionLineOut,
    CommissionPreviewOut,
    IncentiveStatementOut,
    SchemeApplied,
)
from payment_service.months import rules as month_rules
from payment_service.payees import service as payees
from payment_service.payees.rules import Payee
from payment_service.payouts import queries as payout_queries
from payment_service.payouts import service as payouts
from payment_service.payouts.rules import LIVE, StatementPayoutStatus
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import Applied, check_month, scheme_of
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain import clock
from perisai_kit.domain.errors import check_one_given
from perisai_kit.domain.month import Month
from perisai_kit.http.paging import Page, cut_page, parse_bigint, read_cursor
from perisai_kit.privacy.read_audit import audit_read

STORED = tuple(column.key for column in Statement.__mapper__.column_attrs)


async def list_latest(
    session: AsyncSession, beneficiary_id: UUID, *, limit: int
) -> Sequence[Statement]:
    """Return a beneficiary's last statements, the latest first."""
    return await queries.list_statements(
        session,
        Statement.beneficiary_id == beneficiary_id,
        month=None,
        beneficiary_id=None,
        before_id=None,
        limit=limit,
    )


async def get(
    session: AsyncSession, principal: Principal, statement_id: UUID
) -> IncentiveStatementOut:
    """Return a statement the subject may see.

    Raises: StatementNotFound.
    """
    (shown,) = await show(session, [await get_visible(session, principal, statement_id)])
    return shown


async def get_visible(session: AsyncSession, principal: Principal, statement_id: UUID) -> Statement:
    """Return a statement that the subject may see, and record the reading.

    Raises: StatementNotFound.
    """
    visible = visible_earnings(principal, Statement)
    if (statement := await queries.find_statement(session, statement_id, visible)) is None:
        raise StatementNotFound
    _audit_read(BeneficiaryKind(statement.beneficiary_kind), statement.beneficiary_id)
    return statement


async def list_statements(
    session: AsyncSession,
    principal: Principal,
    *,
    month: Month | None,
    beneficiary_id: UUID | None,
    payee_id: UUID | None = None,
    cursor: str | None,
    limit: int,
) -> Page[IncentiveStatementOut]:
    """Return the statements the subject may see, the latest month first.

    Raises: CursorInvalid.
    """
    visible = visible_earnings(principal, Statement)
    if payee_id is not None:
        payables = await payees.make_payables(session, Statement)
        visible = and_(visible, payables.is_paid_to([payee_id]))
    rows = await queries.list_statements(
        session,
        visible,
        month=month,
        beneficiary_id=beneficiary_id,
        before_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    for each in page.items:
        _audit_read(BeneficiaryKind(each.beneficiary_kind), each.beneficiary_id)
    return Page(items=await show(session, page.items), next_cursor=page.next_cursor)


async def list_payable(session: AsyncSession, beneficiary_id: UUID) -> list[PayableStatement]:
    """Return what may be paid of a beneficiary's statements, the earliest first.

    Without what is held or forfeited, in a payout, or paid.
    """
    free = payable_now().where(Statement.beneficiary_id == beneficiary_id)
    rows = await session.execute(free.order_by(Statement.month))
    return [PayableStatement(row.statement_id, row.month, row.payable) for row in rows]


def payable_now() -> Select[Any]:
    """Return the query of what `list_payable` lists, of everybody: see `queries.payable`."""
    return queries.payable().where(
        Statement.amount > Statement.brought_debt,
        holds.is_free(Statement.id),
        ~payout_queries.is_live(Statement.id),
    )


async def set_off_held(
    session: AsyncSession, *, beneficiary_ids: Collection[UUID] | None = None
) -> None:
    """Let what is held or was forfeited make up for debts: what is taken back of it was never paid.

    Call it before debts are deducted from anything else, so that no order changes who is paid what.
    beneficiary_ids: None: of all. The caller has locked debts.
    """
    if left := await holds.list_left(session, beneficiary_ids=beneficiary_ids):
        debts = await queries.find_debts(session, {each.beneficiary_id for each in left})
        await holds.set_off_debts(session, left, debts)


async def list_lines(
    session: AsyncSession,
    principal: Principal,
    statement_id: UUID,
    *,
    cursor: str | None,
    limit: int,
) -> Page[CommissionLineOut]:
    """Return the lines that a statement adds up, each with its reasons.

    Raises: StatementNotFound, CursorInvalid.
    """
    statement = await get_visible(session, principal, statement_id)
    return await _lines(
        session, statement.beneficiary_id, statement.month, cursor=cursor, limit=limit
    )


async def preview(
    session: AsyncSession, principal: Principal, asked: EarningsAsked, *, scheme_id: UUID | None
) -> CommissionPreviewOut:
    """Return what a statement would say now, under the month's scheme or another one.

    Raises: BeneficiaryUnclear, BeneficiaryNotFound, SchemeForAgentsOnly, SchemeNotFound,
    TooManyPayments, MonthOutsideProgramme.
    """
    kind, beneficiary_id = await _beneficiary(session, principal, asked)
    watermark = await counting.read_watermark(session)
    month = _month(asked, watermark.closed_through)
    if scheme_id is None:
        scheme = scheme_of(await schemes.approved(session), month)
        sums = await commissions.sum_month(session, beneficiary_id, month)
    elif kind is BeneficiaryKind.AGENT:
        scheme = schemes.applied(await schemes.get(session, scheme_id))
        sums = await commissions.sum_under(session, scheme, agent_id=beneficiary_id, month=month)
    else:
        raise SchemeForAgentsOnly(field="scheme_id")
    before = await _balance_before(session, beneficiary_id, month)
    return CommissionPreviewOut(
        month=month,
        status=month_rules.status_of(
            month, closed_through=watermark.closed_through, closing=watermark.closing
        ),
        beneficiary_kind=kind,
        beneficiary_id=beneficiary_id,
        scheme=SchemeApplied.model_validate(scheme) if scheme else None,
        **_earned(before, sums),
        **await _progress(session, (kind, beneficiary_id), month, scheme),
    )


async def preview_lines(
    session: AsyncSession,
    principal: Principal,
    asked: EarningsAsked,
    *,
    cursor: str | None,
    limit: int,
) -> Page[CommissionLineOut]:
    """Return the lines of a month so far.

    Raises: BeneficiaryUnclear, BeneficiaryNotFound, CursorInvalid, MonthOutsideProgramme.
    """
    _, beneficiary_id = await _beneficiary(session, principal, asked)
    month = _month(asked, await counting.closed_through(session))
    return await _lines(session, beneficiary_id, month, cursor=cursor, limit=limit)


async def _beneficiary(
    session: AsyncSession, principal: Principal, asked: EarningsAsked
) -> tuple[BeneficiaryKind, UUID]:
    agent_id, wadah_id = asked.agent_id, asked.wadah_id
    if agent_id is None and wadah_id is None:
        agent_id = principal.agent_id if principal.has(Role.AGENT) else None
        is_wadah = agent_id is None and principal.has(Role.WADAH_ADMIN)
        wadah_id = principal.wadah_id if is_wadah else None
    check_one_given(BeneficiaryUnclear, agent_id=agent_id, wadah_id=wadah_id)
    kind = BeneficiaryKind.WADAH if agent_id is None else BeneficiaryKind.AGENT
    beneficiary_id = agent_id or wadah_id
    assert beneficiary_id is not None
    found = await counting.find_beneficiary(session, beneficiary_id, principal)
    # A beneficiary without earnings may look too.
    is_right = found.beneficiary_kind is kind if found else _is_own(principal, kind, beneficiary_id)
    if not is_right:
        raise BeneficiaryNotFound
    _audit_read(kind, beneficiary_id)
    return kind, beneficiary_id


def _audit_read(kind: BeneficiaryKind, beneficiary_id: UUID) -> None:
    """Record the reading of an agent's earnings; a wadah is no person."""
    if kind is BeneficiaryKind.AGENT:
        audit_read([beneficiary_id])


def _is_own(principal: Principal, kind: BeneficiaryKind, beneficiary_id: UUID) -> bool:
    match kind:
        case BeneficiaryKind.AGENT:
            return principal.has(Role.AGENT) and principal.agent_id == beneficiary_id
        case BeneficiaryKind.WADAH:
            return principal.has(Role.WADAH_ADMIN) and principal.wadah_id == beneficiary_id


async def _balance_before(session: AsyncSession, beneficiary_id: UUID, month: Month) -> Balance:
    """Return where statements and the open months after them leave off."""
    latest = await queries.find_latest(session, beneficiary_id, before=month)
    balance = await queries.find_balance(session, latest) if latest else Balance()
    after = latest.month if latest else None
    for parts in await commissions.list_sums_between(
        session, beneficiary_id, after=after, before=month
    ):
        balance = balance.after(parts)
    return balance


async def _progress(
    session: AsyncSession, of: tuple[BeneficiaryKind, UUID], month: Month, scheme: Applied | None
) -> dict[str, Any]:
    kind, agent_id = of
    if kind is not BeneficiaryKind.AGENT:
        return {}
    count = await counting.count_new_members(session, agent_id, month)
    waits = (await counting.count_waits(session, agent_id=agent_id)).values()
    review = await bonus_reviews.find_status(session, agent_id, month)
    held = await commissions.sum_held(session, scheme, review, agent_id=agent_id, month=month)
    return {
        "new_members": count.of(sponsored=scheme.terms.sponsored) if scheme else count.count,
        "threshold": scheme.terms.threshold if scheme else None,
        "waiting_payments": sum(each.allocations for each in waits),
        "waiting_contributions": sum(each.contributions for each in waits),
        "bonus_review": review,
        "held_parts": held,
    }


def _month(asked: EarningsAsked, closed_through: Month | None) -> Month:
    """Return the month asked about; the one in which money paid now counts if none is named."""
    present = booked_month(_today(), closed_through)
    if asked.month is not None:
        check_month(asked.month, present=present)
    return asked.month or present


def _today() -> Month:
    return Month.of(clock.today())


def _earned(before: Balance, sums: Sums) -> dict[str, int]:
    return {**asdict(sums), **Due(before, sums.parts).shown}


def due_of(statement: Statement) -> Due:
    """Return what a statement came to."""
    by_rule = (statement.contribution_parts, statement.acquisition_parts, statement.override_parts)
    parts = sum(by_rule)
    return Due(Balance(statement.total_parts - parts, statement.brought_debt), parts)


async def _lines(
    session: AsyncSession, beneficiary_id: UUID, month: Month, *, cursor: str | None, limit: int
) -> Page[CommissionLineOut]:
    rows = await commissions.list_lines(
        session,
        beneficiary_id=beneficiary_id,
        month=month,
        after_id=read_cursor(cursor, parse_bigint) or 0,
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.id)
    audit_read(id_ for row in page.items for id_ in (row.member_id, row.agent_id))
    return page.page(CommissionLineOut.model_validate)


async def show(
    session: AsyncSession, statements: Sequence[Statement]
) -> list[IncentiveStatementOut]:
    """Return statements as the API shows them, with payees, holds and reviews of their months."""
    ids = [each.id for each in statements]
    paid = await payees.find_payees(session, Statement, ids)
    held = await holds.find_statement_holds(session, ids)
    months = {(each.beneficiary_id, each.month) for each in statements}
    reviews = await bonus_reviews.find_statuses(session, months)
    statuses = await payouts.find_statement_statuses(session, ids)
    deductions = await payout_queries.find_deductions(session, ids)
    forfeits = await holds.find_deducted(session, ids)
    return [
        _stated(
            each,
            paid[each.id],
            held.get(each.id),
            reviews.get((each.beneficiary_id, each.month)),
            statuses.get(each.id, StatementPayoutStatus.UNPAID),
            deducted=deductions.get(each.id, 0) + forfeits.get(each.id, 0),
        )
        for each in statements
    ]


def _stated(
    statement: Statement,
    payee: Payee,
    hold: StatementHold | None,
    review: BonusReviewStatus | None,
    payout_status: StatementPayoutStatus,
    *,
    deducted: int,
) -> IncentiveStatementOut:
    stored = {name: getattr(statement, name) for name in STORED}
    stated = {**stored, **due_of(statement).shown}
    status, at = (hold.status, hold.decided_at) if hold else (None, None)
    reason = hold.reason if hold else statement.held_reason
    stated["held_reason"] = HoldReason(reason) if reason else None
    return IncentiveStatementOut.model_validate(
        {
            **stated,
            "payee": payee,
            "held": status is HoldStatus.OPEN,
            "released_at": at if status is HoldStatus.RELEASED else None,
            "forfeited_at": at if status is HoldStatus.FORFEITED else None,
            "payable_now": find_payable_now(stated["payable"], status, payout_status in LIVE),
            "payout_status": payout_status,
            "deducted": deducted,
            "bonus_review": review,
        }
    )
