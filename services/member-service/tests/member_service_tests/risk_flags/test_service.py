"""Acquisitions that look alike are flagged after our own feed was read, once each."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, reversal
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import Text, insert, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.allocations import service as allocations
from member_service.coverage import service as coverage
from member_service.members.models import Member
from member_service.members.rules import RiskThresholds
from member_service.registrations.models import RegistrationRow
from member_service.risk_flags.models import AcquiredMember, RaisedFlag
from member_service.risk_flags.rules import RiskFlag
from member_service.risk_flags.tasks import RiskTasks
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    AllocationReversed,
    CoverageDeclined,
    CoverageExtended,
    CoverageWithdrawn,
    MemberRiskFlagged,
    PaymentSettled,
    RegistrationEnded,
)
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.events.turns import DEFERRABLE
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.feeds import list_published
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
NOVEMBER = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
PHONE = {"phone": "0812 5555 0000"}
ANSWERS = (CoverageExtended, CoverageWithdrawn, CoverageDeclined)
ADDRESS = {"street": "Gang Buntu 1", "village": "Lateng", "district": "Banyuwangi"}


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(NOVEMBER)
    return business_time


@pytest.fixture
def tasks(keyring: Keyring) -> RiskTasks:
    return RiskTasks(
        keyring, RiskThresholds(phone=3, address=5, batch=3, paying_account=3, older=3)
    )


class Reader:
    """Applies what our own feed has newly published."""

    def __init__(self, session: AsyncSession, tasks: RiskTasks) -> None:
        self.session, self.tasks, self.read = session, tasks, 0

    async def settle(self, *events: PaymentSettled | AllocationReversed) -> None:
        await allocations.take_allocations(self.session, events, TERMS)
        await self.apply()

    async def apply(self) -> None:
        events = await list_published(self.session)
        new, self.read = events[self.read :], len(events)
        for event in new:
            if isinstance(event, ANSWERS):
                await self.tasks.on_coverage_answered(self.session, [event])
            elif isinstance(event, RegistrationEnded):
                await self.tasks.on_registrations_ended(self.session, [event])

    async def flags(self) -> set[tuple[UUID, str]]:
        rows = await self.session.execute(text("SELECT member_id, flag FROM risk_flags"))
        return {(member_id, flag) for member_id, flag in rows}

    async def published(self) -> list[tuple[UUID, str]]:
        events = await list_published(self.session)
        return [(e.member_id, e.flag) for e in events if isinstance(e, MemberRiskFlagged)]


@pytest.fixture
def reader(session: AsyncSession, tasks: RiskTasks) -> Reader:
    return Reader(session, tasks)


def pay(member: Member, *months: str, **more: Any) -> PaymentSettled:
    return payment(member.id, *(months or ("2026-11",)), **more)


async def test_members_of_one_agent_and_month_with_one_telephone_are_flagged_from_the_third_on(
    session: AsyncSession, enrol: Enrol, reader: Reader
) -> None:
    alike = [await enrol(session, work_declaration=TODAY, **PHONE) for _ in range(3)]
    other = await enrol(session, work_declaration=TODAY)

    await reader.settle(*(pay(each) for each in (*alike[:2], other)))
    before = await reader.flags()
    await reader.settle(pay(alike[2]))

    assert before == set()
    assert await reader.flags() == {(each.id, "shared_phone") for each in alike}
    assert len(await reader.published()) == 3


async def test_a_flag_is_published_once_and_stays(
    session: AsyncSession, enrol: Enrol, reader: Reader, november: BusinessTime
) -> None:
    alike = [await enrol(session, work_declaration=TODAY, **PHONE) for _ in range(4)]
    paid = [pay(each) for each in alike]
    await reader.settle(*paid)
    november.at(NOVEMBER + timedelta(days=1))

    await reader.settle(reversal(paid[0], at=NOVEMBER + timedelta(days=1)))
    reader.read = 0
    await reader.apply()

    assert await reader.flags() == {(each.id, "shared_phone") for each in alike}
    assert len(await reader.published()) == 4
    acquired = await session.scalars(select(AcquiredMember.agent_id))
    assert [each is None for each in acquired].count(True) == 1


async def test_another_agent_and_another_month_are_counted_by_themselves(
    session: AsyncSession,
    enrol: Enrol,
    reader: Reader,
    make_agent: Callable[..., Any],
    november: BusinessTime,
) -> None:
    own = [await enrol(session, work_declaration=TODAY, **PHONE) for _ in range(2)]
    foreign = await enrol(session, by=make_agent(), work_declaration=TODAY, **PHONE)
    await reader.settle(*(pay(each) for each in (*own, foreign)))
    december = datetime(2026, 12, 2, 5, 0, tzinfo=UTC)
    november.at(december)
    later = await enrol(
        session, work_declaration={"working": True, "declared_on": "2026-12-02"}, **PHONE
    )

    await reader.settle(pay(later, "2026-12", at=december))

    assert await reader.flags() == set()


async def test_one_address_however_written_is_flagged_from_the_fifth_on(
    session: AsyncSession, enrol: Enrol, reader: Reader
) -> None:
    streets = ["Gang Buntu 1", "GANG BUNTU 1", "Gang  Buntu 1", "Gang Buntu, 1", "gang buntu 1"]
    alike = [
        await enrol(session, work_declaration=TODAY, address={**ADDRESS, "street": street})
        for street in streets
    ]

    await reader.settle(*(pay(each) for each in alike))

    assert await reader.flags() == {(each.id, "shared_address") for each in alike}


async def test_the_older_ones_are_flagged_from_the_third_on(
    session: AsyncSession, enrol: Enrol, reader: Reader
) -> None:
    births = ["1963-01-01", "1966-11-03", "1966-11-04", "1962-05-05"]
    members = [
        await enrol(session, work_declaration=TODAY, birth_date=birth_date) for birth_date in births
    ]
    paid = [pay(each) for each in members]

    await reader.settle(*paid[:3])
    before = await reader.flags()
    await reader.settle(*paid[3:])

    striking = (members[0], members[1], members[3])
    assert before == set()
    assert await reader.flags() == {(each.id, "many_older") for each in striking}
    assert len(await reader.published()) == 3


async def test_members_of_one_batch_are_flagged_from_the_third_on(
    client: httpx.AsyncClient,
    session: AsyncSession,
    agent: Any,
    form: Callable[..., dict[str, Any]],
    reader: Reader,
) -> None:
    rows = [form(work_declaration=TODAY) for _ in range(3)]
    body = {"batch_id": str(new_id()), "rows": rows}
    answer = await client.post("/v1/enrolment-batches", json=body, headers=agent.keyed())
    ids = [UUID(row["member_id"]) for row in answer.json()["rows"]]

    await reader.settle(*(payment(id_, "2026-11") for id_ in ids))

    assert await reader.flags() == {(id_, "same_batch") for id_ in ids}


@pytest.mark.parametrize("at_once", [True, False])
async def test_members_paid_by_one_account_are_flagged_from_the_third_on(
    session: AsyncSession, enrol: Enrol, reader: Reader, at_once: bool
) -> None:
    members = [await enrol(session, work_declaration=TODAY) for _ in range(4)]
    accounts = ["one", "one", "other", "one"]
    paid = [
        pay(each, paying_account=account) for each, account in zip(members, accounts, strict=True)
    ]

    if at_once:
        await reader.settle(*reversed(paid))
    else:
        for each in paid[:-1]:
            await reader.settle(each)
        assert await reader.flags() == set()
        await reader.settle(paid[-1])

    striking = (members[0], members[1], members[3])
    expected = {(each.id, "shared_paying_account") for each in striking}
    assert await reader.flags() == expected == {*await reader.published()}


async def test_one_account_that_pays_later_months_too_is_not_striking(
    session: AsyncSession, enrol: Enrol, reader: Reader
) -> None:
    members = [await enrol(session, work_declaration=TODAY) for _ in range(2)]

    for month in ("2026-11", "2026-12"):
        await reader.settle(*(pay(each, month, paying_account="one") for each in members))

    assert await reader.flags() == set()


async def test_an_event_of_before_names_no_account(
    session: AsyncSession, enrol: Enrol, reader: Reader
) -> None:
    members = [await enrol(session, work_declaration=TODAY) for _ in range(3)]
    sent = [pay(each).model_dump(mode="json", exclude={"paying_account"}) for each in members]

    await reader.settle(*(PaymentSettled.model_validate(each) for each in sent))

    assert await reader.flags() == set()
    assert {*await session.scalars(select(AcquiredMember.paying_account))} == {None}


@pytest.mark.parametrize(("months", "flagged"), [(1, True), (2, False)])
async def test_a_registration_that_lapses_after_one_paid_month_is_flagged(
    session: AsyncSession,
    enrol: Enrol,
    reader: Reader,
    november: BusinessTime,
    months: int,
    flagged: bool,
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    await reader.settle(pay(member, *("2026-11", "2026-12")[:months]))
    november.at(datetime(2027, 6, 1, 2, 0, tzinfo=UTC))
    await coverage.announce_ends(session, terms=TERMS, limit=10)

    await reader.apply()

    expected = {(member.id, "lapsed_in_month_two")} if flagged else set()
    assert await reader.flags() == expected


async def test_a_death_in_the_first_month_is_no_flag(
    session: AsyncSession, enrol: Enrol, reader: Reader, tasks: RiskTasks
) -> None:
    member = await enrol(session, work_declaration=TODAY)
    await reader.settle(pay(member))
    registration = (await session.scalars(select(RegistrationRow))).one()
    ended = RegistrationEnded(
        registration_id=registration.id,
        member_id=member.id,
        ended_on=NOVEMBER.date(),
        reason_code="death",
    )

    await tasks.on_registrations_ended(session, [ended])

    assert await reader.flags() == set()


async def test_officers_list_the_flags_of_their_scope_by_agent_and_month(
    client: httpx.AsyncClient,
    session: AsyncSession,
    enrol: Enrol,
    reader: Reader,
    agent: Any,
    officer: Any,
    make_subject: Callable[..., Any],
) -> None:
    alike = [await enrol(session, work_declaration=TODAY, **PHONE) for _ in range(3)]
    await reader.settle(*(pay(each) for each in alike))
    elsewhere = make_subject(
        Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "makassar", "sulsel")
    )

    async def seen(by: Any, query: str = "") -> list[str]:
        answer = await client.get(f"/v1/risk-flags{query}", headers=by.headers)
        assert answer.status_code == 200, answer.text
        return sorted(each["member_id"] for each in answer.json()["items"])

    own = sorted(str(each.id) for each in alike)
    agent_id = agent.principal.agent_id
    assert await seen(officer, f"?agent_id={agent_id}&month=2026-11&flag=shared_phone") == own
    assert await seen(officer, "?month=2026-10") == []
    assert await seen(officer, "?flag=same_batch") == []
    assert await seen(officer, f"?agent_id={new_id()}") == []
    assert await seen(elsewhere) == []
    refused = await client.get("/v1/risk-flags", headers=agent.headers)
    assert refused.status_code == 403
    path = f"/v1/members/{alike[0].id}/risk-flags"
    one = await client.get(path, headers=officer.headers)
    assert one.json()["items"] == ["shared_phone"]


async def test_the_database_takes_known_flags_only(session: AsyncSession, enrol: Enrol) -> None:
    member = await enrol(session)
    row = {
        "allocation_id": new_id(),
        "member_id": member.id,
        "agent_id": new_id(),
        "month": Month(2026, 11),
        "counts_at": NOVEMBER,
        "branch_code": "",
        "region_code": "",
        "flagged_at": NOVEMBER,
    }

    async def store(flag: str) -> None:
        values = row | {"id": new_id(), "flag": literal(flag, Text)}
        async with session.begin_nested():
            await session.execute(insert(RaisedFlag).values(values))

    for flag in RiskFlag:
        await store(flag)
    with pytest.raises(DBAPIError, match="ck_risk_flags_flag"):
        await store("tall")


async def test_flags_cannot_be_changed(session: AsyncSession) -> None:
    for change in ("UPDATE risk_flags SET flag = 'same_batch'", "DELETE FROM risk_flags"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(change))


def test_flags_may_be_late(database: Database, tasks: RiskTasks) -> None:
    own = LocalFeed(database, source="member-service", signals=Signals())

    assert tasks.subscribe(own, poll_s=0).urgency is DEFERRABLE
