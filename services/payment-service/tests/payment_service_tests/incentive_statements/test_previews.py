"""What a month would bring if it were closed now, and under another scheme."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from payment_service_tests.beginnings import Live
from payment_service_tests.village import Village, apply_events, book, compute, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.attributions import service as attributions
from payment_service.counting.rules import BeneficiaryNotFound
from payment_service.incentive_statements import service
from payment_service.incentive_statements.rules import (
    BeneficiaryUnclear,
    EarningsAsked,
    SchemeForAgentsOnly,
)
from payment_service.incentive_statements.schemas import CommissionPreviewOut
from payment_service.schemes import service as schemes
from payment_service.schemes.rules import SchemeNotFound
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import AttributionPeriod
from perisai_kit.testing.plugin import BusinessTime, Step

NOVEMBER = Month(2025, 11)
Tell = Callable[..., Awaitable[None]]
Close = Callable[..., Awaitable[None]]
MakeStep = Callable[[Live], Step]


def somebody(*roles: Role, scope: Scope | None = None, **ids: UUID) -> Principal:
    return Principal(account_id=new_id(), roles=frozenset(roles), scope=scope, **ids)  # type: ignore[arg-type]  # ids by name


OFFICER = somebody(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "BWI", "JTM"))


async def seen(
    session: AsyncSession,
    village: Village,
    month: Month | None = NOVEMBER,
    *,
    scheme_id: UUID | None = None,
    **ids: Any,
) -> CommissionPreviewOut:
    asked = EarningsAsked(month=month, **(ids or {"agent_id": village.agent_id}))
    return await service.preview(session, OFFICER, asked, scheme_id=scheme_id)


async def scheme_id(session: AsyncSession, first_month: Month) -> UUID:
    found = await schemes.approved(session)
    return next(each.id for each in found if each.first_month == first_month)


@pytest.fixture
def beginning(request: pytest.FixtureRequest, make_step: MakeStep) -> Sequence[Step]:
    return [make_step(earn)] if "village" in request.fixturenames else []


async def earn(tell: Tell, _: Close, __: AsyncSession) -> Village:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)
    return village


@pytest.fixture
def village(made: Village) -> Village:
    """A village with a new member in November."""
    return made


async def test_an_agent_sees_how_far_the_month_is(session: AsyncSession, tell: Tell) -> None:
    agent = new_id()
    village = Village(agent_id=agent)
    village.enrol(24, NOVEMBER)
    await tell(village)

    preview = await service.preview(
        session,
        somebody(Role.MEMBER, Role.AGENT, agent_id=agent),
        EarningsAsked(month=NOVEMBER),
        scheme_id=None,
    )

    assert (preview.new_members, preview.threshold) == (24, 25)
    assert (preview.amount, preview.acquisition_parts, preview.line_count) == (132_480, 0, 72)
    assert preview.scheme is not None
    assert preview.scheme.first_month == Month(2022, 4)
    assert preview.waiting_payments == 0


async def test_a_preview_says_what_the_statement_will_say(
    session: AsyncSession, tell: Tell, close: Close
) -> None:
    village = Village()
    for ahead in range(3):
        village.pay(NOVEMBER.plus(ahead), prices={"jht": (33, 0)}, is_acquisition=False)
    await tell(village)
    await close(NOVEMBER)

    for month in (NOVEMBER.plus(1), NOVEMBER.plus(2)):
        before = await seen(session, village, month)
        open_wadah = await seen(session, village, month, wadah_id=village.wadah_id)
        await close(month)
        page = await service.list_statements(
            session,
            OFFICER,
            month=month,
            beneficiary_id=village.agent_id,
            cursor=None,
            limit=1,
        )
        after = await seen(session, village, month)
        names = ("brought_parts", "contribution_parts", "amount", "carried_parts", "line_count")
        for name in names:
            assert getattr(before, name) == getattr(page.items[0], name) == getattr(after, name)
        assert (before.status, after.status) == ("open", "closed")
        assert open_wadah.override_parts * 10 == before.contribution_parts


async def test_a_preview_counts_what_open_months_before_will_carry(
    session: AsyncSession, tell: Tell
) -> None:
    village = Village()
    for ahead in range(2):
        village.pay(NOVEMBER.plus(ahead), prices={"jht": (33, 0)}, is_acquisition=False)
    await tell(village)

    preview = await seen(session, village, NOVEMBER.plus(1))

    assert (preview.brought_parts, preview.amount, preview.carried_parts) == (9_500, 5, 9_000)


async def test_a_preview_is_of_the_present_month_when_none_is_named(
    session: AsyncSession, business_time: BusinessTime, close: Close
) -> None:
    business_time.at(noon(NOVEMBER))
    agent = somebody(Role.AGENT, agent_id=new_id())

    open_month = await service.preview(session, agent, EarningsAsked(), scheme_id=None)
    await close(NOVEMBER.plus(2))
    business_time.at(noon(NOVEMBER))
    closed = await service.preview(session, agent, EarningsAsked(), scheme_id=None)

    assert open_month.month == NOVEMBER
    assert closed.month == NOVEMBER.plus(3)


@pytest.mark.parametrize(("count", "agent"), [(30, 74_520), (50, 574_200)])
async def test_another_scheme_can_be_tried_on_an_agent(
    session: AsyncSession, tell: Tell, close: Close, count: int, agent: int
) -> None:
    village = Village()
    village.enrol(count, NOVEMBER)
    await tell(village)
    old = await scheme_id(session, Month(2017, 1))

    open_month = await seen(session, village, scheme_id=old)
    await close(NOVEMBER)
    closed = await seen(session, village, scheme_id=old)

    assert open_month.amount == closed.amount == agent
    assert (open_month.threshold, open_month.new_members) == (50, count)
    assert (await seen(session, village)).amount != agent


async def test_another_scheme_is_not_tried_on_a_wadah(session: AsyncSession, tell: Tell) -> None:
    village = Village()
    village.enrol(1, NOVEMBER)
    await tell(village)

    with pytest.raises(SchemeForAgentsOnly):
        await seen(
            session,
            village,
            wadah_id=village.wadah_id,
            scheme_id=await scheme_id(session, Month(2017, 1)),
        )
    with pytest.raises(SchemeNotFound):
        await seen(session, village, scheme_id=new_id())


async def test_payments_that_wait_are_shown_to_their_agent(session: AsyncSession) -> None:
    village = Village()
    village.enrol(2, NOVEMBER)
    await book(session, village.settled)
    await apply_events(session, [*village.decided, *village.settled, *village.answered])
    await compute(session, until=noon(NOVEMBER, 1))

    preview = await service.preview(
        session,
        somebody(Role.AGENT, agent_id=village.agent_id),
        EarningsAsked(month=NOVEMBER),
        scheme_id=None,
    )

    assert (preview.waiting_payments, preview.line_count, preview.amount) == (2, 0, 0)
    assert preview.waiting_contributions == 2 * 36_800


async def test_payments_without_an_answer_wait_for_the_agent_of_the_day(
    session: AsyncSession, tell: Tell
) -> None:
    village, before = Village(), Village()
    member_id = new_id()
    for day in (9, 10, 11):
        village.settle(NOVEMBER, member_id=member_id, paid_at=noon(NOVEMBER, day))
    village.settle(NOVEMBER)
    place = {"branch_code": "BWI", "region_code": "JTM", "agent_sees": True}
    await attributions.take(
        session,
        [
            attributions.Attributed(
                member_id,
                1,
                [
                    AttributionPeriod(from_date=day, agent_id=each.agent_id, **place)
                    for each, day in ((before, date(2025, 1, 1)), (village, date(2025, 11, 10)))
                ],
            )
        ],
    )
    await tell(village, before)

    waiting = await seen(session, village)
    others = await seen(session, before)

    assert (waiting.waiting_payments, waiting.waiting_contributions) == (2, 2 * 36_800)
    assert others.waiting_payments == 1


async def test_a_preview_counts_a_debt_of_the_open_months_before(
    session: AsyncSession, tell: Tell, close: Close, business_time: BusinessTime
) -> None:
    village = Village()
    declined = [village.pay(NOVEMBER, is_acquisition=False) for _ in range(3)]
    await tell(village)
    await close(NOVEMBER)
    for payment in declined:
        village.decline(payment)
    village.pay(NOVEMBER.plus(2), is_acquisition=False)
    await tell(village)

    business_time.at(noon(NOVEMBER.plus(2)))
    december = await seen(session, village, NOVEMBER.plus(1))
    january = await seen(session, village, NOVEMBER.plus(2))

    owed = 3 * 5_520
    assert (december.amount, december.payable, december.carried_debt) == (-owed, 0, owed)
    assert (january.amount, january.brought_debt) == (5_520, owed)
    assert (january.payable, january.carried_debt) == (0, owed - 5_520)
    await close(NOVEMBER.plus(1))
    assert await seen(session, village, NOVEMBER.plus(2)) == january


@pytest.mark.parametrize(
    ("principal", "may"),
    [
        (OFFICER, True),
        (somebody(Role.FINANCE_OFFICER, scope=Scope(ScopeKind.REGION, "JTM")), True),
        (somebody(Role.AUDITOR, scope=Scope(ScopeKind.COUNTRY)), True),
        (somebody(Role.ADMIN), True),
        (somebody(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "MKS", "SUL")), False),
        (somebody(Role.FINANCE_OFFICER), False),
        (somebody(Role.AGENT, agent_id=new_id()), False),
        (somebody(Role.WADAH_ADMIN, wadah_id=new_id()), False),
    ],
)
async def test_who_may_look_at_whom(
    session: AsyncSession, village: Village, principal: Principal, may: bool
) -> None:
    for asked in (
        EarningsAsked(agent_id=village.agent_id),
        EarningsAsked(wadah_id=village.wadah_id),
    ):
        preview = service.preview(session, principal, asked, scheme_id=None)
        if may:
            assert (await preview).beneficiary_id in (village.agent_id, village.wadah_id)
        else:
            with pytest.raises(BeneficiaryNotFound):
                await preview


async def test_a_wadah_sees_itself_and_its_agents(session: AsyncSession, tell: Tell) -> None:
    village = Village()
    village.enrol(2, NOVEMBER)
    await tell(village)
    admin = somebody(Role.WADAH_ADMIN, wadah_id=village.wadah_id)

    own = await service.preview(session, admin, EarningsAsked(month=NOVEMBER), scheme_id=None)
    agent = await service.preview(
        session, admin, EarningsAsked(agent_id=village.agent_id, month=NOVEMBER), scheme_id=None
    )
    lines = await service.preview_lines(
        session, admin, EarningsAsked(month=NOVEMBER), cursor=None, limit=100
    )

    assert (own.beneficiary_kind, own.amount, own.new_members) == ("wadah", 1_104, None)
    assert agent.amount == 11_040
    assert {line.rule for line in lines.items} == {"override"}


async def test_an_agent_does_not_see_the_wadah(session: AsyncSession, village: Village) -> None:
    agent = somebody(Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id)

    with pytest.raises(BeneficiaryNotFound):
        await service.preview(
            session, agent, EarningsAsked(wadah_id=village.wadah_id), scheme_id=None
        )


@pytest.mark.parametrize(
    "asked",
    [EarningsAsked(), EarningsAsked(agent_id=new_id(), wadah_id=new_id())],
    ids=["nobody", "both"],
)
async def test_staff_name_exactly_one_beneficiary(
    session: AsyncSession, asked: EarningsAsked
) -> None:
    with pytest.raises(BeneficiaryUnclear):
        await service.preview(session, OFFICER, asked, scheme_id=None)


async def test_an_id_of_the_other_kind_is_nobody(session: AsyncSession, village: Village) -> None:
    with pytest.raises(BeneficiaryNotFound):
        await seen(session, village, agent_id=village.wadah_id)


async def test_lines_so_far_come_in_pages(session: AsyncSession, tell: Tell) -> None:
    village = Village()
    village.enrol(25, NOVEMBER)
    await tell(village)
    asked = EarningsAsked(agent_id=village.agent_id, month=NOVEMBER)

    first = await service.preview_lines(session, OFFICER, asked, cursor=None, limit=60)
    rest = await service.preview_lines(session, OFFICER, asked, cursor=first.next_cursor, limit=60)

    assert (len(first.items), len(rest.items), rest.next_cursor) == (60, 40, None)
    assert sum(line.parts for line in [*first.items, *rest.items]) == 513_000 * 10_000
