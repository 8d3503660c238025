"""Agents' rights follow the events of agent-service."""

import uuid
from typing import Any

import httpx
import pytest
from gateway_tests.gateways import PHONE, bearer

from gateway.accounts.models import Account
from gateway.accounts.rules import AccountNotFound
from gateway.people import tasks
from gateway.worker import make_subscriptions
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import (
    AgentActivated,
    AgentDismissed,
    AgentReinstated,
    AgentSuspended,
    MemberUpdated,
)
from perisai_kit.events.envelope import Event

AGENT, MEMBER, WADAH = new_id(), new_id(), new_id()
SITIS_PHONE = "+6281200000009"


def activated(account_id: uuid.UUID, agent_id: uuid.UUID = AGENT) -> AgentActivated:
    return AgentActivated(
        agent_id=agent_id,
        account_id=account_id,
        member_id=MEMBER,
        wadah_id=WADAH,
        branch_code="banyuwangi",
        region_code="jatim",
        agent_code="A-1",
        decided_at=clock.now(),
    )


def reinstated(account_id: uuid.UUID) -> AgentReinstated:
    return AgentReinstated(**activated(account_id).model_dump())


def left(
    kind: type[AgentSuspended] | type[AgentDismissed],
    account_id: uuid.UUID,
    *,
    agent_id: uuid.UUID = AGENT,
) -> AgentSuspended | AgentDismissed:
    return kind(
        agent_id=agent_id, account_id=account_id, reason_code="idle", decided_at=clock.now()
    )


def person(member_id: uuid.UUID) -> dict[str, str]:
    return {"member_id": str(member_id), "display_name_masked": "S***"}


async def me(gateway: Any, session: dict[str, Any]) -> dict[str, Any]:
    headers = bearer(session["access_token"])
    answer: dict[str, Any] = (await gateway.client.get("/v1/me", headers=headers)).json()
    return answer


async def account_of(gateway: Any, account_id: uuid.UUID) -> Account:
    async with gateway.parts.database.read() as session:
        account = await session.get(Account, account_id)
        assert isinstance(account, Account)
        return account


async def apply(gateway: Any, event: Event) -> None:
    handler: Any = (
        tasks.on_members_updated if isinstance(event, MemberUpdated) else tasks.on_agents_decided
    )
    async with gateway.parts.database.begin() as session:
        await handler(session, [event])


async def test_the_end_of_an_agent_without_a_role_marks_the_account_as_an_agents(
    gateway: Any,
) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])

    await apply(gateway, left(AgentDismissed, account_id))

    assert (await account_of(gateway, account_id)).was_agent_at is not None


async def test_an_activated_agent_has_his_role_and_branch_at_the_next_token(gateway: Any) -> None:
    session = await gateway.otp_session()

    await apply(gateway, activated(uuid.UUID(session["account_id"])))
    await apply(gateway, activated(uuid.UUID(session["account_id"])))  # a handler is safe twice

    own = await me(gateway, (await gateway.refresh(session["refresh_token"])).json())
    assert own["roles"] == ["agent"]
    assert own["agent_id"] == str(AGENT)
    assert own["member_id"] is None
    assert own["wadah_id"] == str(WADAH)
    assert own["scope"] == {"kind": "branch", "code": "banyuwangi", "region": "jatim"}


async def test_an_approval_attaches_no_member_to_an_account(gateway: Any, members: Any) -> None:
    impostor = await gateway.otp_session()

    await apply(gateway, activated(uuid.UUID(impostor["account_id"])))
    again = await gateway.otp_session()
    members[SITIS_PHONE] = [person(MEMBER)]
    siti = await gateway.otp_session(SITIS_PHONE)

    assert again["account_id"] == impostor["account_id"]
    assert (await me(gateway, again))["member_id"] is None
    assert siti["account_id"] != impostor["account_id"]
    assert (await me(gateway, siti))["member_id"] == str(MEMBER)


async def test_an_agent_becomes_the_member_of_the_proven_number(gateway: Any, members: Any) -> None:
    session = await gateway.otp_session()
    await apply(gateway, activated(uuid.UUID(session["account_id"])))
    members[PHONE] = [person(MEMBER)]

    proven = await gateway.otp_session()

    assert proven["account_id"] == session["account_id"]
    assert (await me(gateway, proven))["roles"] == ["agent", "member"]


