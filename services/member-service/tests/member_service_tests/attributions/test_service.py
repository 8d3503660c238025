from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from member_service_tests.registrations.histories import TERMS
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attribution_periods.rules import AttributionReason
from member_service.attributions import rules, service
from member_service.attributions.schemas import NewAttribution
from member_service.coverage.tasks import CoverageTasks
from member_service.listings import queries as listings
from member_service.listings.rules import Filters, Sort
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
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
TASKS = CoverageTasks(TERMS)
TODAY = date(2026, 3, 10)
APRIL = date(2026, 4, 1)


@pytest.fixture(autouse=True)
def march(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 3, 10, 3, 0, tzinfo=UTC))
    return business_time


def at_work(kind: type[AgentActivated] | type[AgentReinstated], **differences: Any) -> Any:
    usual = {
        "agent_id": new_id(),
        "account_id": new_id(),
        "member_id": new_id(),
        "wadah_id": new_id(),
        "branch_code": "banyuwangi",
        "region_code": "jatim",
        "agent_code": "A1",
        "decided_at": clock.now(),
    }
    return kind(**{**usual, **differences})


def away(kind: type[AgentSuspended] | type[AgentDismissed], agent_id: UUID) -> Any:
    return kind(agent_id=agent_id, account_id=new_id(), reason_code="fraud", decided_at=clock.now())


def to(agent_id: UUID | None, **differences: Any) -> NewAttribution:
    usual = {"agent_id": agent_id, "reason": AttributionReason.AGENT_LEFT}
    return NewAttribution.model_validate({**usual, **differences})


@pytest.fixture
async def successor(session: AsyncSession) -> AgentActivated:
    activated: AgentActivated = at_work(AgentActivated)
    await TASKS.on_agents_decided(session, [activated])
    return activated


async def sees(session: AsyncSession, viewer: Any, member: Member) -> bool:
    session.expire(member)
    await session.refresh(member)
    found = await listings.list_members(
        session,
        viewer.principal,
        Filters(),
        Sort.NEWEST,
        on=clock.today(),
        last_due=Month.of(clock.today()),
        after=None,
        limit=10,
    )
    listed = member.id in {each.id for each in found}
    try:
        await members.see(session, member_id=member.id, viewer=viewer.principal)
    except MemberNotFound:
        assert not listed
        return False
    assert listed
    return True


async def test_enrolment_by_an_agent_attributes_the_member_from_that_day(
    session: AsyncSession, enrol: Enrol, agent: Any, published: Published
) -> None:
    member = await enrol(session)

    (first,), periods = await service.list_(session, member_id=member.id, viewer=agent.principal)
    events = await published(session)

    assert (first.agent_id, first.from_date) == (agent.principal.agent_id, TODAY)
    assert [(each.from_date, each.reason, each.attribution_id) for each in periods] == [
        (TODAY, AttributionReason.ENROLLED, first.id)
    ]
    assert [kind for kind, _ in events] == ["member.enrolled.v1", "member.attributed.v1"]
    assert events[1][1] == {
        "member_id": str(member.id),
        "attribution_no": 1,
        "periods": [
            {
                "from_date": str(TODAY),
                "agent_id": str(agent.principal.agent_id),
                "wadah_id": str(agent.principal.wadah_id),
                "branch_code": "banyuwangi",
                "region_code": "jatim",
                "agent_sees": True,
            }
        ],
    }


async def test_enrolment_by_an_officer_attributes_the_member_to_the_branch(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session, by=officer)

    (first,), periods = await service.list_(session, member_id=member.id, viewer=officer.principal)

    assert (first.agent_id, first.branch_code) == (None, "banyuwangi")
    assert [each.reason for each in periods] == [AttributionReason.ENROLLED]


