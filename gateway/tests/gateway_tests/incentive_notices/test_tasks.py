"""Agents and administrators of wadahs get notices of what becomes of an incentive."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from gateway_tests.incentive_facts import (
    AGENT,
    MAIL,
    PHONE,
    WADAH,
    appoint,
    issued,
    list_own,
    of_wadah,
    paid,
    paid_for_agent,
    returned,
    returned_for_agent,
    tell,
)
from sqlalchemy import event as database_events
from sqlalchemy import text

from gateway.incentive_notices import tasks
from gateway.incentive_notices.rules import SENT_WITHIN, AgentWithoutAccount
from gateway.incentive_notices.service import IncentiveEvent
from gateway.people import tasks as people
from gateway.worker import make_subscriptions
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import (
    AgentDismissed,
)
from perisai_kit.events.envelope import Event


async def test_a_closing_makes_a_message_and_a_notice_in_the_app(
    gateway: Any, agent: uuid.UUID
) -> None:
    await tell(gateway, issued())

    await gateway.send_notices()

    (shown,) = await list_own(gateway, agent, **{"Accept-Language": "id"})
    assert shown["text"] == (
        "Insentif November 2026: Rp450.000 sebelum pajak. Anda akan dikabari saat sudah "
        "ditransfer. Rincian ada di aplikasi."
    )
    assert (shown["template"], shown["month"], shown["amount"]) == (
        "incentive_stated",
        "2026-11",
        450_000,
    )
    outbox = await gateway.client.post("/v1/sandbox/otp-outbox", json={"phone": PHONE})
    assert outbox.json()["notices"][0]["text"] == shown["text"]


@pytest.mark.parametrize(
    ("event", "template"),
    [
        (issued(is_held=True), "incentive_held"),
        (issued(amount=0), "incentive_none"),
        (issued(payable=0), "incentive_offset"),
        (issued(amount=-20_000), "incentive_debt"),
        (paid(), "incentive_paid"),
        (returned(paid()), "incentive_returned"),
        (paid_for_agent(), "incentive_paid_to_wadah"),
        (returned_for_agent(paid_for_agent()), "incentive_to_wadah_returned"),
    ],
)
async def test_each_fact_has_a_notice_of_its_own(
    gateway: Any, agent: uuid.UUID, event: IncentiveEvent, template: str
) -> None:
    await tell(gateway, event)

    await gateway.send_notices()

    assert await gateway.notices_to(PHONE) == [template]


async def test_a_payout_that_came_back_has_two_notices_and_no_more(
    gateway: Any, agent: uuid.UUID
) -> None:
    payout, statement = paid(), issued()

    for _ in range(2):
        await tell(gateway, statement, payout, returned(payout), payout)
        await gateway.send_notices()

    assert sorted(await gateway.notices_to(PHONE)) == [
        "incentive_paid",
        "incentive_returned",
        "incentive_stated",
    ]


async def test_each_administrator_gets_one_notice_of_the_statement_of_the_wadah(
    gateway: Any, agent: uuid.UUID, add_admin: Callable[..., Any]
) -> None:
    first, second = await add_admin("first", email=MAIL), await add_admin("second")
    other = await add_admin("other", email="other@example.org", wadah_id=new_id())

    await tell(gateway, of_wadah(), paid(payee_kind="wadah", payee_id=WADAH), issued())
    await gateway.send_notices()

    shown = {each: await list_own(gateway, each.id) for each in (first, second, other)}
    assert [len(each) for each in shown.values()] == [2, 2, 0]
    assert sorted(await gateway.mails_to(MAIL)) == ["incentive_paid", "incentive_stated"]
    assert await gateway.mails_to("other@example.org") == []
    assert await gateway.notices_to(PHONE) == ["incentive_stated"]


async def test_a_wadah_without_administrators_has_nobody_to_tell(gateway: Any) -> None:
    await tell(gateway, of_wadah())

    async with gateway.parts.database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM account_notices")) == 0


async def test_a_dismissed_agent_gets_notices_of_what_is_still_owed(
    gateway: Any, agent: uuid.UUID
) -> None:
    gone = AgentDismissed(
        agent_id=AGENT, account_id=agent, reason_code="idle", decided_at=clock.now()
    )
    async with gateway.parts.database.begin() as session:
        await people.on_agents_decided(session, [gone])
    await appoint(gateway, agent, new_id())  # somebody may become an agent again

    await tell(gateway, issued())

    assert [each["template"] for each in await list_own(gateway, agent)] == ["incentive_stated"]


async def test_an_agent_of_before_is_found_by_the_account_itself(
    gateway: Any, agent: uuid.UUID, owner: Any
) -> None:
    await owner.execute("DELETE FROM agent_accounts")

    await tell(gateway, issued())

    assert len(await list_own(gateway, agent)) == 1


async def test_nothing_is_sent_to_a_locked_account(gateway: Any, agent: uuid.UUID) -> None:
    await gateway.client.post(
        f"/v1/accounts/{agent}/lock",
        json={"reason": "Telephone was stolen."},
        headers=await gateway.signed_in(Role.ADMIN),
    )

    await tell(gateway, issued(), paid_for_agent())
    await gateway.send_notices()

    assert await gateway.notices_to(PHONE) == ["account_locked"]
    async with gateway.parts.database.read() as session:
        kept = text("SELECT fact FROM account_notices WHERE fact IS NOT NULL ORDER BY fact")
        assert (await session.scalars(kept)).all() == ["payout_paid_for_agent", "statement_issued"]


async def test_the_months_of_before_are_only_to_be_read(gateway: Any, agent: uuid.UUID) -> None:
    long_ago = clock.now() - SENT_WITHIN - timedelta(hours=1)

    await tell(gateway, issued(issued_at=long_ago), issued(issued_at=None))
    await gateway.send_notices()

    assert len(await list_own(gateway, agent)) == 2
    assert await gateway.notices_to(PHONE) == []


async def test_an_agent_without_account_is_a_fault(gateway: Any, agent: uuid.UUID) -> None:
    with pytest.raises(AgentWithoutAccount):
        await tell(gateway, issued(), issued(beneficiary_id=new_id()))


async def test_the_number_of_statements_of_sql_does_not_grow_with_the_events(
    gateway: Any, agent: uuid.UUID
) -> None:
    executed: list[str] = []

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        executed.append(statement)

    async def count(events: Sequence[IncentiveEvent]) -> int:
        executed.clear()
        async with gateway.parts.database.begin() as session:
            # Not of the engine: the app reads revocations meanwhile.
            connection = (await session.connection()).sync_connection
            database_events.listen(connection, "before_cursor_execute", record)
            await tasks.on_incentives_changed(session, events)
        return len(executed)

    few = await count([issued(), of_wadah(), paid_for_agent()])
    many = await count([make() for make in (issued, of_wadah, paid_for_agent) for _ in range(300)])

    assert few == many > 0
    assert len(await list_own(gateway, agent)) == 50  # a page


def _envelope(event: Event, position: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "payment-service",
        "type": event.type,
        "subject": event.subject,
        "time": clock.now().isoformat(),
        "datacontenttype": "application/json",
        "data": event.model_dump(mode="json"),
        "position": str(position),
    }


async def test_the_feed_of_payment_service_read_twice_makes_one_notice_of_each_fact(
    gateway: Any, network: Any, agent: uuid.UUID, owner: Any
) -> None:
    payout = paid()
    part = paid_for_agent()
    events = [issued(), payout, returned(payout), part, returned_for_agent(part)]
    answer = [_envelope(each, place) for place, each in enumerate(events, start=1)]
    asked: list[httpx.Request] = []

    def feed(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=answer)

    network.answer("payment", feed)
    client = gateway.app.state.kit.client
    for _ in range(2):
        subscriptions = make_subscriptions(
            agents=client("http://agent"),
            members=client("http://member"),
            payments=client("http://payment"),
        )
        (reader,) = [each for each in subscriptions if each.name == "gateway.payments"]
        assert await reader.step(gateway.parts.database) == 5
        await owner.execute("DELETE FROM subscriptions")

    assert [each["template"] for each in await list_own(gateway, agent)] == [
        "incentive_to_wadah_returned",
        "incentive_paid_to_wadah",
        "incentive_returned",
        "incentive_paid",
        "incentive_stated",
    ]
    types = asked[0].url.params["type"].split(",")
    assert types == [
        "payout.paid.v1",
        "payout.paid_for_agent.v1",
        "payout.returned.v1",
        "payout.returned_for_agent.v1",
        "statement.issued.v1",
    ]