@pytest.mark.parametrize("away", [None, AgentSuspended, AgentDismissed])
async def test_an_account_that_was_an_agents_never_follows_the_members_number(
    gateway: Any, members: Any, away: type[AgentSuspended] | type[AgentDismissed] | None
) -> None:
    members[PHONE] = [person(MEMBER)]
    session = await gateway.otp_session()
    account_id = uuid.UUID(session["account_id"])
    await apply(gateway, activated(account_id))
    if away is not None:
        await apply(gateway, left(away, account_id))
    members["+6285200000001"] = members.pop(PHONE)  # somebody has edited the member

    other = await gateway.otp_session("+6285200000001")
    own = await gateway.otp_session()

    assert other["account_id"] != session["account_id"]
    assert (await me(gateway, other))["member_id"] is None
    assert own["account_id"] == session["account_id"]


async def test_an_agent_moves_to_a_number_that_was_tried_before(gateway: Any) -> None:
    agent = await gateway.otp_session()
    await apply(gateway, activated(uuid.UUID(agent["account_id"])))
    empty = await gateway.otp_session(SITIS_PHONE)  # the new number, before anybody moved it

    moved = await gateway.client.put(
        f"/v1/accounts/{agent['account_id']}/phone",
        json={"phone": SITIS_PHONE, "reason": "The telephone is lost."},
        headers=await gateway.signed_in(Role.ADMIN),
    )
    grant = await gateway.otp_grant(SITIS_PHONE)
    offered = (await gateway.token(**grant)).json()["accounts"]
    own = await gateway.token(**grant, account_id=agent["account_id"])

    assert moved.status_code == 200, moved.text
    assert {each["account_id"] for each in offered} == {agent["account_id"], empty["account_id"]}
    assert [each["account_id"] for each in offered if each["is_agent"]] == [agent["account_id"]]
    assert (await me(gateway, own.json()))["roles"] == ["agent"]


@pytest.mark.parametrize("kind", [AgentSuspended, AgentDismissed])
async def test_an_agent_who_is_away_keeps_only_the_membership(
    gateway: Any, members: Any, kind: type[AgentSuspended] | type[AgentDismissed]
) -> None:
    members[PHONE] = [person(MEMBER)]
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    await apply(gateway, activated(account_id))

    await apply(gateway, left(kind, account_id))

    account = await account_of(gateway, account_id)
    assert account.roles == ["member"]
    assert (account.agent_id, account.wadah_id, account.scope_kind) == (None, None, None)
    assert account.tokens_valid_from is not None


async def test_reinstatement_ends_the_sessions_begun_before_it(gateway: Any) -> None:
    session = await gateway.otp_session()
    account_id = uuid.UUID(session["account_id"])
    await apply(gateway, activated(account_id))
    kept = (await gateway.refresh(session["refresh_token"])).json()
    await apply(gateway, left(AgentSuspended, account_id))
    meanwhile = await gateway.otp_session()

    await apply(gateway, reinstated(account_id))
    ended = [await gateway.refresh(each["refresh_token"], "phone-1") for each in (kept, meanwhile)]
    anew = await gateway.otp_session()
    await apply(gateway, reinstated(account_id))  # a handler is safe twice

    assert [each.status_code for each in ended] == [401, 401]
    assert (await gateway.refresh(anew["refresh_token"])).status_code == 200
    assert (await me(gateway, anew))["roles"] == ["agent"]


async def test_the_history_names_each_role_that_an_event_gave_or_took(gateway: Any) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    await apply(gateway, activated(account_id))
    await apply(gateway, left(AgentDismissed, account_id))

    changes = [(each["change"], each["source"]) for each in await gateway.history(account_id)]
    assert changes == [
        ("agent_role_taken", "event"),
        ("agent_role_given", "event"),
        ("created", "sign_in"),
    ]


async def test_the_end_of_another_agent_takes_nothing_away(gateway: Any) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    await apply(gateway, activated(account_id))

    await apply(gateway, left(AgentDismissed, account_id, agent_id=new_id()))

    assert (await account_of(gateway, account_id)).agent_id == AGENT


NEW_PHONE = "+6285200000001"


def phone_changed() -> MemberUpdated:
    return MemberUpdated(member_id=MEMBER, changed=("phone",))