async def test_a_planned_hand_over_moves_sight_on_its_first_day_and_not_before(
    session: AsyncSession,
    enrol: Enrol,
    agent: Any,
    officer: Any,
    make_agent: Callable[..., Any],
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    member = await enrol(session)
    heir = make_agent(agent_id=successor.agent_id, wadah_id=successor.wadah_id)

    made = await service.change(
        session,
        member_id=member.id,
        new=to(successor.agent_id, from_date=APRIL),
        officer=officer.principal,
    )

    assert (made.from_date, made.at_once) == (APRIL, False)
    assert await sees(session, agent, member)
    assert not await sees(session, heir, member)
    march.at(datetime(2026, 3, 31, 16, 59, tzinfo=UTC))
    assert await sees(session, agent, member)
    march.at(datetime(2026, 3, 31, 17, 0, tzinfo=UTC))
    assert not await sees(session, agent, member)
    assert await sees(session, heir, member)
    assert (member.agent_id, member.wadah_id) == (successor.agent_id, successor.wadah_id)


async def test_a_take_over_ends_sight_at_once_and_attribution_at_midnight(
    session: AsyncSession,
    enrol: Enrol,
    agent: Any,
    officer: Any,
    published: Published,
    march: BusinessTime,
) -> None:
    member = await enrol(session)

    made = await service.change(
        session, member_id=member.id, new=to(None), officer=officer.principal
    )

    assert (made.from_date, made.at_once) == (TODAY + timedelta(days=1), True)
    assert not await sees(session, agent, member)
    assert member.agent_id == agent.principal.agent_id
    kind, fact = (await published(session))[-1]
    assert (kind, fact["attribution_no"]) == ("member.attributed.v1", 2)
    assert [(each["agent_id"], each["agent_sees"]) for each in fact["periods"]] == [
        (str(agent.principal.agent_id), False),
        (None, False),
    ]
    march.at(datetime(2026, 3, 10, 17, 0, tzinfo=UTC))
    await sees(session, officer, member)
    assert member.agent_id is None


async def test_a_member_has_one_planned_hand_over_and_a_take_over_withdraws_it(
    session: AsyncSession, enrol: Enrol, officer: Any, successor: AgentActivated
) -> None:
    member = await enrol(session)
    plan = to(successor.agent_id, from_date=APRIL)
    planned = await service.change(
        session, member_id=member.id, new=plan, officer=officer.principal
    )

    with pytest.raises(rules.HandoverPlanned) as refused:
        await service.change(
            session,
            member_id=member.id,
            new=to(None, from_date=date(2026, 5, 1)),
            officer=officer.principal,
        )
    taken = await service.change(
        session, member_id=member.id, new=to(None), officer=officer.principal
    )

    assert refused.value.details["attribution_id"] == str(planned.id)
    await session.refresh(planned)
    assert (planned.withdrawn_by, planned.withdrawn_at) == (
        officer.principal.account_id,
        taken.made_at,
    )
    _, periods = await service.list_(session, member_id=member.id, viewer=officer.principal)
    assert [each.attribution_id for each in periods][1:] == [taken.id]


async def test_a_take_over_on_the_last_day_of_a_month_is_judged_without_the_plan_for_the_first(
    session: AsyncSession,
    enrol: Enrol,
    agent: Any,
    make_subject: Callable[..., Any],
    march: BusinessTime,
) -> None:
    march.at(datetime(2026, 3, 31, 3, 0, tzinfo=UTC))
    elsewhere = at_work(AgentActivated, branch_code="jember")
    await TASKS.on_agents_decided(session, [elsewhere])
    regional = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.REGION, "jatim"))
    one, other = await enrol(session), await enrol(session)
    plan = to(elsewhere.agent_id, from_date=APRIL)
    for each in (one, other):
        await service.change(session, member_id=each.id, new=plan, officer=regional.principal)

    to_branch = await service.change(
        session, member_id=one.id, new=to(None), officer=regional.principal
    )
    at_once = await service.change(
        session, member_id=other.id, new=to(elsewhere.agent_id), officer=regional.principal
    )

    assert (to_branch.branch_code, to_branch.from_date) == ("banyuwangi", APRIL)
    assert (at_once.at_once, at_once.from_date) == (True, APRIL)
    assert not await sees(session, agent, other)


