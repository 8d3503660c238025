"""Compute what payments earn by the scheme of their month, and say what was earned."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.commissions import queries, rules
from payment_service.commissions.models import CommissionLine
from payment_service.commissions.queries import MonthSums
from payment_service.commissions.rules import Line, Sums, TooManyPayments
from payment_service.counting import service as counting
from payment_service.counting.queries import AgentMonth, NewMembers
from payment_service.counting.rules import BeneficiaryKind, Earning
from payment_service.schemes import service as schemes
from payment_service.schemes.models import Scheme
from payment_service.schemes.rules import SchemeVerdict, scheme_of
from payment_service.schemes.service import Applied
from payment_service.settings import Settings
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled

RECOMPUTED_AT_ONCE = 10_000
"""Payments of one agent and month; far beyond what one person brings, it bounds a request."""


async def take_payments(session: AsyncSession, events: Sequence[PaymentSettled]) -> None:
    """Compute what settled payments earn, once, however often they are told."""
    await _earn(session, await counting.take_payments(session, events))


async def take_attributions(session: AsyncSession, events: Sequence[MemberAttributed]) -> None:
    """Learn whom members count for, and compute what has waited for it."""
    await _earn(session, await counting.take_attributions(session, events))


async def decide(
    session: AsyncSession, scheme_id: UUID, *, verdict: SchemeVerdict, by: UUID, settings: Settings
) -> Scheme:
    """Approve or reject a scheme that somebody else proposed.

    Raises: SchemeNotFound, SchemeDecided, OwnProposal, SchemeTooEarly, SchemeMonthTaken,
    SchemeTooGenerous.
    """
    earliest = await counting.first_free_month(session)
    return await schemes.decide(
        session, scheme_id, verdict=verdict, by=by, earliest=earliest, settings=settings
    )


async def months_with_lines(
    session: AsyncSession, *, after: Month | None, before: Month | None = None, limit: int
) -> list[MonthSums]:
    """Return the months between two in which something was earned, the latest first."""
    return await queries.list_months(session, after=after, before=before, limit=limit)


def earned_in(month: Month) -> Select[Any]:
    """Return the query of what each beneficiary earned in a month, for work on sets.

    Columns: beneficiary_id, line_count, contribution_parts, acquisition_parts, override_parts.
    """
    return queries.earned_in(month)


async def sum_month(session: AsyncSession, beneficiary_id: UUID, month: Month) -> Sums:
    """Return what a beneficiary's lines of a month add up to, in parts by rule."""
    return await queries.sum_month(session, beneficiary_id, month)


async def sum_between(
    session: AsyncSession, beneficiary_id: UUID, *, after: Month | None, before: Month
) -> int:
    """Return the parts a beneficiary earned between two months, neither inside."""
    return await queries.sum_between(session, beneficiary_id, after=after, before=before)


async def list_lines(
    session: AsyncSession, *, beneficiary_id: UUID, month: Month, after_id: int, limit: int
) -> Sequence[CommissionLine]:
    """Return a beneficiary's lines of a month in the order they were computed."""
    return await queries.list_lines(
        session, beneficiary_id=beneficiary_id, month=month, after_id=after_id, limit=limit
    )


async def sum_under(
    session: AsyncSession, scheme: Applied, *, agent_id: UUID, month: Month
) -> Sums:
    """Return what an agent's payments of a month would earn him under a scheme.

    Computed anew from the payments; nothing is stored.
    Raises: TooManyPayments.
    """
    found = await counting.payments_of(session, agent_id, month, limit=RECOMPUTED_AT_ONCE + 1)
    if len(found) > RECOMPUTED_AT_ONCE:
        raise TooManyPayments(limit=RECOMPUTED_AT_ONCE)
    return rules.sums_of(rules.lines_of_month(scheme.terms, found), BeneficiaryKind.AGENT)


async def _earn(session: AsyncSession, counted: Sequence[Earning]) -> None:
    approved = await schemes.approved(session)
    now = clock.now()
    rows = []
    for each in counted:
        scheme = scheme_of(approved, each.month)
        if scheme is not None:
            rows += [
                _row(line, scheme, now) for line in rules.contribution_lines(scheme.terms, each)
            ]
    new = [each for each in counted if each.is_new]
    if new:
        rows += await _acquire(session, new, approved, now)
    if rows:
        await queries.insert_once_lines(session, rows)


async def _acquire(
    session: AsyncSession, new: Sequence[Earning], approved: Sequence[Applied], now: datetime
) -> list[dict[str, Any]]:
    """Return the lines of new members in months that have reached their threshold."""
    by_pair: dict[AgentMonth, list[Earning]] = defaultdict(list)
    for each in new:
        by_pair[_pair(each)].append(each)
    counts = await counting.count_new_members(session, by_pair)
    reached = {
        pair: _threshold(scheme_of(approved, pair[1]), counts[pair], added)
        for pair, added in by_pair.items()
    }
    just_reached = [pair for pair, found in reached.items() if found.just_now]
    due = [each for each in new if reached[_pair(each)].before]
    if just_reached:
        # Those that came before the threshold was reached earn now.
        due += await counting.first_payments(session, just_reached)
    rows = []
    for each in due:
        scheme = reached[_pair(each)].scheme
        if scheme is not None and scheme.terms.earns(each.payer):
            lines = rules.acquisition_lines(scheme.terms, each)
            if _pair(each) in just_reached:
                just_reached.remove(_pair(each))
                lines += rules.fixed_lines(scheme.terms, each)
            rows += [_row(line, scheme, now) for line in lines]
    return rows


@dataclass(frozen=True, slots=True)
class _Threshold:
    """Whether an agent's month had reached it before, or has just now."""

    scheme: Applied | None = None
    before: bool = False
    just_now: bool = False


def _threshold(scheme: Applied | None, count: NewMembers, added: Iterable[Earning]) -> _Threshold:
    if scheme is None:
        return _Threshold()
    total = count.of(sponsored=scheme.terms.sponsored)
    before = total - sum(scheme.terms.earns(each.payer) for each in added)
    had_reached = rules.is_reached(scheme.terms, before)
    return _Threshold(
        scheme, had_reached, rules.is_reached(scheme.terms, total) and not had_reached
    )


def _pair(earning: Earning) -> AgentMonth:
    return earning.care.agent_id, earning.month


def _row(line: Line, scheme: Applied, now: datetime) -> dict[str, Any]:
    return {
        "key": line.key,
        "earned_month": line.earning.month,
        "beneficiary_kind": line.beneficiary,
        "beneficiary_id": line.beneficiary_id,
        "agent_id": line.earning.care.agent_id,
        "member_id": line.earning.member_id,
        "payment_id": line.earning.payment_id,
        "attribution_id": line.earning.care.attribution_id,
        "scheme_id": scheme.id,
        "rule": line.rule,
        "contribution_month": line.paid.month if line.paid else None,
        "programme": line.paid.programme if line.paid else None,
        "month_index": line.month_index,
        "base": line.base,
        "rate_bps": line.rate_bps,
        "parts": line.parts,
        "recorded_at": now,
    }
