"""Add up what a start page shows; for offices at most twice a minute for each scope."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.collections import queries as collections
from payment_service.collections.rules import Sum
from payment_service.days import Days
from payment_service.overview import queries
from payment_service.refused_payments import service as refused_payments
from payment_service.visibility import STAFF, Sight, find_sight
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.engine import Database
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.http.answers.overviews import KEPT_S, Overviews

ENDED_WITHIN = timedelta(days=7)
BOOKS = (Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMIN)
"""The offices that are shown refused payments and suspense, if they have the whole country."""


@dataclass(frozen=True, slots=True)
class Overview:
    """as_of: when it was added up. refused_open, suspense: None for who does not see the books."""

    as_of: datetime
    open_bills: Sum
    ended_bills: Sum
    collected_today: Sum
    collected_this_month: Sum
    refused_open: int | None
    suspense: Sum | None


def make_overviews(database: Database, *, kept_s: float = KEPT_S) -> Overviews[Overview]:
    """Return the figures by principal."""
    return Overviews(database, add_up, offices=STAFF, seeing_more=BOOKS, kept_s=kept_s)


async def add_up(session: AsyncSession, principal: Principal) -> Overview:
    """Return the figures of what the principal may see, as they are now."""
    now = clock.now()
    sight = find_sight(principal)
    today = jakarta_date(now)
    month = Month.of(today)
    sees_books = principal.has(*BOOKS) and principal.has_country
    return Overview(
        as_of=now,
        open_bills=await queries.sum_open_bills(session, sight, at=now),
        ended_bills=await queries.sum_ended_bills(
            session, sight, after=now - ENDED_WITHIN, through=now
        ),
        collected_today=await _sum_collected(session, sight, Days(today, today)),
        collected_this_month=await _sum_collected(
            session, sight, Days(month.first_day, month.last_day)
        ),
        refused_open=await refused_payments.count_open(session) if sees_books else None,
        suspense=await queries.sum_suspense(session) if sees_books else None,
    )


async def _sum_collected(session: AsyncSession, sight: Sight, days: Days) -> Sum:
    if not sight.is_everyone:
        return await queries.sum_collected(session, sight, begin=days.begin, end=days.end)
    found = await collections.list_collected(session, days, partner_id=None)
    return Sum.of_all(each.sum for each in found)
