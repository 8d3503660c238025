from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member, MemberChange
from member_service.shared_phones import service as shared_phones
from perisai_kit.auth.principal import Role, Scope, ScopeKind
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from member_service_tests.corrections.conftest import Desk, GatewayDouble

OLD_PHONE, NEW_PHONE = "+6281234567890", "+6281311112222"
SENDING, TRYING, NOTICES = (
    "/v1/confirmation-codes",
    "/v1/confirmation-codes/verification",
    "/v1/phone-notices",
)
Subjects = Callable[..., Any]
Published = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]
NAME, PAYER, PHONE = {"full_name": "Slamet Raharjo"}, {"payer": "sponsor"}, {"phone": NEW_PHONE}


async def identity(client: httpx.AsyncClient, member: Member, by: Any) -> dict[str, Any]:
    answer = await client.get(f"/v1/members/{member.id}/identity", headers=by.headers)
    found: dict[str, Any] = answer.json()
    return found


async def holders(session: AsyncSession, phone: str, keyring: Keyring) -> int:
    return len(await shared_phones.list_by_phone(session, phone=phone, keyring=keyring))


async def test_the_member_confirms_with_the_code_sent_to_the_present_telephone(
    client: httpx.AsyncClient,
    desk: Desk,
    agent: Any,
    member: Member,
    sms: GatewayDouble,
    session: AsyncSession,
    keyring: Keyring,
    published: Published,
) -> None:
    correction_id = await desk.proposed(agent, {**PHONE, "occupations": ["farmer"]})
    before = await identity(client, member, agent)

    sent = await desk.step(agent, correction_id, "code")
    wrong = await desk.confirm(agent, correction_id, "654321")
    confirmed = await desk.confirm(agent, correction_id)

    assert before["phone"] == OLD_PHONE
    assert (sent.status_code, sent.json()) == (202, {"expires_in": 300})
    assert sms.phones(SENDING) == [OLD_PHONE]
    assert (wrong.status_code, wrong.json()["code"]) == (422, "confirmation_code_wrong")
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "applied")
    kinds = [each["kind"] for each in confirmed.json()["steps"]]
    assert kinds == ["proposed", "confirmed", "applied"]
    assert (await identity(client, member, agent))["phone"] == NEW_PHONE
    assert await holders(session, NEW_PHONE, keyring) == 1
    assert await holders(session, OLD_PHONE, keyring) == 0
    assert (await published(session))[-1] == (
        "member.updated.v1",
        {"member_id": str(member.id), "changed": ["occupations", "phone"]},
    )
    change = await session.scalar(select(MemberChange))
    assert change is not None
    assert (change.version, change.made_by) == (2, agent.principal.account_id)


async def test_the_member_proposes_and_confirms_with_the_old_number(
    client: httpx.AsyncClient, desk: Desk, member_subject: Any, member: Member, sms: GatewayDouble
) -> None:
    correction_id = await desk.proposed(member_subject, PHONE)
    await desk.step(member_subject, correction_id, "code")

    confirmed = await desk.confirm(member_subject, correction_id)

    assert confirmed.status_code == 200
    assert sms.phones(SENDING) == sms.phones(TRYING) == [OLD_PHONE]


async def test_a_foreign_member_has_no_corrections(
    client: httpx.AsyncClient, desk: Desk, agent: Any, make_agent: Subjects, make_subject: Subjects
) -> None:
    correction_id = await desk.proposed(agent, NAME)
    elsewhere = Scope(ScopeKind.BRANCH, "jember", "jatim")
    others = (
        make_agent(),
        make_subject(Role.BRANCH_OFFICER, scope=elsewhere),
        make_subject(Role.MEMBER, member_id=new_id()),
    )

    for other in others:
        answers = [
            await desk.propose(other, PAYER, evidence="x"),
            await client.get(desk.path, headers=other.headers),
            await client.get(f"{desk.path}/{correction_id}", headers=other.headers),
            await desk.step(other, correction_id, "code"),
            await desk.confirm(other, correction_id),
            await desk.reject(other, correction_id),
        ]
        assert {(each.status_code, each.json()["code"]) for each in answers} == {
            (404, "member_not_found")
        }


async def test_an_agent_rejects_only_own_proposals(desk: Desk, agent: Any, officer: Any) -> None:
    officers = await desk.proposed(officer, NAME, evidence="KTP seen")
    foreign = await desk.reject(agent, officers)
    await desk.reject(officer, officers)
    own_proposal = await desk.proposed(agent, NAME)

    rejected = await desk.reject(agent, own_proposal)

    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    assert rejected.json()["status"] == "rejected"


async def test_one_correction_is_open_at_a_time_until_it_expires(
    desk: Desk, agent: Any, officer: Any, business_time: BusinessTime
) -> None:
    first = await desk.proposed(agent, NAME)
    second = await desk.propose(officer, PAYER, evidence="A letter")
    business_time.at(clock.now() + timedelta(days=14, minutes=1))

    expired = await desk.confirm(agent, first)
    third = await desk.propose(officer, PAYER, evidence="A letter")

    assert (second.status_code, second.json()["code"]) == (409, "correction_open")
    assert second.json()["details"] == {"correction_id": first}
    assert (expired.status_code, expired.json()["code"]) == (409, "correction_ended")
    assert expired.json()["details"] == {"status": "expired"}
    assert third.status_code == 201
    assert (await desk.get(officer, first))["status"] == "expired"


