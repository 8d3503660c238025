"""Coverage: computed from settled payments and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.coverage import queries, rules
from member_service.coverage.models import CoverageMonth
from member_service.coverage.queries import Line
from member_service.coverage.rules import Coverage
from member_service.members import service as members
from member_service.members.rules import Programme
from perisai_kit.auth.principal import Principal
from perisai_kit.domain import clock
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import CoverageExtended, PaymentSettled
from perisai_kit.events.outbox import publish

MONTHS_SHOWN = 120


@dataclass(frozen=True, slots=True)
class PaidProgrammes:
    """A month and what is paid of it; paid_on: when the last of it was."""

    month: Month
    programmes: tuple[Programme, ...]
    paid_on: date


@dataclass(frozen=True, slots=True)
class MemberCoverage:
    on: date
    coverage: Coverage
    months: Sequence[PaidProgrammes]


async def extend(session: AsyncSession, payments: Sequence[PaymentSettled]) -> None:
    """Record the months that settled payments pay. A payment twice changes nothing more.

    Four statements however many payments: neighbours in the feed are applied together.
    """
    lines = [line for payment in payments for line in _lines(payment)]
    new = await queries.insert_once_months(session, lines, recorded_at=clock.now())
    if not new:
        return
    touched = {member_id for _, member_id, _ in new}
    paid = await queries.list_paid_months(session, touched)
    standings = {
        member_id: standing
        for member_id, months in paid.items()
        if (standing := rules.standing(months)) is not None
    }
    if standings:
        await members.record_standings(session, standings)
    covered = {(member_id, each.month) for member_id, months in paid.items() for each in months}
    extended = sorted(each for each in new if (each[1], each[2]) in covered)
    await publish(
        session,
        *(
            CoverageExtended(
                payment_id=payment_id,
                member_id=member_id,
                months=tuple(month for _, _, month in group),
            )
            for (payment_id, member_id), group in groupby(extended, key=lambda each: each[:2])
        ),
    )


def _lines(payment: PaymentSettled) -> list[Line]:
    paid_on = clock.jakarta_date(payment.paid_at)
    return [
        Line(payment.member_id, str(line.month), line.programme, payment.payment_id, paid_on)
        for line in payment.lines
    ]


async def get(session: AsyncSession, *, member_id: UUID, viewer: Principal) -> MemberCoverage:
    """Return a member's protection today.

    Raises: MemberNotFound.
    """
    await members.see(session, member_id=member_id, viewer=viewer)
    on = clock.today()
    paid = await queries.list_paid_months(session, [member_id])
    rows = await queries.list_months(session, member_id, limit=MONTHS_SHOWN * len(Programme))
    coverage = rules.coverage(paid.get(member_id, []), on=on)
    return MemberCoverage(on, coverage, _by_month(rows)[:MONTHS_SHOWN])


def _by_month(rows: Sequence[CoverageMonth]) -> list[PaidProgrammes]:
    found = []
    for month, group in groupby(rows, key=lambda row: row.month):
        paid = list(group)
        programmes = tuple(each for each in Programme if each in {row.programme for row in paid})
        found.append(PaidProgrammes(month, programmes, max(row.paid_on for row in paid)))
    return found
