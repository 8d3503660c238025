"""Review the acquisition bonus of an agent's month: hold it, then release or refuse it.

A review is a fact like others: it lets the acquisitions of the month be computed anew, and
`commissions` books what stands by the facts of now. So no order of flags, decisions, payments and
closings changes a total.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import queries, rules
from payment_service.bonus_reviews.models import (
    BonusReview,
    BonusReviewRecord,
    FlaggedAcquisition,
)
from payment_service.bonus_reviews.queries import AgentMonth, Review
from payment_service.bonus_reviews.rules import (
    BonusReviewStatus,
    BonusReviewStep,
    RefusalVerdict,
)
from payment_service.counting import service as counting
from payment_service.counting.models import Beneficiary
from payment_service.counting.rules import BeneficiaryKind, BeneficiaryNotFound, month_of
from payment_service.visibility import visible_earnings
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberRiskFlagged
from perisai_kit.http.paging import Slice, cut_page, read_cursor

FLAGS_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review with its steps, and the flags it is about."""

    review: Review
    steps: Sequence[BonusReviewRecord]
    flags: Sequence[FlaggedAcquisition] = ()


async def take_flags(
    session: AsyncSession, events: Sequence[MemberRiskFlagged], *, review_from: int
) -> None:
    """Store risk flags, and open the reviews that they make due. Locks the months."""
    watermark = await counting.lock_months(session)
    rows = [
        {
            **{name: getattr(each, name) for name in ("allocation_id", "flag", "member_id")},
            "agent_id": each.agent_id,
            "month": month_of(each.counts_at),
            "counts_at": each.counts_at,
        }
        for each in events
    ]
    await queries.insert_flags(session, rows)
    pairs = {(row["agent_id"], row["month"]) for row in rows}
    known = await queries.list_reviewed(session, pairs)
    for pair, flagged in sorted((await queries.count_flagged(session, pairs)).items()):
        is_due = rules.is_due(
            flagged, review_from=review_from, month=pair[1], closed_through=watermark.closed_through
        )
        if is_due and pair not in known:
            await _open(session, pair, by=None)


async def find_held(session: AsyncSession, pairs: Collection[AgentMonth]) -> set[AgentMonth]:
    """Return those of these agents' months whose acquisition bonus is held or refused."""
    found = await find_statuses(session, pairs)
    return {pair for pair, status in found.items() if rules.is_held(status)}


async def find_statuses(
    session: AsyncSession, pairs: Collection[AgentMonth]
) -> dict[AgentMonth, BonusReviewStatus]:
    """Return what became of the last review of each of these agents' months, if any."""
    return await queries.list_reviewed(session, pairs) if pairs else {}


async def find_status(
    session: AsyncSession, agent_id: UUID, month: Month
) -> BonusReviewStatus | None:
    """Return what became of the last review of an agent's month; None: there was none."""
    pair = (agent_id, month)
    return (await queries.list_reviewed(session, [pair])).get(pair)


async def open_review(
    session: AsyncSession, principal: Principal, *, agent_id: UUID, month: Month
) -> Reviewed:
    """Open a review by an officer, also of a closed month. Locks the months.

    Raises: BeneficiaryNotFound, BonusUnderReview.
    """
    agent = await counting.find_beneficiary(session, agent_id, principal)
    if agent is None or agent.beneficiary_kind is not BeneficiaryKind.AGENT:
        raise BeneficiaryNotFound
    await counting.lock_months(session)
    review = await _open(session, (agent_id, month), by=principal.account_id)
    if review is None:
        status = await find_status(session, agent_id, month)
        raise rules.BonusUnderReview(status=status)
    return await get(session, principal, review.id)


async def get(session: AsyncSession, principal: Principal, review_id: UUID) -> Reviewed:
    """Return a review the subject may see, with its flags. Raises: BonusReviewNotFound."""
    found = await _find(session, principal, review_id, lock=False)
    steps = (await queries.list_records(session, [review_id])).get(review_id, [])
    pair = (found.review.agent_id, found.review.month)
    flags = await queries.list_flags(session, pair, limit=FLAGS_SHOWN)
    return Reviewed(found, steps, flags)


