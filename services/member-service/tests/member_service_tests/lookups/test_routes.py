from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.privacy.read_audit import ReadAudit

Enrol = Callable[..., Awaitable[Member]]
PATH = "/v1/member-lookups"


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        return await enrol(session, phone="0812 3456 7890")


async def test_a_service_learns_whether_a_nik_is_a_members(
    client: httpx.AsyncClient, payment_service: Any, member: Member
) -> None:
    known = await client.post(PATH, json={"nik": member.nik}, headers=payment_service.headers)
    unknown = await client.post(
        PATH, json={"nik": "3510110101909999"}, headers=payment_service.headers
    )

    assert known.json() == {"found": True, "member_id": str(member.id)}
    assert unknown.json() == {"found": False, "member_id": None}


@pytest.mark.parametrize(
    ("name", "same"), [("RIYADI SLAMET", True), ("Slamet", False), ("Budi Santoso", False)]
)
async def test_a_service_learns_whether_a_name_is_the_members(
    client: httpx.AsyncClient, payment_service: Any, member: Member, name: str, same: bool
) -> None:
    asked = {"nik": member.nik, "full_name": name}
    unknown = {"nik": "3510110101909999", "full_name": name}

    answer = await client.post(PATH, json=asked, headers=payment_service.headers)
    nobody = await client.post(PATH, json=unknown, headers=payment_service.headers)

    assert answer.json() == {"found": True, "member_id": str(member.id), "same_name": same}
    assert nobody.json() == {"found": False, "member_id": None, "same_name": False}


async def test_only_services_ask_for_a_name(
    client: httpx.AsyncClient, officer: Any, member: Member
) -> None:
    asked = {"nik": member.nik, "full_name": member.full_name}

    answer = await client.post(PATH, json=asked, headers=officer.headers)

    assert answer.status_code == 403


async def test_a_service_learns_who_gave_a_telephone_number(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, payment_service: Any
) -> None:
    async with database.begin() as session:
        ids = {
            str((await enrol(session, phone="0812-9999-0000", full_name=name)).id): mask
            for name, mask in (("Siti Aminah", "S*** A***"), ("Budi", "B***"))
        }

    answer = await client.post(
        PATH, json={"phone": "+6281299990000"}, headers=payment_service.headers
    )

    found = {each["member_id"]: each["display_name_masked"] for each in answer.json()["members"]}
    assert found == ids


async def test_a_telephone_number_gives_all_its_members_the_known_ones_first(
    client: httpx.AsyncClient, database: Database, enrol: Enrol, payment_service: Any
) -> None:
    async with database.begin() as session:
        ids = [str((await enrol(session, phone="0812 1111 0000")).id) for _ in range(21)]

    async def found(**more: Any) -> list[str]:
        body = {"phone": "081211110000", **more}
        answer = await client.post(PATH, json=body, headers=payment_service.headers)
        return [each["member_id"] for each in answer.json()["members"]]

    assert await found() == sorted(ids)
    known = [ids[20], ids[7]]
    assert await found(known_member_ids=known) == [
        *sorted(known),
        *sorted(set(ids) - set(known)),
    ]


async def test_an_officer_finds_a_nik_only_within_the_scope(
    client: httpx.AsyncClient, officer: Any, make_subject: Callable[..., Any], member: Member
) -> None:
    elsewhere = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.BRANCH, "jember", "jatim"))

    own = await client.post(PATH, json={"nik": member.nik}, headers=officer.headers)
    foreign = await client.post(PATH, json={"nik": member.nik}, headers=elsewhere.headers)

    assert own.json()["found"] is True
    assert foreign.json()["found"] is False


async def test_only_services_ask_for_a_telephone_number(
    client: httpx.AsyncClient, officer: Any, member: Member
) -> None:
    answer = await client.post(PATH, json={"phone": member.phone}, headers=officer.headers)

    assert answer.status_code == 403


async def test_agents_cannot_look_people_up(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    answer = await client.post(PATH, json={"nik": member.nik}, headers=agent.headers)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "lookup_needs_one"),
        ({"nik": "3510110101909999", "phone": "0812 3456 7890"}, "lookup_needs_one"),
        ({"nik": "351011010190999"}, "nik_invalid"),
    ],
)
async def test_a_look_up_has_exactly_one_key(
    client: httpx.AsyncClient, payment_service: Any, asked: dict[str, str], code: str
) -> None:
    answer = await client.post(PATH, json=asked, headers=payment_service.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_answer_about_a_person_is_recorded_and_an_empty_one_is_not(
    client: httpx.AsyncClient, session: AsyncSession, payment_service: Any, member: Member
) -> None:
    for nik in (member.nik, "3510110101909999"):
        await client.post(PATH, json={"nik": nik}, headers=payment_service.headers)

    assert await session.scalar(select(func.count()).select_from(ReadAudit)) == 1