async def test_a_proposal_needs_the_version_that_was_read(
    client: httpx.AsyncClient, desk: Desk, agent: Any
) -> None:
    bare = await client.post(desk.path, json={"changes": NAME}, headers=agent.headers)
    stale = await desk.propose(agent, NAME, if_match='"7"')
    fresh = await desk.propose(agent, NAME, if_match='"1"')

    assert (bare.status_code, bare.json()["code"]) == (428, "precondition_required")
    assert [each["parameter"] for each in bare.json()["errors"]] == ["If-Match"]
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert fresh.status_code == 201


async def test_a_repeated_proposal_returns_the_first_one(desk: Desk, agent: Any) -> None:
    id_ = str(new_id())
    first = await desk.propose(agent, NAME, id=id_)

    again = await desk.propose(agent, NAME, id=id_, if_match='"1"')
    other = await desk.propose(agent, PAYER, id=id_)

    assert first.json()["id"] == again.json()["id"] == id_
    assert (other.status_code, other.json()["code"]) == (409, "correction_id_taken")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({}, "correction_unchanged", "/changes"),
        ({"payer": "self"}, "correction_unchanged", "/changes"),
        ({"birth_date": "2020-01-01"}, "age_under_minimum", "/changes/birth_date"),
        ({"occupations": ["fisher", "fisher"]}, "occupations_invalid", "/changes/occupations"),
        ({"phone": None}, "null", "/changes/phone"),
        ({"phone": "12"}, "phone", "/changes/phone"),
        ({"nik": "3510111203900001"}, "extra_forbidden", "/changes/nik"),
        ({"declared_income": 2_000_000}, "extra_forbidden", "/changes/declared_income"),
    ],
)
async def test_a_proposal_keeps_the_rules(
    desk: Desk, agent: Any, changes: dict[str, Any], code: str, pointer: str
) -> None:
    answer = await desk.propose(agent, changes)

    assert answer.status_code == 422
    assert [(each["code"], each["pointer"]) for each in answer.json()["errors"]] == [
        (code, pointer)
    ]


@pytest.mark.parametrize(
    ("path", "refusal", "expected"),
    [
        (SENDING, (409, "phone_of_agent"), (409, "code_not_possible")),
        (SENDING, (429, "sign_in_throttled"), (429, "confirmation_throttled")),
        (SENDING, (503, "otp_not_sent"), (503, "confirmation_code_unsent")),
        (TRYING, (429, "sign_in_throttled"), (429, "confirmation_throttled")),
        (TRYING, (500, "error"), (503, "unavailable")),
    ],
)
async def test_a_refusal_of_the_gateway_changes_nothing(
    desk: Desk,
    agent: Any,
    sms: GatewayDouble,
    path: str,
    refusal: tuple[int, str],
    expected: tuple[int, str],
) -> None:
    correction_id = await desk.proposed(agent, NAME)
    sms.refusals[path] = refusal

    if path == SENDING:
        answer = await desk.step(agent, correction_id, "code")
    else:
        answer = await desk.confirm(agent, correction_id)

    assert (answer.status_code, answer.json()["code"]) == expected
    assert (await desk.get(agent, correction_id))["status"] == "open"


async def test_a_corrected_birth_date_is_checked_against_the_nik(
    client: httpx.AsyncClient, desk: Desk, agent: Any, member: Member
) -> None:
    correction_id = await desk.proposed(agent, {"birth_date": "1990-03-13"})

    await desk.confirm(agent, correction_id)

    now = await client.get(f"/v1/members/{member.id}", headers=agent.headers)
    assert now.json()["birth_date"] == "1990-03-13"
    assert now.json()["nik_warnings"] == ["birth_date_differs"]


async def test_the_new_values_are_unreadable_in_the_database_and_every_reading_is_recorded(
    client: httpx.AsyncClient, desk: Desk, agent: Any, member: Member, session: AsyncSession
) -> None:
    correction_id = await desk.proposed(agent, {**NAME, **PHONE})

    listed = await client.get(desk.path, headers=agent.headers)
    await desk.get(agent, correction_id)

    assert listed.json()["items"][0]["changes"] == {**NAME, **PHONE}
    stored = await session.scalar(
        text("SELECT string_agg(corrections::text, ' ') FROM corrections")
    )
    for plain in ("Raharjo", NEW_PHONE, NEW_PHONE.encode().hex()):
        assert plain not in str(stored)
    read = (await session.scalars(select(ReadAudit).order_by(ReadAudit.id))).all()
    assert [(each.kind.removeprefix("GET "), each.ids) for each in read][-2:] == [
        ("/v1/members/{member_id}/corrections", [member.id]),
        ("/v1/members/{member_id}/corrections/{correction_id}", [member.id]),
    ]
