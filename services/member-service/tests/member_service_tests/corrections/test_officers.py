"""Two officers replace the member's code; a new telephone waits for a notice and a delay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.testing.plugin import BusinessTime

if TYPE_CHECKING:
    from member_service_tests.corrections.conftest import Advance, Desk, GatewayDouble

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


async def test_two_officers_with_evidence_replace_the_code(
    client: httpx.AsyncClient,
    desk: Desk,
    agent: Any,
    officer: Any,
    second_officer: Any,
    member: Member,
    sms: GatewayDouble,
) -> None:
    correction_id = await desk.proposed(agent, NAME)

    first = await desk.approve(officer, correction_id)
    again = await desk.approve(officer, correction_id)
    second = await desk.approve(second_officer, correction_id)

    assert (first.status_code, first.json()["status"]) == (200, "open")
    assert (again.status_code, again.json()["code"]) == (403, "second_officer_required")
    assert (second.status_code, second.json()["status"]) == (200, "applied")
    assert [each["reason"] for each in second.json()["steps"]] == [
        None,
        "KTP seen",
        "KTP seen",
        None,
    ]
    assert (await identity(client, member, officer))["full_name"] == "Slamet Raharjo"
    assert sms.asked == []


async def test_an_officers_proposal_is_the_first_of_two_approvals(
    desk: Desk, officer: Any, second_officer: Any
) -> None:
    bare = await desk.propose(officer, PAYER)
    correction_id = await desk.proposed(officer, PAYER, evidence="A letter of the sponsor")

    own_approval = await desk.approve(officer, correction_id)
    second = await desk.approve(second_officer, correction_id)

    assert (bare.status_code, bare.json()["code"]) == (422, "evidence_missing")
    assert (own_approval.status_code, own_approval.json()["code"]) == (
        403,
        "second_officer_required",
    )
    assert second.json()["status"] == "applied"


async def test_officers_change_a_telephone_only_after_a_notice_to_the_old_number_and_a_delay(
    client: httpx.AsyncClient,
    desk: Desk,
    officer: Any,
    second_officer: Any,
    member: Member,
    sms: GatewayDouble,
    advance: Advance,
    business_time: BusinessTime,
) -> None:
    now = clock.now()
    business_time.at(now)
    correction_id = await desk.proposed(officer, PHONE, evidence="KTP seen, old card lost")
    waiting = await desk.approve(second_officer, correction_id)
    again = await desk.approve(second_officer, correction_id)
    sms.refusals[NOTICES] = (503, "unavailable")
    await advance()
    untold = await desk.get(officer, correction_id)
    sms.refusals.clear()

    await advance()
    correction = await desk.get(officer, correction_id)
    business_time.at(now + timedelta(hours=71, minutes=59))
    await advance()
    early = await identity(client, member, officer)
    business_time.at(now + timedelta(hours=72, minutes=1))
    await advance()
    late = await identity(client, member, officer)

    assert (waiting.json()["status"], waiting.json()["effective_at"]) == ("waiting", None)
    assert (again.status_code, again.json()["code"]) == (409, "correction_approved")
    assert untold["effective_at"] is None
    assert correction["effective_at"] is not None
    assert sms.phones(NOTICES) == [OLD_PHONE, OLD_PHONE]
    assert {body["id"] for _, body in sms.asked} == {correction_id}
    assert (early["phone"], late["phone"]) == (OLD_PHONE, NEW_PHONE)
    steps = (await desk.get(officer, correction_id))["steps"]
    assert [each["kind"] for each in steps] == [
        "proposed",
        "approved",
        "approved",
        "notified",
        "applied",
    ]
    assert steps[-1]["made_by"] == str(second_officer.principal.account_id)


@pytest.mark.parametrize("who", ["member", "officer"])
async def test_a_waiting_telephone_is_stopped_by_the_member_or_an_officer(
    client: httpx.AsyncClient,
    desk: Desk,
    officer: Any,
    second_officer: Any,
    member_subject: Any,
    member: Member,
    advance: Advance,
    business_time: BusinessTime,
    who: str,
) -> None:
    correction_id = await desk.proposed(officer, PHONE, evidence="KTP seen")
    await desk.approve(second_officer, correction_id)
    await advance()

    stopped = await desk.reject({"member": member_subject, "officer": officer}[who], correction_id)
    business_time.at(clock.now() + timedelta(days=30))
    await advance()

    assert (stopped.status_code, stopped.json()["status"]) == (200, "rejected")
    assert (await identity(client, member, officer))["phone"] == OLD_PHONE
    late = await desk.confirm(officer, correction_id)
    assert (late.status_code, late.json()["code"]) == (409, "correction_ended")


async def test_a_members_code_ends_the_delay(
    client: httpx.AsyncClient,
    desk: Desk,
    officer: Any,
    second_officer: Any,
    member_subject: Any,
    member: Member,
    advance: Advance,
) -> None:
    correction_id = await desk.proposed(officer, PHONE, evidence="KTP seen")
    await desk.approve(second_officer, correction_id)

    confirmed = await desk.confirm(member_subject, correction_id)

    assert confirmed.json()["status"] == "applied"
    assert await advance() is False
    assert (await identity(client, member, officer))["phone"] == NEW_PHONE


async def test_an_officer_does_not_decide_about_their_own_membership(
    desk: Desk, agent: Any, officer: Any, make_subject: Subjects, member: Member
) -> None:
    scope = officer.principal.scope
    own_officer = make_subject(Role.BRANCH_OFFICER, Role.MEMBER, scope=scope, member_id=member.id)
    correction_id = await desk.proposed(agent, NAME)

    answer = await desk.approve(own_officer, correction_id)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_record")


async def test_the_proposal_of_an_officer_for_their_own_membership_is_no_approval(
    desk: Desk, officer: Any, make_subject: Subjects, member: Member
) -> None:
    scope = officer.principal.scope
    own_officer = make_subject(Role.BRANCH_OFFICER, Role.MEMBER, scope=scope, member_id=member.id)
    correction_id = await desk.proposed(own_officer, NAME, evidence="I know my name")

    approved = await desk.approve(officer, correction_id)

    assert approved.json()["status"] == "open"


async def test_an_agent_and_a_member_approve_nothing(
    desk: Desk, agent: Any, member_subject: Any
) -> None:
    correction_id = await desk.proposed(agent, NAME)

    answers = [await desk.approve(by, correction_id) for by in (agent, member_subject)]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(403, "forbidden")}
