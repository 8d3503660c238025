"""What an agent or a wadah gets so far: a fixed number of small queries, at every start of an app.

Statements say where earlier months leave off. The lines after them are added up by month: those of
the month in which money paid now counts, and of months before that are not closed yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bonus_reviews import service as bonus_reviews
from payment_service.bonus_reviews.rules import BonusReviewStatus
from payment_service.commissions import service as commissions
from payment_service.commissions.rules import Sums
from payment_service.counting import service as counting
from payment_service.counting.models import Watermark
from payment_service.counting.queries import Waiting
from payment_service.counting.rules import BeneficiaryKind, booked_month, find_own
from payment_service.incentive_holds import service as holds
from payment_service.incentive_holds.queries import StatementHold
from payment_service.incentive_holds.rules import HoldReason, HoldStatus
from payment_service.incentive_statements import queries as statement_queries
from payment_service.incentive_statements import service as statements
from payment_service.incentive_statements.models import Statement
from payment_service.incentive_statements.rules import Balance, Due
from payment_service.own_incentives.rules import OwnMonthStatus, Split, split_amount
from payment_service.payouts import service as payouts
from payment_service.payouts.rules import StatementPayoutStatus
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import scheme_of
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month

STATEMENTS_SHOWN = 3
_ISSUED = {
    HoldStatus.OPEN: OwnMonthStatus.HELD,
    HoldStatus.FORFEITED: OwnMonthStatus.FORFEITED,
    HoldStatus.RELEASED: OwnMonthStatus.ISSUED,
}


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """An earlier month, in rupiah; it may still grow while it is open."""

    month: Month
    status: OwnMonthStatus
    amount: int
    payable: int
    held_reason: HoldReason | None = None
    payout_status: StatementPayoutStatus | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Of an agent: how far from the threshold of the month, and what is not computed yet.

    bonus_review: of the bonus of the month; it may be kept back until that is decided on.
    """

    new_members: int
    threshold: int | None
    waiting: Waiting
    bonus_review: BonusReviewStatus | None


@dataclass(frozen=True, slots=True)
class OwnIncentive:
    """What somebody gets for the present month so far, and for the months before."""

    month: Month
    kind: BeneficiaryKind
    scheme_name: str | None
    due: Due
    split: Split
    progress: Progress | None
    earlier: list[OwnMonth]


async def read(
    session: AsyncSession, principal: Principal, wanted: BeneficiaryKind | None = None
) -> OwnIncentive:
    """Return what the agent or the wadah of a principal gets so far.

    Raises: BeneficiaryNotFound where the account is linked to neither, or not to the wanted one.
    """
    kind, beneficiary_id = find_own(principal, wanted)
    watermark = await counting.read_watermark(session)
    month = booked_month(Month.of(clock.today()), watermark.closed_through)
    issued = await statements.list_latest(session, beneficiary_id, limit=STATEMENTS_SHOWN)
    ids = [each.id for each in issued]
    held = await holds.find_statement_holds(session, ids)
    paid = await payouts.find_statement_statuses(session, ids)
    sums = await commissions.list_month_sums(
        session, beneficiary_id, after=issued[0].month if issued else None, through=month
    )
    balance = await statement_queries.find_balance(session, issued[0]) if issued else Balance()
    present = sums.pop(month, Sums())
    open_months = []
    for each, booked in sums.items():
        due = Due(balance, booked.parts)
        open_months.append(_open_month(each, due, watermark))
        balance = due.after
    scheme = scheme_of(await schemes.approved(session), month)
    due = Due(balance, present.parts)
    return OwnIncentive(
        month=month,
        kind=kind,
        scheme_name=scheme.name if scheme else None,
        due=due,
        split=split_amount(due.brought_parts, **_by_rule(present)),
        progress=(
            await _progress(session, beneficiary_id, month, scheme)
            if kind is BeneficiaryKind.AGENT
            else None
        ),
        earlier=[
            *reversed(open_months),
            *(_issued_month(each, held.get(each.id), paid.get(each.id)) for each in issued),
        ],
    )


async def _progress(session: AsyncSession, agent_id: UUID, month: Month, scheme: Any) -> Progress:
    count = await counting.count_new_members(session, agent_id, month)
    waits = (await counting.count_waits(session, agent_id=agent_id)).values()
    return Progress(
        new_members=count.of(sponsored=scheme.terms.sponsored) if scheme else count.count,
        threshold=scheme.terms.threshold if scheme else None,
        waiting=sum(waits, Waiting()),
        bonus_review=await bonus_reviews.find_status(session, agent_id, month),
    )


def _by_rule(sums: Sums) -> Mapping[str, int]:
    return {
        "contribution_parts": sums.contribution_parts,
        "acquisition_parts": sums.acquisition_parts,
        "override_parts": sums.override_parts,
    }


def _open_month(month: Month, due: Due, watermark: Watermark) -> OwnMonth:
    is_closing = month == watermark.closing
    status = OwnMonthStatus.CLOSING if is_closing else OwnMonthStatus.OPEN
    return OwnMonth(month, status, due.amount, due.payable)


def _issued_month(
    statement: Statement, hold: StatementHold | None, paid: StatementPayoutStatus | None
) -> OwnMonth:
    due = statements.due_of(statement)
    status = OwnMonthStatus.ISSUED if hold is None else _ISSUED[hold.status]
    reason = None if hold is None or hold.status is HoldStatus.RELEASED else hold.reason
    payout_status = paid or StatementPayoutStatus.UNPAID
    return OwnMonth(statement.month, status, due.amount, due.payable, reason, payout_status)
