"""Store attributions of members, from the feed and from each contribution basis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import queries
from payment_service.attributions.models import AttributedMember
from payment_service.visibility import visible
from perisai_kit.auth.principal import Principal
from perisai_kit.events.catalogue import AttributionPeriod


@dataclass(frozen=True, slots=True)
class Attributed:
    """All attribution periods of a member from today on."""

    member_id: UUID
    attribution_no: int
    periods: Sequence[AttributionPeriod]


async def is_visible(session: AsyncSession, principal: Principal, member_id: UUID) -> bool:
    """Tell whether the subject may see what belongs to this member today."""
    return await queries.is_visible(session, member_id, visible(principal, AttributedMember))


async def take(session: AsyncSession, attributed: Iterable[Attributed]) -> None:
    """Store attributions; for each member the highest number counts."""
    latest: dict[UUID, Attributed] = {}
    for each in attributed:
        known = latest.get(each.member_id)
        if known is None or known.attribution_no < each.attribution_no:
            latest[each.member_id] = each
    ordered = [latest[member_id] for member_id in sorted(latest)]
    if not ordered:
        return
    advanced = await queries.advance(
        session,
        [{"member_id": each.member_id, "attribution_no": each.attribution_no} for each in ordered],
    )
    if advanced:
        rows = [row for each in ordered if each.member_id in advanced for row in _rows(each)]
        begins = {id_: latest[id_].periods[0].from_date for id_ in sorted(advanced)}
        await queries.replace_periods(session, begins, rows)


def _rows(attributed: Attributed) -> list[dict[str, Any]]:
    ends = [each.from_date for each in attributed.periods[1:]] + [date.max]
    return [
        {
            "member_id": attributed.member_id,
            "from_date": each.from_date,
            "until_date": until_date,
            "agent_id": each.agent_id,
            "wadah_id": each.wadah_id,
            "branch_code": each.branch_code,
            "region_code": each.region_code,
            "agent_sees": each.agent_sees,
        }
        for each, until_date in zip(attributed.periods, ends, strict=True)
    ]