async def list_reviews(
    session: AsyncSession,
    principal: Principal,
    *,
    status: BonusReviewStatus | None,
    agent_id: UUID | None,
    month: Month | None,
    cursor: str | None,
    limit: int,
) -> Slice[Reviewed]:
    """Return the reviews the subject may see, the oldest first. Raises: CursorInvalid."""
    rows = await queries.list_reviews(
        session,
        visible_earnings(principal, Beneficiary),
        status=status,
        agent_id=agent_id,
        month=month,
        after_id=read_cursor(cursor, UUID),
        limit=limit + 1,
    )
    page = cut_page(rows, limit, key=lambda row: row.review.id)
    steps = await queries.list_records(session, [each.review.id for each in page.items])
    items = [Reviewed(each, steps.get(each.review.id, [])) for each in page.items]
    return Slice(items, page.next_cursor)


async def release(session: AsyncSession, principal: Principal, review_id: UUID) -> Reviewed:
    """Release a bonus; it is booked in the first open month. Locks the months.

    Raises: BonusReviewNotFound, BonusReviewDecided, OwnRefusal.
    """
    await counting.lock_months(session)
    review = (await _find(session, principal, review_id, lock=True)).review
    rules.check_release(
        review.status, proposed_by=review.refusal_proposed_by, by=principal.account_id
    )
    review.status = BonusReviewStatus.RELEASED
    await _record(session, review_id, BonusReviewStep.RELEASED, by=principal.account_id)
    await counting.recompute_acquisitions(session, [(review.agent_id, review.month)])
    return await get(session, principal, review_id)


async def propose_refusal(session: AsyncSession, principal: Principal, review_id: UUID) -> Reviewed:
    """Propose to refuse a bonus; another officer confirms it.

    Raises: BonusReviewNotFound, BonusReviewDecided, RefusalProposed.
    """
    review = (await _find(session, principal, review_id, lock=True)).review
    rules.check_proposable(review.status)
    review.status = BonusReviewStatus.REFUSAL_PROPOSED
    review.refusal_proposed_by = principal.account_id
    step = BonusReviewStep.REFUSAL_PROPOSED
    await _record(session, review_id, step, by=principal.account_id)
    return await get(session, principal, review_id)


async def decide_refusal(
    session: AsyncSession, principal: Principal, review_id: UUID, *, verdict: RefusalVerdict
) -> Reviewed:
    """Confirm a proposed refusal, so that the bonus is never booked, or reject it.

    Raises: BonusReviewNotFound, BonusReviewDecided, RefusalNotProposed, OwnRefusal.
    """
    review = (await _find(session, principal, review_id, lock=True)).review
    rules.check_refusal(
        review.status,
        verdict=verdict,
        proposed_by=review.refusal_proposed_by,
        by=principal.account_id,
    )
    if verdict is RefusalVerdict.CONFIRMED:
        review.status, step = BonusReviewStatus.REFUSED, BonusReviewStep.REFUSAL_CONFIRMED
    else:
        review.status, step = BonusReviewStatus.OPEN, BonusReviewStep.REFUSAL_REJECTED
    await _record(session, review_id, step, by=principal.account_id)
    return await get(session, principal, review_id)


async def _find(
    session: AsyncSession, principal: Principal, review_id: UUID, *, lock: bool
) -> Review:
    condition = visible_earnings(principal, Beneficiary)
    found = await queries.find_review(session, review_id, condition, lock=lock)
    if found is None:
        raise rules.BonusReviewNotFound
    return found


async def _open(session: AsyncSession, pair: AgentMonth, *, by: UUID | None) -> BonusReview | None:
    """Open a review and let the month's acquisitions be computed anew; None: one holds already."""
    agent_id, month = pair
    review = await queries.insert_once_review(
        session,
        BonusReview(
            id=new_id(),
            agent_id=agent_id,
            month=month,
            status=BonusReviewStatus.OPEN,
            opened_at=clock.now(),
        ),
    )
    if review is not None:
        await _record(session, review.id, BonusReviewStep.OPENED, by=by)
        await counting.recompute_acquisitions(session, [pair])
    return review


async def _record(
    session: AsyncSession, review_id: UUID, step: BonusReviewStep, *, by: UUID | None
) -> None:
    record = BonusReviewRecord(
        id=new_id(), review_id=review_id, step=step, taken_by=by, taken_at=clock.now()
    )
    await queries.insert_record(session, record)
