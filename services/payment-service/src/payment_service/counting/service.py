"""Count settled payments for those in whose care their members are.

Payments come from our own feed and attributions from member-service's, in any order relative to
each other. Whoever counts or closes holds the watermark's lock, so that a payment is counted in one
month, a threshold is crossed once, and nobody misses what the other is just writing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.counting import queries, rules
from payment_service.counting.models import (
    Beneficiary,
    CountedPayment,
    KnownAttribution,
    Watermark,
)
from payment_service.counting.queries import AgentMonth, NewMembers
from payment_service.counting.rules import BeneficiaryKind, Care, Earning, PaidLine, Settled
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.events import cursors
from perisai_kit.events import parking as parked
from perisai_kit.events.catalogue import MemberAttributed, PaymentSettled

PAYMENTS = "commissions.payments"
"""The subscription to our own feed. The names are cursors' keys: never rename them."""
MEMBERS = "commissions.members"
"""The subscription to member-service's feed."""
SUBSCRIPTIONS = (PAYMENTS, MEMBERS)


async def take_payments(session: AsyncSession, events: Sequence[PaymentSettled]) -> list[Earning]:
    """Count settled payments and return those that earn; one known already changes nothing.

    A payment whose attribution has not arrived waits for it. One without an agent earns nothing,
    but a member who has paid without an agent is not new any more. Locks the months.
    """
    watermark = await queries.lock_watermark(session)
    payments = await _count(session, events, watermark)
    wanted = [(each, each.attribution_id) for each in payments if each.agent_id is not None]
    cared_for = [(each, id_) for each, id_ in wanted if id_ is not None]
    known = await queries.find_attributions(session, {id_ for _, id_ in cared_for})
    waiting = [each for each, id_ in cared_for if id_ not in known]
    if waiting:
        now = clock.now()
        await queries.insert_waits(session, [_wait(each, began_at=now) for each in waiting])
    counted = [_earning(each, known[id_]) for each, id_ in cared_for if id_ in known]
    return await _acquire(session, counted)


async def take_attributions(
    session: AsyncSession, events: Sequence[MemberAttributed]
) -> list[Earning]:
    """Learn whom members count for, and return the payments that have waited for it.

    Locks the months.
    """
    await queries.lock_watermark(session)
    first_months = await queries.find_first_months(session, {each.member_id for each in events})
    rows = []
    for event in events:
        first = min(event.from_month, first_months.get(event.member_id, event.from_month))
        first_months[event.member_id] = first
        rows.append(_attribution(event, counted_from=first))
    await queries.insert_once_attributions(session, rows)
    await queries.upsert_beneficiaries(session, _beneficiaries(events))
    freed = await queries.end_waits(
        session, {each.attribution_id for each in events}, at=clock.now()
    )
    return await _acquire(session, [_told(*row) for row in freed])


async def lock_months(session: AsyncSession) -> Month | None:
    """Let nobody count until this transaction ends; return the last closed month."""
    return (await queries.lock_watermark(session)).closed_through


async def first_free_month(session: AsyncSession) -> Month | None:
    """Return the first month that is neither closed nor counted in, and keep it so."""
    watermark = await queries.lock_watermark(session)
    return rules.first_free_month(watermark.closed_through, watermark.counted_through)


async def close_through(session: AsyncSession, month: Month) -> None:
    """Count nothing more in any month up to this one."""
    (await queries.lock_watermark(session)).closed_through = month
    await session.flush()


async def closed_through(session: AsyncSession) -> Month | None:
    """Return the last closed month."""
    return (await queries.get_watermark(session)).closed_through


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come. unread: it has not read everything up to an instant."""

    name: str
    caught_up_at: datetime | None
    unread: bool
    parked: int


async def progress(session: AsyncSession, *, through: datetime) -> list[Progress]:
    """Return how far the subscriptions that commissions stand on have come."""
    found = []
    for name in SUBSCRIPTIONS:
        cursor = await cursors.find_cursor(session, name)
        caught_up_at = cursor.caught_up_at if cursor else None
        unread = caught_up_at is None or caught_up_at < through
        if name == PAYMENTS and cursor is not None:
            # Of our own events we need no word: they are here.
            unread = unread or await queries.has_unread_payments(
                session, position=cursor.position, before=through
            )
        waiting = await parked.count_waiting(session, name)
        found.append(Progress(name, caught_up_at, unread, waiting))
    return found


async def count_waits(
    session: AsyncSession, *, through: Month | None = None, agent_id: UUID | None = None
) -> dict[Month, int]:
    """Count the payments that wait for their attribution, by the month they count in."""
    return await queries.count_waits(session, through=through, agent_id=agent_id)


async def count_new_members(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> dict[AgentMonth, NewMembers]:
    """Count new members by agent and month; who has none may be absent."""
    return await queries.count_new_members(session, pairs)


async def first_payments(session: AsyncSession, pairs: Collection[AgentMonth]) -> list[Earning]:
    """Return what the new members of these agents and months paid first."""
    return [_told(*row) for row in await queries.list_first_payments(session, pairs)]


async def payments_of(
    session: AsyncSession, agent_id: UUID, month: Month, *, limit: int
) -> list[Earning]:
    """Return an agent's payments of a month, as far as their attribution is known."""
    found = await queries.list_payments(session, agent_id, month, limit=limit)
    return [_told(*row) for row in found]


