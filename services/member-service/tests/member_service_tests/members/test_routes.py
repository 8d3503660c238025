from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from member_service.members.rules import Standing
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.masks import mask_phone
from perisai_kit.privacy.read_audit import ReadAudit

Enrol = Callable[..., Awaitable[Member]]
Subjects = Callable[..., Any]


@pytest.fixture
async def member(database: Database, enrol: Enrol) -> Member:
    async with database.begin() as session:
        return await enrol(session, kk="3510110101900001", email="slamet@example.com")


async def audited(session: AsyncSession) -> list[tuple[str, list[UUID]]]:
    rows = (await session.scalars(select(ReadAudit).order_by(ReadAudit.id))).all()
    return [(row.kind, row.ids) for row in rows]


async def test_the_agent_sees_name_and_telephone_whole_and_other_numbers_masked(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    answer = await client.get(f"/v1/members/{member.id}", headers=agent.headers)

    assert answer.status_code == 200
    seen = answer.json()
    assert seen["full_name"] == "Slamet Riyadi"
    assert seen["nik"].startswith("3510********")
    assert (seen["kk"], seen["email"]) == ("3510********0001", "s***@example.com")
    assert seen["phone"] == member.phone
    assert "street" not in seen
    assert (seen["standing"], seen["sector"]) == ("registered_unpaid", "other")
    assert answer.headers["ETag"].startswith('"1.')


@pytest.mark.parametrize("role", [Role.FINANCE_OFFICER, Role.AUDITOR])
async def test_roles_without_contact_to_members_see_no_name(
    client: httpx.AsyncClient, make_subject: Subjects, member: Member, role: Role
) -> None:
    reader = make_subject(role, scope=Scope(ScopeKind.COUNTRY))

    answer = await client.get(f"/v1/members/{member.id}", headers=reader.headers)

    assert answer.json()["full_name"] == "S*** R***"
    assert answer.json()["birth_date"] is None


async def test_only_the_own_agent_and_the_member_see_the_telephone_whole(
    client: httpx.AsyncClient, agent: Any, officer: Any, make_subject: Subjects, member: Member
) -> None:
    wadah = make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id)
    own = make_subject(Role.MEMBER, member_id=member.id)

    shown = {}
    for name, reader in {"agent": agent, "own": own, "officer": officer, "wadah": wadah}.items():
        answer = await client.get("/v1/members", headers=reader.headers)
        shown[name] = answer.json()["items"][0]["phone"]

    assert (shown["agent"], shown["own"]) == (member.phone, member.phone)
    assert shown["officer"] == shown["wadah"] == mask_phone(member.phone)


async def test_every_reading_leaves_one_record_with_the_reader_as_they_were(
    client: httpx.AsyncClient, session: AsyncSession, make_subject: Subjects, member: Member
) -> None:
    officer = make_subject(Role.BRANCH_OFFICER, scope=Scope(ScopeKind.REGION, "jatim"))
    path = f"/v1/members/{member.id}"

    for each in (path, f"{path}/identity", "/v1/members"):
        await client.get(each, headers=officer.headers)

    assert await audited(session) == [
        ("GET /v1/members/{member_id}", [member.id]),
        ("GET /v1/members/{member_id}/identity", [member.id]),
        ("GET /v1/members", [member.id]),
    ]
    row = (await session.scalars(select(ReadAudit).limit(1))).one()
    assert (row.account_id, row.roles) == (officer.principal.account_id, ["branch_officer"])
    assert (row.scope_kind, row.scope_code) == ("region", "jatim")


async def test_what_members_read_of_themselves_and_what_is_refused_leaves_no_record(
    client: httpx.AsyncClient, session: AsyncSession, make_subject: Subjects, member: Member
) -> None:
    oneself = make_subject(Role.MEMBER, member_id=member.id)
    other = make_subject(Role.MEMBER, member_id=new_id())

    for path in ("", "/identity", "/coverage"):
        own = await client.get(f"/v1/members/{member.id}{path}", headers=oneself.headers)
        refused = await client.get(f"/v1/members/{member.id}{path}", headers=other.headers)
        assert (own.status_code, refused.status_code) == (200, 404)

    assert await audited(session) == []


