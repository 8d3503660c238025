from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions import rules, service, tasks
from member_service.attributions.rules import AttributionReason
from member_service.attributions.schemas import NewAttribution
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.rules import MemberNotFound
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
)

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


def at_work(kind: type[AgentActivated] | type[AgentReinstated], **differences: Any) -> Any:
    usual = {
        "agent_id": new_id(),
        "account_id": new_id(),
        "member_id": new_id(),
        "wadah_id": new_id(),
        "branch_code": "banyuwangi",
        "region_code": "jatim",
        "agent_code": "A1",
    }
    return kind(**{**usual, **differences})


def to(agent_id: UUID | None, **differences: Any) -> NewAttribution:
    usual = {
        "agent_id": agent_id,
        "from_month": Month.of(clock.today()),
        "reason": AttributionReason.AGENT_LEFT,
    }
    return NewAttribution.model_validate({**usual, **differences})


async def test_enrolment_by_an_agent_attributes_from_this_month(
    session: AsyncSession, enrol: Enrol, agent: Any, published: Published
) -> None:
    member = await enrol(session)

    (first,) = await service.list_(session, member_id=member.id, viewer=agent.principal)
    events = await published(session)

    assert first.id == member.attribution_id
    assert (first.agent_id, first.reason) == (agent.principal.agent_id, AttributionReason.ENROLLED)
    assert [kind for kind, _ in events] == ["member.enrolled.v1", "member.attributed.v1"]
    assert events[1][1] == {
        "attribution_id": str(first.id),
        "member_id": str(member.id),
        "agent_id": str(agent.principal.agent_id),
        "wadah_id": str(agent.principal.wadah_id),
        "branch_code": "banyuwangi",
        "region_code": "jatim",
        "from_month": str(Month.of(clock.today())),
        "new_to_bpu": True,
    }


async def test_enrolment_by_an_officer_attributes_to_nobody(
    session: AsyncSession, enrol: Enrol, officer: Any, published: Published
) -> None:
    member = await enrol(session, by=officer)

    assert not await service.list_(session, member_id=member.id, viewer=officer.principal)
    assert [kind for kind, _ in await published(session)] == ["member.enrolled.v1"]


async def test_an_officer_gives_a_member_to_another_agent(
    session: AsyncSession, enrol: Enrol, agent: Any, officer: Any, published: Published
) -> None:
    member = await enrol(session)
    successor = at_work(AgentActivated)
    await tasks.on_agent_at_work(session, successor)

    made = await service.change(
        session, member_id=member.id, new=to(successor.agent_id), officer=officer.principal
    )

    assert (made.agent_id, made.wadah_id) == (successor.agent_id, successor.wadah_id)
    assert (member.agent_id, member.attribution_id) == (successor.agent_id, made.id)
    assert (await published(session))[-1][0] == "member.attributed.v1"
    with pytest.raises(MemberNotFound):
        await members.see(session, member_id=member.id, viewer=agent.principal)


async def test_a_member_can_be_given_back_to_the_branch(
    session: AsyncSession, enrol: Enrol, officer: Any, published: Published
) -> None:
    member = await enrol(session)

    made = await service.change(
        session, member_id=member.id, new=to(None), officer=officer.principal
    )

    assert (made.agent_id, made.wadah_id, member.agent_id) == (None, None, None)
    assert (await published(session))[-1] == (
        "member.updated.v1",
        {"member_id": str(member.id), "changed": ["attribution"]},
    )


@pytest.mark.parametrize("away", [AgentSuspended, AgentDismissed])
async def test_nobody_is_given_to_an_agent_who_is_not_at_work(
    session: AsyncSession, enrol: Enrol, officer: Any, away: type[AgentSuspended]
) -> None:
    member = await enrol(session)
    successor = at_work(AgentActivated)
    await tasks.on_agent_at_work(session, successor)
    gone = away(agent_id=successor.agent_id, account_id=new_id(), reason_code="fraud")
    await tasks.on_agent_away(session, gone)

    with pytest.raises(rules.AgentUnknown):
        await service.change(
            session, member_id=member.id, new=to(successor.agent_id), officer=officer.principal
        )


async def test_a_reinstated_agent_can_be_given_members_again(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session)
    successor = at_work(AgentActivated)
    await tasks.on_agent_at_work(session, successor)
    gone = AgentSuspended(agent_id=successor.agent_id, account_id=new_id(), reason_code="idle")
    await tasks.on_agent_away(session, gone)
    back = at_work(AgentReinstated, agent_id=successor.agent_id, wadah_id=new_id())
    await tasks.on_agent_at_work(session, back)

    made = await service.change(
        session, member_id=member.id, new=to(successor.agent_id), officer=officer.principal
    )

    assert made.wadah_id == back.wadah_id


async def test_an_officer_gives_nobody_to_an_agent_of_another_branch(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session)
    elsewhere = at_work(AgentActivated, branch_code="jember")
    await tasks.on_agent_at_work(session, elsewhere)

    with pytest.raises(rules.AgentUnknown):
        await service.change(
            session, member_id=member.id, new=to(elsewhere.agent_id), officer=officer.principal
        )


async def test_a_regional_officer_moves_a_member_to_another_branch(
    session: AsyncSession, enrol: Enrol, make_subject: Callable[..., Any]
) -> None:
    member = await enrol(session)
    elsewhere = at_work(AgentActivated, branch_code="jember")
    await tasks.on_agent_at_work(session, elsewhere)
    regional = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.REGION, "jatim"))

    await service.change(
        session, member_id=member.id, new=to(elsewhere.agent_id), officer=regional.principal
    )

    assert member.branch_code == "jember"


@pytest.mark.parametrize(
    ("differences", "refusal"),
    [
        ({"from_month": Month.of(clock.today()).plus(-1)}, rules.FromMonthOutOfRange),
        ({"from_month": Month.of(clock.today()).plus(2)}, rules.FromMonthOutOfRange),
        ({"reason": AttributionReason.ENROLLED}, rules.ReasonReserved),
    ],
)
async def test_a_change_is_never_backdated(
    session: AsyncSession,
    enrol: Enrol,
    officer: Any,
    differences: dict[str, Any],
    refusal: type[Exception],
) -> None:
    member = await enrol(session)

    with pytest.raises(refusal):
        await service.change(
            session, member_id=member.id, new=to(None, **differences), officer=officer.principal
        )


async def test_the_same_change_again_is_the_same_attribution(
    session: AsyncSession, enrol: Enrol, officer: Any, published: Published
) -> None:
    member = await enrol(session)
    new = to(None, id=new_id())
    first = await service.change(session, member_id=member.id, new=new, officer=officer.principal)
    events = await published(session)

    again = await service.change(session, member_id=member.id, new=new, officer=officer.principal)

    assert again.id == first.id
    assert await published(session) == events


async def test_an_attribution_id_is_used_for_one_attribution(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    one, other = await enrol(session), await enrol(session)
    new = to(None, id=new_id())
    await service.change(session, member_id=one.id, new=new, officer=officer.principal)

    with pytest.raises(rules.AttributionIdTaken):
        await service.change(session, member_id=other.id, new=new, officer=officer.principal)


async def test_giving_a_member_to_who_has_the_member_is_refused(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session, by=officer)

    with pytest.raises(rules.AttributionUnchanged):
        await service.change(session, member_id=member.id, new=to(None), officer=officer.principal)