def beneficiaries() -> Select[Any]:
    """Return the query of everybody who may have earned something, for work on sets.

    Columns: beneficiary_id, beneficiary_kind, wadah_id, branch_code, region_code.
    """
    return queries.beneficiaries()


async def count_beneficiaries(session: AsyncSession) -> int:
    """Return how many have been anybody's agent or wadah."""
    return await queries.count_beneficiaries(session)


async def find_beneficiary(
    session: AsyncSession, beneficiary_id: UUID, principal: Principal
) -> Beneficiary | None:
    """Return a beneficiary whose earnings the subject may see."""
    condition = visible_earnings(principal, Beneficiary)
    return await queries.find_beneficiary(session, beneficiary_id, condition)


async def _count(
    session: AsyncSession, events: Sequence[PaymentSettled], watermark: Watermark
) -> list[Settled]:
    paying = await queries.find_known_members(session, {each.member_id for each in events})
    payments = []
    for event in events:
        paid_in = Month.of(jakarta_date(event.paid_at))
        month = rules.earned_month(paid_in, watermark.closed_through)
        payments.append(_settled(event, month, is_first=event.member_id not in paying))
        paying.add(event.member_id)
    new = await queries.insert_once_payments(session, [_row(each) for each in payments])
    counted = [each for each in payments if each.payment_id in new]
    latest = max((each.month for each in counted), default=None)
    if latest and (watermark.counted_through is None or watermark.counted_through < latest):
        watermark.counted_through = latest
        await session.flush()
    return counted


async def _acquire(session: AsyncSession, earnings: list[Earning]) -> list[Earning]:
    new = [_acquisition(each) for each in earnings if each.is_new]
    if new:
        await queries.insert_acquisitions(session, new)
    return earnings


def _settled(event: PaymentSettled, month: Month, *, is_first: bool) -> Settled:
    return Settled(
        payment_id=event.payment_id,
        member_id=event.member_id,
        attribution_id=event.attribution_id,
        agent_id=event.agent_id,
        payer=event.payer,
        month=month,
        is_first=is_first,
        paid=tuple(PaidLine(line.month, line.programme, line.amount) for line in event.lines),
    )


def _row(payment: Settled) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "member_id": payment.member_id,
        "attribution_id": payment.attribution_id,
        "agent_id": payment.agent_id,
        "payer": payment.payer,
        "earned_month": payment.month,
        "is_first": payment.is_first,
        "lines": [[str(line.month), line.programme, line.amount] for line in payment.paid],
    }


def _told(row: CountedPayment, attribution: KnownAttribution) -> Earning:
    paid = [PaidLine(Month.parse(month), *rest) for month, *rest in row.lines]
    payment = Settled(
        payment_id=row.payment_id,
        member_id=row.member_id,
        attribution_id=row.attribution_id,
        agent_id=row.agent_id,
        payer=row.payer,
        month=row.earned_month,
        is_first=row.is_first,
        paid=tuple(paid),
    )
    return _earning(payment, attribution)


def _earning(payment: Settled, attribution: KnownAttribution) -> Earning:
    return Earning(
        payment_id=payment.payment_id,
        member_id=payment.member_id,
        month=payment.month,
        care=Care(
            attribution_id=attribution.id,
            agent_id=attribution.agent_id,
            wadah_id=attribution.wadah_id,
            counted_from=attribution.counted_from,
        ),
        payer=payment.payer,
        paid=payment.paid,
        is_new=payment.is_first and attribution.new_to_bpu,
    )


def _wait(payment: Settled, *, began_at: datetime) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "attribution_id": payment.attribution_id,
        "agent_id": payment.agent_id,
        "earned_month": payment.month,
        "began_at": began_at,
    }


def _acquisition(earning: Earning) -> dict[str, Any]:
    return {
        "member_id": earning.member_id,
        "payment_id": earning.payment_id,
        "agent_id": earning.care.agent_id,
        "earned_month": earning.month,
        "payer": earning.payer,
    }


def _attribution(event: MemberAttributed, *, counted_from: Month) -> dict[str, Any]:
    return {
        "id": event.attribution_id,
        "member_id": event.member_id,
        "agent_id": event.agent_id,
        "wadah_id": event.wadah_id,
        "from_month": event.from_month,
        "counted_from": counted_from,
        "new_to_bpu": event.new_to_bpu,
    }


def _beneficiaries(events: Iterable[MemberAttributed]) -> list[dict[str, Any]]:
    latest: dict[UUID, dict[str, Any]] = {}
    for event in events:
        kinds = {
            BeneficiaryKind.AGENT: event.agent_id,
            BeneficiaryKind.WADAH: event.wadah_id,
        }
        for kind, beneficiary_id in kinds.items():
            latest[beneficiary_id] = {
                "beneficiary_id": beneficiary_id,
                "beneficiary_kind": kind,
                "wadah_id": event.wadah_id,
                "branch_code": event.branch_code,
                "region_code": event.region_code,
            }
    return list(latest.values())
