"""Members are found by words of their name and by last digits, by those who may see the name."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.changes import service as changes
from member_service.listings.tasks import ListingTasks
from member_service.members.models import Member
from member_service.members.rules import Limits
from member_service.search_words.models import SearchWords
from member_service.search_words.service import hash_terms
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring

Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        await enrol(session, full_name="Siti Rahma", phone="0813 9999 0000")
        return await enrol(session, full_name="Slamet Riyadi", phone="0812 3456 7890")


async def found(client: httpx.AsyncClient, reader: Any, q: str, **more: str) -> list[str]:
    answer = await client.get("/v1/members", params={"q": q, **more}, headers=reader.headers)
    assert answer.status_code == 200, answer.text
    return [each["full_name"] for each in answer.json()["items"]]


@pytest.mark.parametrize(
    "q", ["slamet", "SLA", "riy", "riyadi slamet", "7890", "567890", "slamet 7890", "s. Slâmet 🙂"]
)
async def test_the_agent_finds_a_member(
    client: httpx.AsyncClient, agent: Any, officer: Any, member: Member, q: str
) -> None:
    assert await found(client, agent, q) == ["Slamet Riyadi"]
    assert await found(client, officer, q) == ["Slamet Riyadi"]


async def test_the_last_digits_of_the_nik_are_found(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    assert await found(client, agent, member.nik[-6:]) == ["Slamet Riyadi"]


@pytest.mark.parametrize("q", ["lamet", "slamett", "sl_met", "%amet", "slamet siti", "1234"])
async def test_nothing_else_is_found(
    client: httpx.AsyncClient, agent: Any, member: Member, q: str
) -> None:
    assert await found(client, agent, q) == []


async def test_readers_who_see_no_names_cannot_search_for_them(
    client: httpx.AsyncClient, agent: Any, make_subject: Any, make_agent: Any, member: Member
) -> None:
    country = Scope(ScopeKind.COUNTRY)
    wadah = make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id)
    for reader in (
        wadah,
        make_subject(Role.FINANCE_OFFICER, scope=country),
        make_subject(Role.AUDITOR, scope=country),
    ):
        answer = await client.get("/v1/members", params={"q": "slamet"}, headers=reader.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "search_forbidden")

    both = make_subject(
        Role.WADAH_ADMIN, Role.AGENT, agent_id=new_id(), wadah_id=agent.principal.wadah_id
    )
    assert await found(client, both, "slamet") == []
    assert await found(client, make_agent(), "slamet") == []


@pytest.mark.parametrize(
    ("q", "code"),
    [
        ("s", "search_too_short"),
        ("🙂", "search_too_short"),
        ("%", "search_too_short"),
        ("12", "search_too_short"),
        ("3511011203900001", "search_number_too_long"),
        ("081234567890", "search_number_too_long"),
    ],
)
async def test_an_odd_search_is_refused(
    client: httpx.AsyncClient, agent: Any, q: str, code: str
) -> None:
    answer = await client.get("/v1/members", params={"q": q}, headers=agent.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_search_of_300_letters_is_refused(client: httpx.AsyncClient, agent: Any) -> None:
    answer = await client.get("/v1/members", params={"q": "slamet" * 50}, headers=agent.headers)

    assert answer.status_code == 422


async def test_a_cursor_holds_no_word_of_the_search(
    client: httpx.AsyncClient, agent: Any, database: Database, enrol: Enrol, member: Member
) -> None:
    async with database.begin() as session:
        await enrol(session, full_name="Slamet Kedua")
    asked = {"q": "slamet", "limit": "1"}
    page = await client.get("/v1/members", params=asked, headers=agent.headers)
    cursor = page.json()["next_cursor"]

    assert await found(client, agent, "slamet", limit="1", cursor=cursor) == ["Slamet Riyadi"]
    other = await client.get(
        "/v1/members", params={"q": "siti", "cursor": cursor}, headers=agent.headers
    )
    assert (other.status_code, other.json()["code"]) == (422, "cursor_invalid")


async def test_a_correction_is_found_under_the_new_name_only(
    client: httpx.AsyncClient,
    database: Database,
    agent: Any,
    member: Member,
    limits: Limits,
    keyring: Keyring,
) -> None:
    async with database.begin() as session:
        corrected = await session.get_one(Member, member.id)
        new = {"full_name": "Budi Santoso", "phone": "+6281300001111"}
        await changes.apply(
            session, corrected, new, made_by=new_id(), limits=limits, keyring=keyring
        )

    assert await found(client, agent, "slamet") == []
    assert await found(client, agent, "7890") == []
    assert await found(client, agent, "budi 1111") == ["Budi Santoso"]


@pytest.mark.parametrize(
    "written",
    ["UPDATE members SET version = version + 1", "UPDATE members SET words_version = NULL"],
)
async def test_members_of_the_version_before_are_found_after_the_next_turn(
    client: httpx.AsyncClient,
    database: Database,
    agent: Any,
    member: Member,
    keyring: Keyring,
    written: str,
) -> None:
    async with database.begin() as session:
        await session.execute(text("DELETE FROM search_words"))
        await session.execute(text(written))

    more = await ListingTasks(keyring).index_words(database)

    assert not more
    assert await found(client, agent, "slamet") == ["Slamet Riyadi"]
    async with database.read() as session:
        stale = "SELECT count(*) FROM members WHERE words_version IS DISTINCT FROM version"
        assert await session.scalar(text(stale)) == 0


async def test_equal_words_have_equal_hashes_under_one_key_only(
    session: AsyncSession, enrol: Enrol, keyring: Keyring
) -> None:
    first = await enrol(session, full_name="Siti Rahma")
    second = await enrol(session, full_name="Siti Aminah")

    rows = {
        row.member_id: set(row.words)
        for row in await session.scalars(select(SearchWords))
        if row.member_id in {first.id, second.id}
    }
    siti = set(hash_terms({("member_word", "sit"), ("member_word", "siti")}, keyring))
    other = Keyring({"other": bytes(32)}, bytes(range(32)))
    assert siti <= rows[first.id] & rows[second.id]
    assert not rows[first.id] & set(hash_terms({("member_word", "siti")}, other))
