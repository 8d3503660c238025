"""For which agent and wadah a member's contributions count."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions import queries, rules
from member_service.attributions.models import Attribution
from member_service.attributions.rules import AgentUnknown, AttributionReason, Place
from member_service.attributions.schemas import NewAttribution
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import Stamp
from perisai_kit.auth.principal import Principal, Role
from perisai_kit.db.bulk import insert_once
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import MemberAttributed, MemberUpdated
from perisai_kit.events.outbox import publish

ATTRIBUTIONS_SHOWN = 100


async def record_first(
    session: AsyncSession, enrolled: Mapping[UUID, tuple[UUID, bool]], stamp: Stamp
) -> None:
    """Attribute new members to the agent who enrolled them; at least one.

    enrolled: member id → id of the attribution, and whether the member is new to BPU. A member
    whom an officer enrolled belongs to no agent, and gets no attribution.
    """
    if stamp.agent_id is None or stamp.wadah_id is None:
        return
    this_month = Month.of(stamp.on)
    place = {
        "agent_id": stamp.agent_id,
        "wadah_id": stamp.wadah_id,
        "branch_code": stamp.branch_code,
        "region_code": stamp.region_code,
    }
    rows = [
        {
            **place,
            "id": attribution_id,
            "member_id": member_id,
            "from_month": this_month,
            "reason": AttributionReason.ENROLLED,
            "made_by": stamp.account_id,
            "made_at": stamp.at,
        }
        for member_id, (attribution_id, _) in enrolled.items()
    ]
    await queries.insert_attributions(session, rows)
    events = [
        MemberAttributed(
            attribution_id=attribution_id,
            member_id=member_id,
            agent_id=stamp.agent_id,
            wadah_id=stamp.wadah_id,
            branch_code=stamp.branch_code,
            region_code=stamp.region_code,
            from_month=this_month,
            new_to_bpu=new_to_bpu,
        )
        for member_id, (attribution_id, new_to_bpu) in enrolled.items()
    ]
    await publish(session, *events)


async def change(
    session: AsyncSession, *, member_id: UUID, new: NewAttribution, officer: Principal
) -> Attribution:
    """Attribute a member to another agent, or to none; the same id again changes nothing.

    Raises: MemberNotFound, AgentUnknown, AttributionUnchanged, AttributionIdTaken,
    FromMonthOutOfRange, ReasonReserved.
    """
    member = await members.lock(session, member_id=member_id, viewer=officer)
    first = await queries.find_attribution(session, new.id) if new.id else None
    if first is not None:
        return _same(first, member_id, new)
    this_month = Month.of(clock.today())
    rules.check_change(from_month=new.from_month, reason=new.reason, this_month=this_month)
    place = await _place(session, member, new.agent_id, officer)
    if (member.agent_id, member.wadah_id) == (place.agent_id, place.wadah_id):
        raise rules.AttributionUnchanged
    row = Attribution(**_row(member_id, new, place, officer))
    attribution = await insert_once(session, row)
    if attribution is None:
        raise rules.AttributionIdTaken(field="id")
    await members.attribute(
        session,
        member=member,
        attribution_id=attribution.id,
        agent_id=place.agent_id,
        wadah_id=place.wadah_id,
        branch_code=place.branch_code,
        region_code=place.region_code,
    )
    await _announce(session, member, attribution)
    return attribution


def _same(first: Attribution, member_id: UUID, new: NewAttribution) -> Attribution:
    asked = (member_id, new.agent_id, new.from_month, new.reason)
    if (first.member_id, first.agent_id, first.from_month, first.reason) != asked:
        raise rules.AttributionIdTaken(field="id")
    return first


async def _place(
    session: AsyncSession, member: Member, agent_id: UUID | None, officer: Principal
) -> Place:
    if agent_id is None:
        return Place(None, None, member.branch_code, member.region_code)
    agent = await queries.find_agent(session, agent_id)
    if agent is None or not agent.is_at_work:
        raise AgentUnknown(field="agent_id")
    place = Place(agent.agent_id, agent.wadah_id, agent.branch_code, agent.region_code)
    is_free = officer.has(Role.ADMIN) and officer.scope is None
    if not is_free and not officer.covers(
        branch_code=place.branch_code, region_code=place.region_code
    ):
        raise AgentUnknown(field="agent_id")
    return place


def _row(member_id: UUID, new: NewAttribution, place: Place, officer: Principal) -> dict[str, Any]:
    return {
        "id": new.id or new_id(),
        "member_id": member_id,
        "agent_id": place.agent_id,
        "wadah_id": place.wadah_id,
        "branch_code": place.branch_code,
        "region_code": place.region_code,
        "from_month": new.from_month,
        "reason": new.reason,
        "made_by": officer.account_id,
        "made_at": clock.now(),
    }


async def _announce(session: AsyncSession, member: Member, attribution: Attribution) -> None:
    if attribution.agent_id is None or attribution.wadah_id is None:
        await publish(session, MemberUpdated(member_id=member.id, changed=("attribution",)))
        return
    await publish(
        session,
        MemberAttributed(
            attribution_id=attribution.id,
            member_id=member.id,
            agent_id=attribution.agent_id,
            wadah_id=attribution.wadah_id,
            branch_code=attribution.branch_code,
            region_code=attribution.region_code,
            from_month=attribution.from_month,
            new_to_bpu=member.new_to_bpu,
        ),
    )


async def list_(
    session: AsyncSession, *, member_id: UUID, viewer: Principal
) -> Sequence[Attribution]:
    """Return a member's attributions, the newest first.

    Raises: MemberNotFound.
    """
    await members.see(session, member_id=member_id, viewer=viewer)
    return await queries.list_attributions(session, member_id, limit=ATTRIBUTIONS_SHOWN)


async def note_agent(
    session: AsyncSession, *, agent_id: UUID, wadah_id: UUID, branch_code: str, region_code: str
) -> None:
    """Remember an agent who works from now on."""
    row: dict[str, Any] = {
        "agent_id": agent_id,
        "wadah_id": wadah_id,
        "branch_code": branch_code,
        "region_code": region_code,
        "is_at_work": True,
    }
    await queries.upsert_agent(session, row)


async def note_agent_away(session: AsyncSession, *, agent_id: UUID) -> None:
    """Remember that an agent does not work; the members stay attributed until an officer acts."""
    await queries.set_agent_away(session, agent_id)