async def test_an_answer_that_is_not_sent_again_is_recorded_as_read(
    client: httpx.AsyncClient, session: AsyncSession, agent: Any, member: Member
) -> None:
    path = f"/v1/members/{member.id}"
    tag = (await client.get(path, headers=agent.headers)).headers["ETag"]

    again = await client.get(path, headers={**agent.headers, "If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert await audited(session) == [("GET /v1/members/{member_id}", [member.id])] * 2


async def test_a_foreign_member_does_not_exist(
    client: httpx.AsyncClient, make_agent: Subjects, make_subject: Subjects, member: Member
) -> None:
    elsewhere = Scope(ScopeKind.BRANCH, "jember", "jatim")
    outsiders = [
        make_agent(),
        make_subject(Role.MEMBER, member_id=new_id()),
        make_subject(Role.WADAH_ADMIN, wadah_id=new_id()),
        make_subject(Role.BRANCH_OFFICER, scope=elsewhere),
        make_subject(Role.AUDITOR, scope=Scope(ScopeKind.REGION, "bali")),
        make_subject(Role.FINANCE_OFFICER),
    ]

    for outsider in outsiders:
        for path in ("", "/coverage", "/attributions", "/work-declarations"):
            answer = await client.get(f"/v1/members/{member.id}{path}", headers=outsider.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
        listed = await client.get("/v1/members", headers=outsider.headers)
        assert (listed.json()["items"], listed.json()["next_cursor"]) == ([], None)


async def test_everyone_responsible_sees_the_member(
    client: httpx.AsyncClient, agent: Any, make_subject: Subjects, member: Member
) -> None:
    region = Scope(ScopeKind.REGION, "jatim")
    readers = [
        make_subject(Role.MEMBER, member_id=member.id),
        make_subject(Role.WADAH_ADMIN, wadah_id=agent.principal.wadah_id),
        make_subject(Role.BRANCH_OFFICER, scope=region),
        make_subject(Role.AUDITOR, scope=Scope(ScopeKind.COUNTRY)),
        make_subject(Role.ADMIN),
    ]

    for reader in readers:
        answer = await client.get("/v1/members", headers=reader.headers)
        assert [each["id"] for each in answer.json()["items"]] == [str(member.id)]


async def test_an_agents_list_leaves_the_agents_own_membership_out(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    make_agent: Subjects,
    make_subject: Subjects,
) -> None:
    async with database.begin() as session:
        own_member = await enrol(session, by=make_agent())
    both = make_subject(Role.AGENT, Role.MEMBER, agent_id=new_id(), member_id=own_member.id)

    listed = await client.get("/v1/members", headers=both.headers)
    own = await client.get(f"/v1/members/{own_member.id}", headers=both.headers)

    assert listed.json()["items"] == []
    assert own.status_code == 200


async def test_identity_is_whole_for_the_agent_the_officer_and_the_member_only(
    client: httpx.AsyncClient,
    agent: Any,
    officer: Any,
    make_subject: Subjects,
    member: Member,
) -> None:
    member_subject = make_subject(Role.MEMBER, member_id=member.id)
    wadah = make_subject(
        Role.WADAH_ADMIN, Role.MEMBER, wadah_id=agent.principal.wadah_id, member_id=new_id()
    )
    auditor = make_subject(Role.AUDITOR, scope=Scope(ScopeKind.COUNTRY))
    path = f"/v1/members/{member.id}/identity"

    for reader in (agent, officer, member_subject):
        answer = await client.get(path, headers=reader.headers)
        assert answer.json()["nik"] == member.nik
        assert answer.json()["street"] == "Jalan Ikan 3"
        assert answer.json()["nik_region"] == "Kalibaru, Kab. Banyuwangi, Jawa Timur"
    assert (await client.get(path, headers=wadah.headers)).status_code == 404
    assert (await client.get(path, headers=auditor.headers)).status_code == 403


@pytest.mark.parametrize("role", [Role.AGENT, Role.FINANCE_OFFICER])
async def test_a_list_is_read_page_by_page_newest_first(
    client: httpx.AsyncClient,
    database: Database,
    enrol: Enrol,
    agent: Any,
    make_subject: Subjects,
    role: Role,
) -> None:
    country = make_subject(role, scope=Scope(ScopeKind.COUNTRY))
    reader = agent if role is Role.AGENT else country
    ids = []
    for _ in range(5):
        async with database.begin() as session:
            ids.append(str((await enrol(session)).id))

    pages: list[list[str]] = []
    params, cursor = {"limit": "2"}, None
    while not pages or cursor:
        answer = await client.get("/v1/members", params=params, headers=reader.headers)
        pages.append([each["id"] for each in answer.json()["items"]])
        params["cursor"] = cursor = answer.json()["next_cursor"]

    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]


async def test_a_list_can_be_narrowed_to_one_standing(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    counts = {}
    for standing in Standing:
        answer = await client.get(
            "/v1/members", params={"standing": standing}, headers=agent.headers
        )
        counts[standing] = len(answer.json()["items"])

    assert counts == dict.fromkeys(Standing, 0) | {Standing.REGISTERED_UNPAID: 1}


async def test_an_officer_can_list_the_members_of_one_agent(
    client: httpx.AsyncClient, officer: Any, agent: Any, member: Member
) -> None:
    async def listed(agent_id: UUID) -> int:
        answer = await client.get(
            "/v1/members", params={"agent_id": str(agent_id)}, headers=officer.headers
        )
        return len(answer.json()["items"])

    assert await listed(agent.principal.agent_id) == 1
    assert await listed(new_id()) == 0


@pytest.mark.parametrize(
    "cursor", ["AAAA", "WyJhIiwgImIiXQ==", "WyIyMDI2LTEwLTAxIiwgIjEiXQ==", "=", "W1tdXQ=="]
)
async def test_a_made_up_cursor_is_refused(
    client: httpx.AsyncClient, agent: Any, cursor: str
) -> None:
    answer = await client.get("/v1/members", params={"cursor": cursor}, headers=agent.headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_a_change_needs_the_version_that_was_read(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    path = f"/v1/members/{member.id}"
    patch = {"declared_income": 2_000_000}

    bare = await client.patch(path, json=patch, headers=agent.headers)
    stale = await client.patch(path, json=patch, headers={**agent.headers, "If-Match": '"7"'})
    fresh = await client.patch(path, json=patch, headers={**agent.headers, "If-Match": '"1"'})
    again = await client.patch(path, json=patch, headers={**agent.headers, "If-Match": '"1"'})

    assert (bare.status_code, bare.json()["code"]) == (428, "precondition_required")
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert (fresh.status_code, fresh.headers["ETag"]) == (200, '"2"')
    assert fresh.json()["declared_income"] == 2_000_000
    assert again.status_code == 412


@pytest.mark.parametrize(
    "if_match",
    [
        'W/"1"',
        '"1.0123456789abcdef"',
        'W/"1.0123456789abcdef-gzip"',
        '"1-gzip"',
        'W/"1-br"',
        '"1;gzip"',
        '"7", W/"1"',
        ' W/"1" ',
        "*",
    ],
)
async def test_a_version_is_known_in_whatever_form_a_proxy_gave_it(
    client: httpx.AsyncClient, agent: Any, member: Member, if_match: str
) -> None:
    answer = await client.patch(
        f"/v1/members/{member.id}",
        json={"declared_income": 2_000_000},
        headers={**agent.headers, "If-Match": if_match},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "if_match",
    [
        'W/"1"x',
        '"1.5"',
        '"2.0123456789abcdef"',
        'W/"2"',
        'w/"1"',
        '"1-x"',
        "1",
        '"one"',
        '"99999999999"',
        '"1',
    ],
)
async def test_a_made_up_etag_matches_nothing(
    client: httpx.AsyncClient, agent: Any, member: Member, if_match: str
) -> None:
    answer = await client.patch(
        f"/v1/members/{member.id}",
        json={"declared_income": 2_000_000},
        headers={**agent.headers, "If-Match": if_match},
    )

    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("patch", "code", "pointer"),
    [
        ({"declared_income": 999_999}, "income_below_minimum", "/declared_income"),
        ({"programmes": ["jkk"]}, "mandatory_programme_missing", "/programmes"),
        ({"programmes": ["jkk", "jkm"], "employs_others": True}, "jht_mandatory", "/programmes"),
        ({"place_of_birth": None}, "null", "/place_of_birth"),
        ({"nik": "3510111203900001"}, "extra_forbidden", "/nik"),
    ],
)
async def test_a_change_keeps_the_rules(
    client: httpx.AsyncClient,
    agent: Any,
    member: Member,
    patch: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    answer = await client.patch(
        f"/v1/members/{member.id}", json=patch, headers={**agent.headers, "If-Match": "*"}
    )

    assert answer.status_code == 422
    assert [(each["code"], each["pointer"]) for each in answer.json()["errors"]] == [
        (code, pointer)
    ]


async def test_members_cannot_change_their_own_record(
    client: httpx.AsyncClient, make_subject: Subjects, member: Member
) -> None:
    member_subject = make_subject(Role.MEMBER, member_id=member.id)

    answer = await client.patch(
        f"/v1/members/{member.id}",
        json={"declared_income": 3_000_000},
        headers={**member_subject.headers, "If-Match": "*"},
    )

    assert answer.status_code == 403


async def test_an_optional_number_can_be_removed(
    client: httpx.AsyncClient, agent: Any, member: Member
) -> None:
    answer = await client.patch(
        f"/v1/members/{member.id}",
        json={"kk": None, "email": None},
        headers={**agent.headers, "If-Match": "*"},
    )

    assert (answer.json()["kk"], answer.json()["email"]) == (None, None)


async def test_a_service_does_not_browse_members(
    client: httpx.AsyncClient, payment_service: Any, member: Member
) -> None:
    for path in ("/v1/members", f"/v1/members/{member.id}", f"/v1/members/{member.id}/identity"):
        answer = await client.get(path, headers=payment_service.headers)
        assert answer.status_code == 403


async def test_without_a_token_nothing_is_answered(
    client: httpx.AsyncClient, member: Member
) -> None:
    for path in ("/v1/members", f"/v1/members/{member.id}", "/v1/occupations"):
        assert (await client.get(path)).status_code == 401