async def test_a_corrected_number_signs_the_old_telephone_out_at_once(
    gateway: Any, members: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    old = await gateway.otp_session()
    members[NEW_PHONE] = members.pop(PHONE)

    await apply(gateway, phone_changed())

    assert (await gateway.refresh(old["refresh_token"])).status_code == 401
    new = await gateway.otp_session(NEW_PHONE)
    await apply(gateway, MemberUpdated(member_id=MEMBER, changed=("occupations",)))
    assert new["account_id"] == old["account_id"]
    assert (await gateway.refresh(new["refresh_token"])).status_code == 200
    changes = [each["change"] for each in await gateway.history(old["account_id"])]
    assert changes == ["phone_changed", "phone_ended", "created"]


async def test_the_old_number_does_not_sign_in_while_member_service_is_away(
    gateway: Any, members: Any, network: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    old = await gateway.otp_session()
    members[NEW_PHONE] = members.pop(PHONE)
    await apply(gateway, phone_changed())
    network.answer("member", lambda request: httpx.Response(503))

    other = await gateway.otp_session()

    assert other["account_id"] != old["account_id"]
    assert (await me(gateway, other))["member_id"] is None


async def test_a_number_that_was_changed_back_signs_in_also_while_member_service_is_away(
    gateway: Any, members: Any, network: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    old = await gateway.otp_session()
    await apply(gateway, phone_changed())
    await apply(gateway, phone_changed())
    back = await gateway.otp_session()
    network.answer("member", lambda request: httpx.Response(503))

    again = await gateway.otp_session()

    assert back["account_id"] == again["account_id"] == old["account_id"]


async def test_the_account_of_an_agent_stays_signed_in_when_the_members_number_is_changed(
    gateway: Any, members: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    session = await gateway.otp_session()
    await apply(gateway, activated(uuid.UUID(session["account_id"])))

    await apply(gateway, phone_changed())

    assert (await gateway.refresh(session["refresh_token"])).status_code == 200


@pytest.mark.parametrize("how", [AgentActivated, AgentDismissed])
async def test_who_becomes_an_agent_after_the_members_number_was_changed_signs_in_as_before(
    gateway: Any, members: Any, how: type[AgentActivated] | type[AgentDismissed]
) -> None:
    members[PHONE] = [person(MEMBER)]
    session = await gateway.otp_session()
    account_id = uuid.UUID(session["account_id"])
    members[NEW_PHONE] = members.pop(PHONE)
    await apply(gateway, phone_changed())

    await apply(gateway, activated(account_id))
    if how is AgentDismissed:
        await apply(gateway, left(AgentDismissed, account_id))

    assert (await gateway.otp_session())["account_id"] == session["account_id"]


async def test_a_number_that_an_administrator_sets_signs_in(
    gateway: Any, members: Any, network: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    session = await gateway.otp_session()
    await apply(gateway, phone_changed())
    await gateway.client.put(
        f"/v1/accounts/{session['account_id']}/phone",
        json={"phone": NEW_PHONE, "reason": "The telephone is lost."},
        headers=await gateway.signed_in(Role.ADMIN),
    )
    network.answer("member", lambda request: httpx.Response(503))

    assert (await gateway.otp_session(NEW_PHONE))["account_id"] == session["account_id"]


async def test_an_answer_from_before_the_change_does_not_let_the_old_number_in(
    gateway: Any, members: Any, network: Any
) -> None:
    members[PHONE] = [person(MEMBER)]
    old = await gateway.otp_session()

    async def answer_and_change(request: httpx.Request) -> httpx.Response:
        await apply(gateway, phone_changed())
        return httpx.Response(200, json={"members": [person(MEMBER)]})

    network.answer("member", answer_and_change)

    late = await gateway.otp_session()

    assert late["account_id"] != old["account_id"]
    account = await account_of(gateway, uuid.UUID(old["account_id"]))
    assert account.phone_ended_at is not None


async def test_an_agent_without_account_is_a_fault(gateway: Any) -> None:
    with pytest.raises(AccountNotFound):
        await apply(gateway, activated(new_id()))


async def test_the_feed_of_agent_service_is_read(gateway: Any, network: Any) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    asked: list[httpx.Request] = []

    def feed(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        event = {
            "specversion": "1.0",
            "id": str(new_id()),
            "source": "agent-service",
            "type": "agent.activated.v1",
            "subject": str(AGENT),
            "time": clock.now().isoformat(),
            "datacontenttype": "application/json",
            "data": activated(account_id).model_dump(mode="json"),
            "position": "1",
        }
        return httpx.Response(200, json=[event])

    network.answer("agent", feed)
    subscription = make_subscriptions(
        agents=gateway.app.state.kit.client("http://agent"),
        members=gateway.app.state.kit.client("http://member"),
        payments=gateway.app.state.kit.client("http://payment"),
    )[0]

    applied = await subscription.step(gateway.parts.database)

    assert applied == 1
    assert Role.AGENT in (await account_of(gateway, account_id)).roles
    assert asked[0].headers["authorization"].startswith("Bearer ")
