"""A client that reads offline learns everything it has missed, and what it must forget."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, take
from member_service_tests.attributions.test_service import at_work
from member_service_tests.registrations.histories import TERMS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.attributions import service as attributions
from member_service.attributions.schemas import NewAttribution
from member_service.coverage.tasks import CoverageTasks
from member_service.members.models import Member
from member_service.updates import service as updates
from perisai_kit.db.boundary import find_boundary
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentActivated
from perisai_kit.testing.plugin import BusinessTime, MakeApp, Urls, open_app_client

Enrol = Callable[..., Awaitable[Member]]
NO_MARGIN = timedelta(0)


@pytest.fixture
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    return business_time


@pytest.fixture
async def whole(
    own_database: Callable[[str], Urls], make_app: MakeApp, wire: Any, keyring: Any
) -> Any:
    """A client and its database, with real commits."""
    urls = own_database("member")
    database = Database(urls.app, keyring=keyring, pool_size=3)
    async with open_app_client(make_app(urls=urls, wire=wire)) as client:
        yield client, database
    await database.dispose()


async def read(client: httpx.AsyncClient, reader: Any, **asked: str) -> tuple[list[Any], str]:
    """Return rows and `as_of`, over all pages."""
    items: list[Any] = []
    as_of, cursor = "", None
    while not items or cursor:
        params = {**asked, **({"cursor": cursor} if cursor else {})}
        answer = await client.get("/v1/members", params=params, headers=reader.headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        as_of = as_of or page["as_of"] or ""
        cursor = page["next_cursor"]
        if not page["items"]:
            break
    return items, as_of


async def age(database: Database) -> None:
    """Make everything so old that no margin shows it again."""
    async with database.begin() as session:
        await session.execute(
            text("UPDATE member_updates SET updated_at = now() - interval '1 hour'")
        )


async def test_only_what_was_written_since_comes_again(
    whole: Any, enrol: Enrol, agent: Any, november: BusinessTime
) -> None:
    client, database = whole
    async with database.begin() as session:
        first = await enrol(session, work_declaration=TODAY)
        await enrol(session, work_declaration=TODAY)
    everybody, as_of = await read(client, agent)
    await age(database)

    nothing, _ = await read(client, agent, updated_since=as_of)
    async with database.begin() as session:
        await take(session, payment(first.id, "2026-11"))
    changed, later = await read(client, agent, updated_since=as_of)

    assert len(everybody) == 2
    assert nothing == []
    assert [(each["id"], each["paid_through"]) for each in changed] == [(str(first.id), "2026-11")]
    assert later


async def test_a_transaction_that_commits_late_is_not_missed(whole: Any) -> None:
    _, database = whole
    member_id = new_id()
    async with database.begin() as late:
        await updates.touch(late, [member_id])
        mark = (await late.execute(text("SELECT now()"))).scalar_one()
        async with database.begin() as other:
            await updates.touch(other, [new_id()])
        async with database.begin() as reader:
            boundary = await find_boundary(reader, margin=NO_MARGIN)
            seen = await reader.scalar(text("SELECT count(*) FROM member_updates"))
    async with database.begin() as reader:
        after_commit = await find_boundary(reader, margin=NO_MARGIN)

    assert seen == 1, "the late one is not visible yet"
    assert boundary <= mark
    assert after_commit > mark


async def test_a_late_commit_is_read_by_the_next_sync(
    whole: Any, enrol: Enrol, agent: Any, november: BusinessTime
) -> None:
    client, database = whole
    async with database.begin() as session:
        early = await enrol(session, work_declaration=TODAY)
    async with database.begin() as late:
        missed = await enrol(late, work_declaration=TODAY)
        await late.execute(text("SELECT 1"))
        shown, as_of = await read(client, agent)

    again, _ = await read(client, agent, updated_since=as_of)

    assert [each["id"] for each in shown] == [str(early.id)]
    assert str(missed.id) in {each["id"] for each in again}


async def handed_over(
    session: AsyncSession, member: Member, officer: Any, *, from_date: str | None
) -> AgentActivated:
    successor: AgentActivated = at_work(AgentActivated)
    await CoverageTasks(TERMS).on_agents_decided(session, [successor])
    new = NewAttribution.model_validate(
        {"agent_id": successor.agent_id, "reason": "member_asked", "from_date": from_date}
    )
    await attributions.change(session, member_id=member.id, new=new, officer=officer.principal)
    return successor


async def test_a_planned_hand_over_removes_and_brings_a_member_on_its_day(
    whole: Any,
    enrol: Enrol,
    agent: Any,
    officer: Any,
    make_agent: Any,
    november: BusinessTime,
) -> None:
    client, database = whole
    async with database.begin() as session:
        member = await enrol(session, work_declaration=TODAY)
        new = await handed_over(session, member, officer, from_date="2026-12-01")
    successor = make_agent(agent_id=new.agent_id, wadah_id=new.wadah_id)
    _, as_of = await read(client, agent)
    _, as_of_successor = await read(client, successor)
    await age(database)
    before = [
        await read(client, agent, updated_since=as_of),
        await read(client, successor, updated_since=as_of_successor),
    ]

    november.at(datetime(2026, 12, 1, 2, 0, tzinfo=UTC))
    after, later = await read(client, agent, updated_since=as_of)
    gained, _ = await read(client, successor, updated_since=as_of_successor)
    await age(database)
    again, _ = await read(client, agent, updated_since=later)

    assert [rows for rows, _ in before] == [[], []]
    assert after == [{"id": str(member.id), "removed": True}]
    assert [each["id"] for each in gained] == [str(member.id)]
    assert gained[0]["full_name"] == "Slamet Riyadi"
    assert all(each == {"id": str(member.id), "removed": True} for each in again)


async def test_a_take_over_removes_a_member_at_once(
    whole: Any, enrol: Enrol, agent: Any, officer: Any, november: BusinessTime
) -> None:
    client, database = whole
    async with database.begin() as session:
        member = await enrol(session, work_declaration=TODAY)
    _, as_of = await read(client, agent)
    async with database.begin() as session:
        await handed_over(session, member, officer, from_date=None)

    after, _ = await read(client, agent, updated_since=as_of)
    of_officer, _ = await read(client, officer, updated_since=as_of)

    assert after == [{"id": str(member.id), "removed": True}]
    assert [each["id"] for each in of_officer] == [str(member.id)]
    assert "removed" not in of_officer[0]


async def test_nobody_learns_of_members_they_never_saw(
    whole: Any, enrol: Enrol, agent: Any, officer: Any, make_agent: Any, november: BusinessTime
) -> None:
    client, database = whole
    async with database.begin() as session:
        member = await enrol(session, work_declaration=TODAY)
        await handed_over(session, member, officer, from_date=None)

    rows, _ = await read(client, make_agent(), updated_since="2020-01-01T00:00:00Z")

    assert rows == []


async def test_changes_are_read_page_by_page(
    whole: Any, enrol: Enrol, agent: Any, officer: Any, november: BusinessTime
) -> None:
    client, database = whole
    made = []
    for _ in range(3):
        async with database.begin() as session:
            made.append(await enrol(session, work_declaration=TODAY))
    async with database.begin() as session:
        await handed_over(session, made[0], officer, from_date=None)

    asked = {"updated_since": "2020-01-01T00:00:00Z", "limit": "1"}
    rows, as_of = await read(client, agent, **asked)

    assert rows[0] == {"id": str(made[0].id), "removed": True}
    assert [each["id"] for each in rows[1:]] == [str(each.id) for each in made[1:]]
    assert as_of


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"updated_since": "yesterday"}, "updated_since_invalid"),
        ({"updated_since": "2026-11-30"}, "updated_since_invalid"),
        ({"updated_since": "2026-11-30T08:00:00"}, "updated_since_invalid"),
        ({"updated_since": "2026-11-30T08:00:00Z~soon"}, "updated_since_invalid"),
        ({"updated_since": "0001-01-01T00:00:00+14:00"}, "updated_since_invalid"),
        ({"updated_since": "9999-12-31T23:59:59-12:00"}, "updated_since_invalid"),
        ({"updated_since": "2026-11-30T08:00:00Z", "q": "siti"}, "updated_since_filtered"),
        ({"updated_since": "2026-11-30T08:00:00Z", "sort": "lapses_on"}, "updated_since_filtered"),
        ({"updated_since": "2026-11-30T08:00:00Z", "cursor": "WyJhIl0="}, "cursor_invalid"),
    ],
)
async def test_an_odd_sync_is_refused(
    client: httpx.AsyncClient, agent: Any, asked: dict[str, str], code: str
) -> None:
    answer = await client.get("/v1/members", params=asked, headers=agent.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
