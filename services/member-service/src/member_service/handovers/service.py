"""Hand over a book: all or named members of an agent, in a few SQL statements."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods import service as attribution_periods
from member_service.attributions import rules as attribution_rules
from member_service.attributions import service as attributions
from member_service.attributions.rules import AttributionBegun, Start
from member_service.attributions.service import Examined, HandOver, Target
from member_service.handovers import queries, rules
from member_service.handovers.models import Handover
from member_service.handovers.schemas import HandoverPlan, NewHandover
from member_service.members import service as members
from perisai_kit.auth.principal import Principal
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id


@dataclass(frozen=True, slots=True)
class Preview:
    """What a hand-over would do. skipped: how many members would stay, by reason code."""

    start: Start
    member_count: int
    skipped: Mapping[str, int]


async def preview(session: AsyncSession, plan: HandoverPlan, *, officer: Principal) -> Preview:
    """Return what a hand-over would do now; nothing is written.

    Raises: AgentUnknown, FromDateInvalid, ReasonReserved, BookTooLarge.
    """
    _, start, examined = await _examine(session, plan, officer)
    skipped = rules.count_reasons(examined.obstacles.values())
    return Preview(start, len(examined.places), skipped)


async def make(session: AsyncSession, new: NewHandover, *, officer: Principal) -> Handover:
    """Hand over the members who can be, and say why others stay. A repeat changes nothing.

    Raises: AgentUnknown, FromDateInvalid, ReasonReserved, BookTooLarge, HandoverEmpty,
    HandoverIdTaken.
    """
    handover_id = new.id or new_id()
    request_hash = _hash_request(new)
    first = await queries.find_handover(session, handover_id)
    if first is not None:
        return _check_same(first, request_hash, officer)
    target, start, examined = await _examine(session, new, officer)
    # A concurrent repeat has waited for the members' locks; the first one is now visible.
    first = await queries.find_handover(session, handover_id)
    if first is not None:
        return _check_same(first, request_hash, officer)
    skipped = rules.count_reasons(examined.obstacles.values())
    if not examined.places:
        raise rules.HandoverEmpty(skipped=skipped)
    now = clock.now()
    present = next(iter(examined.places.values()))
    handover = await insert_once(
        session,
        Handover(
            id=handover_id,
            request_hash=request_hash,
            from_agent_id=new.from_agent_id,
            to_agent_id=new.to_agent_id,
            branch_code=present.branch_code,
            region_code=present.region_code,
            from_date=start.from_date,
            at_once=start.at_once,
            reason=new.reason,
            member_count=len(examined.places),
            skipped=skipped,
            made_by=officer.account_id,
            made_at=now,
        ),
    )
    if handover is None:
        raise rules.HandoverIdTaken(field="id")
    made = HandOver(target, start, new.reason, officer.account_id, now, handover_id)
    await attributions.hand_over(session, examined, made)
    return handover


async def get(session: AsyncSession, handover_id: UUID, *, officer: Principal) -> Handover:
    """Return a hand-over the officer may see.

    Raises: HandoverNotFound.
    """
    handover = await queries.find_visible(session, handover_id, officer)
    if handover is None:
        raise rules.HandoverNotFound
    return handover


async def withdraw(session: AsyncSession, handover_id: UUID, *, officer: Principal) -> Handover:
    """Withdraw a hand-over that has not begun; a repeat changes nothing.

    Raises: HandoverNotFound, AttributionBegun.
    """
    handover = await queries.find_visible(session, handover_id, officer, lock=True)
    if handover is None:
        raise rules.HandoverNotFound
    if handover.withdrawn_at is None:
        today = clock.today()
        if handover.from_date <= today:
            raise AttributionBegun
        handover.withdrawn_by, handover.withdrawn_at = officer.account_id, clock.now()
        await session.flush()
        if not await attributions.withdraw_handover(
            session, handover_id, officer=officer, after=today
        ):
            raise rules.HandoverNotFound
    return handover


async def _examine(
    session: AsyncSession, plan: HandoverPlan, officer: Principal
) -> tuple[Target, Start, Examined]:
    attribution_rules.check(plan, today=clock.today())
    await attribution_periods.lock_agent(session, plan.to_agent_id)
    target = await attributions.find_target(session, plan.to_agent_id, officer, field="to_agent_id")
    book = await attributions.list_book(session, plan.from_agent_id)
    if plan.member_ids is not None:
        named = set(plan.member_ids)
        book = [each for each in book if each in named]
    if len(book) > rules.LARGEST_BOOK:
        raise rules.BookTooLarge(field="member_ids", limit=rules.LARGEST_BOOK)
    locked = await members.lock_visible(session, book, viewer=officer)
    # Read the day after all locks, so that no take-over begins on a day that has begun.
    start = attribution_rules.find_start(plan.from_date, today=clock.today())
    return target, start, await attributions.examine(session, locked, target, start)


def _hash_request(new: NewHandover) -> bytes:
    return hashlib.sha256(new.model_dump_json(exclude={"id"}).encode()).digest()


def _check_same(first: Handover, request_hash: bytes, officer: Principal) -> Handover:
    if (first.request_hash, first.made_by) != (request_hash, officer.account_id):
        raise rules.HandoverIdTaken(field="id")
    return first
