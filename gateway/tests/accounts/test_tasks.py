"""Agents' rights follow the events of agent-service."""

import uuid
from typing import Any

import httpx
import pytest

from gateway.accounts import tasks
from gateway.accounts.models import Account
from gateway.accounts.rules import AccountNotFound
from gateway.worker import subscriptions
from perisai_kit import clock
from perisai_kit.auth import Role
from perisai_kit.events import AgentActivated, AgentDismissed, AgentSuspended, Event
from perisai_kit.ids import new_id

AGENT, MEMBER, WADAH = new_id(), new_id(), new_id()


def activated(account_id: uuid.UUID, agent_id: uuid.UUID = AGENT) -> AgentActivated:
    return AgentActivated(
        agent_id=agent_id,
        account_id=account_id,
        member_id=MEMBER,
        wadah_id=WADAH,
        branch_code="banyuwangi",
        region_code="jatim",
        agent_code="A-1",
    )


async def account_of(gateway: Any, account_id: uuid.UUID) -> Account:
    async with gateway.parts.database.read() as session:
        account = await session.get(Account, account_id)
        assert isinstance(account, Account)
        return account


async def apply(gateway: Any, event: Event) -> None:
    handler: Any = (
        tasks.on_agent_activated if isinstance(event, AgentActivated) else tasks.on_agent_away
    )
    async with gateway.parts.database.begin() as session:
        await handler(session, event)


async def test_an_activated_agent_has_his_role_and_branch_at_the_next_token(gateway: Any) -> None:
    session = await gateway.otp_session()

    await apply(gateway, activated(uuid.UUID(session["account_id"])))
    await apply(gateway, activated(uuid.UUID(session["account_id"])))  # a handler is safe twice

    fresh = (await gateway.refresh(session["refresh_token"])).json()
    me = await gateway.client.get(
        "/v1/me", headers={"Authorization": f"Bearer {fresh['access_token']}"}
    )
    assert me.json()["roles"] == ["agent", "member"]
    assert me.json()["agent_id"] == str(AGENT)
    assert me.json()["member_id"] == str(MEMBER)
    assert me.json()["wadah_id"] == str(WADAH)
    assert me.json()["scope"] == {"kind": "branch", "code": "banyuwangi", "region": "jatim"}


@pytest.mark.parametrize("kind", [AgentSuspended, AgentDismissed])
async def test_an_agent_who_is_away_keeps_only_his_membership(
    gateway: Any, kind: type[AgentSuspended] | type[AgentDismissed]
) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    await apply(gateway, activated(account_id))

    await apply(gateway, kind(agent_id=AGENT, account_id=account_id, reason_code="idle"))

    account = await account_of(gateway, account_id)
    assert account.roles == ["member"]
    assert (account.agent_id, account.wadah_id, account.scope_kind) == (None, None, None)
    assert account.tokens_valid_from is not None


async def test_the_end_of_another_agent_takes_nothing_away(gateway: Any) -> None:
    account_id = uuid.UUID((await gateway.otp_session())["account_id"])
    await apply(gateway, activated(account_id))

    await apply(
        gateway, AgentDismissed(agent_id=new_id(), account_id=account_id, reason_code="idle")
    )

    assert (await account_of(gateway, account_id)).agent_id == AGENT


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
    subscription = subscriptions(gateway.app.state.kit.client("http://agent"))[0]

    applied = await subscription.step(gateway.parts.database)

    assert applied == 1
    assert Role.AGENT in (await account_of(gateway, account_id)).roles
    assert asked[0].headers["authorization"].startswith("Bearer ")