async def test_a_planned_hand_over_is_withdrawn_before_it_begins_and_not_after(
    session: AsyncSession,
    enrol: Enrol,
    agent: Any,
    officer: Any,
    successor: AgentActivated,
    march: BusinessTime,
) -> None:
    one, other = await enrol(session), await enrol(session)
    plan = to(successor.agent_id, from_date=APRIL)
    made = [
        await service.change(session, member_id=each.id, new=plan, officer=officer.principal)
        for each in (one, other)
    ]
    for _ in range(2):
        withdrawn = await service.withdraw(
            session, member_id=one.id, attribution_id=made[0].id, officer=officer.principal
        )
    march.at(datetime(2026, 4, 1, 3, 0, tzinfo=UTC))

    assert withdrawn.withdrawn_by == officer.principal.account_id
    assert await sees(session, agent, one)
    assert not await sees(session, agent, other)
    with pytest.raises(rules.AttributionBegun):
        await service.withdraw(
            session, member_id=other.id, attribution_id=made[1].id, officer=officer.principal
        )
    with pytest.raises(rules.AttributionNotFound):
        await service.withdraw(
            session, member_id=one.id, attribution_id=made[1].id, officer=officer.principal
        )


async def test_an_agent_does_not_get_their_own_membership(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session)
    herself = at_work(AgentActivated, member_id=member.id)
    await TASKS.on_agents_decided(session, [herself])

    with pytest.raises(rules.OwnMembership):
        await service.change(
            session, member_id=member.id, new=to(herself.agent_id), officer=officer.principal
        )


async def test_an_officer_hands_no_member_to_an_agent_of_another_branch(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session)
    elsewhere = at_work(AgentActivated, branch_code="jember")
    await TASKS.on_agents_decided(session, [elsewhere])

    with pytest.raises(rules.AgentUnknown):
        await service.change(
            session, member_id=member.id, new=to(elsewhere.agent_id), officer=officer.principal
        )


async def test_a_regional_officer_moves_a_member_to_another_branch(
    session: AsyncSession,
    enrol: Enrol,
    officer: Any,
    make_subject: Callable[..., Any],
    march: BusinessTime,
) -> None:
    member = await enrol(session)
    elsewhere = at_work(AgentActivated, branch_code="jember")
    await TASKS.on_agents_decided(session, [elsewhere])
    regional = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.REGION, "jatim"))

    await service.change(
        session, member_id=member.id, new=to(elsewhere.agent_id), officer=regional.principal
    )

    assert await sees(session, officer, member)
    march.at(datetime(2026, 3, 11, 3, 0, tzinfo=UTC))
    assert not await sees(session, officer, member)
    assert member.branch_code == "jember"


@pytest.mark.parametrize(
    ("differences", "refusal"),
    [
        ({"from_date": TODAY}, rules.FromDateInvalid),
        ({"from_date": date(2026, 3, 1)}, rules.FromDateInvalid),
        ({"from_date": date(2026, 4, 2)}, rules.FromDateInvalid),
        ({"from_date": date(2027, 4, 1)}, rules.FromDateInvalid),
        ({"reason": AttributionReason.ENROLLED}, rules.ReasonReserved),
        ({"reason": AttributionReason.AGENT_DISMISSED}, rules.ReasonReserved),
    ],
)
async def test_a_hand_over_begins_on_the_first_of_a_coming_month_for_a_reason(
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


async def test_a_repeated_change_returns_the_same_attribution(
    session: AsyncSession, enrol: Enrol, officer: Any, published: Published, march: BusinessTime
) -> None:
    member = await enrol(session)
    new = to(None, id=new_id())
    first = await service.change(session, member_id=member.id, new=new, officer=officer.principal)
    events = await published(session)
    march.at(clock.now() + timedelta(days=3))

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


async def test_handing_a_member_to_the_present_agent_is_refused(
    session: AsyncSession, enrol: Enrol, officer: Any
) -> None:
    member = await enrol(session, by=officer)

    with pytest.raises(rules.AttributionUnchanged):
        await service.change(session, member_id=member.id, new=to(None), officer=officer.principal)
