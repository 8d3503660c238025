"""The filters of a list are judged alike by the rules and by the database."""

import random
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

from member_service_tests.conftest import BRANCH, MakeSubject
from member_service_tests.registrations.payments import judge, pay
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations.rules import find_state
from member_service.attribution_periods.models import AttributionPeriodRow as Period
from member_service.listings import queries
from member_service.listings.rules import Filters, Sort, meets
from member_service.members import service as members
from member_service.members.models import Member
from member_service.members.queries import is_named_to, with_attribution
from member_service.members.rules import RegistrationState, Standing, may_read_identity
from member_service.registrations.rules import EndReason
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month, list_months

Enrol = Callable[..., Awaitable[Member]]


def make_state(chance: random.Random) -> RegistrationState | None:
    """Return the state of a registration of 2026, now and then with a hole of a reversal."""
    if chance.random() < 0.1:
        return None
    first = Month(2026, chance.randint(1, 6))
    unpaid = list_months(first.plus(1), 3)
    paid_through = first
    if chance.random() < 0.3:
        unpaid = (first.plus(1), first.plus(chance.randint(3, 4)), first.plus(6))
        paid_through = first.plus(2)
    lapses_on = unpaid[2].plus(1).first_day
    reason = chance.choice(list(EndReason))
    ends_on = lapses_on
    if reason is not EndReason.LAPSED:
        ends_on -= timedelta(days=chance.randint(0, 90))
    return RegistrationState(paid_through, unpaid[0], ends_on, reason, unpaid)


async def test_rules_and_sql_find_the_same_members(session: AsyncSession, enrol: Enrol) -> None:
    chance = random.Random(7)
    states = {(await enrol(session)).id: make_state(chance) for _ in range(30)}
    await members.record_states(session, states)
    filters = [
        Filters(),
        *(Filters(standing=each) for each in Standing),
        *(Filters(unpaid_months_min=count) for count in (1, 2, 3)),
        *(Filters(lapses_before=date(2026, month, 2)) for month in (6, 9, 11)),
        Filters(standing=Standing.GRACE, unpaid_months_min=2, lapses_before=date(2026, 9, 1)),
        Filters(standing=Standing.LAPSED, lapses_before=date(2026, 9, 1)),
    ]

    found = 0
    for wanted in filters:
        for sort in Sort:
            for on, due in ((date(2026, 5, 20), 5), (date(2026, 8, 1), 7), (date(2026, 10, 9), 9)):
                last_due = Month(2026, due)
                conditions = queries.build_conditions(wanted, sort=sort, on=on, last_due=last_due)
                by_sql = set(await session.scalars(select(Period.member_id).where(*conditions)))
                by_rule = {
                    id_
                    for id_, state in states.items()
                    if meets(state, wanted, sort=sort, on=on, last_due=last_due)
                }
                assert by_sql == by_rule, (wanted, sort, on)
                found += len(by_rule)
    assert found > 500


def test_the_unpaid_months_after_a_reversal_are_stored_with_their_hole() -> None:
    history = judge(pay("2026-01-05", "2026-01"), pay("2026-01-06", "2026-03"))

    state = find_state(history.registrations[0])

    assert state.unpaid_months == (Month(2026, 2), Month(2026, 4), Month(2026, 5))


async def test_rules_and_sql_agree_on_who_reads_a_name(
    session: AsyncSession, enrol: Enrol, make_subject: MakeSubject, make_agent: MakeSubject
) -> None:
    agent = make_agent()
    found = [await enrol(session, by=agent), await enrol(session, by=make_agent())]
    country = Scope(ScopeKind.COUNTRY)
    viewers = [
        agent,
        make_subject(Role.MEMBER, member_id=found[1].id),
        make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id),
        make_subject(Role.BRANCH_OFFICER, scope=BRANCH),
        make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "jember", "jatim")),
        make_subject(Role.FINANCE_OFFICER, scope=country),
        make_subject(Role.AUDITOR, scope=country),
        make_subject(Role.ADMIN),
        make_subject(Role.AGENT, agent_id=new_id()),
    ]

    for viewer in viewers:
        query = with_attribution(Member.id).where(is_named_to(viewer.principal))
        by_sql = set(await session.scalars(query))
        by_rule = {each.id for each in found if may_read_identity(viewer.principal, each)}
        assert by_sql == by_rule, viewer.principal.roles
