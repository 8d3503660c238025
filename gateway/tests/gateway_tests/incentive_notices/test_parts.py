"""Agents get notices of what their wadah is paid for them."""

import uuid
from collections.abc import Callable
from typing import Any

from gateway_tests.incentive_facts import (
    MAIL,
    PHONE,
    WADAH,
    appoint,
    list_own,
    paid,
    paid_for_agent,
    returned_for_agent,
    tell,
)

from perisai_kit.domain.ids import new_id


async def test_an_agent_is_asked_whether_they_received_what_the_wadah_was_paid(
    gateway: Any, agent: uuid.UUID
) -> None:
    await tell(gateway, paid_for_agent())

    await gateway.send_notices()

    (shown,) = await list_own(gateway, agent, **{"Accept-Language": "id"})
    assert shown["text"] == (
        "Insentif Anda sampai November 2026, Rp438.750 setelah pajak, sudah ditransfer ke wadah "
        "Anda. Mohon jawab di aplikasi: sudah Anda terima atau belum?"
    )
    outbox = await gateway.client.post("/v1/sandbox/otp-outbox", json={"phone": PHONE})
    assert outbox.json()["notices"][0]["text"] == shown["text"]


async def test_a_part_that_came_back_has_two_notices_and_no_more(
    gateway: Any, agent: uuid.UUID
) -> None:
    part = paid_for_agent()

    for _ in range(2):
        await tell(gateway, part, returned_for_agent(part), part)
        await gateway.send_notices()

    assert sorted(await gateway.notices_to(PHONE)) == [
        "incentive_paid_to_wadah",
        "incentive_to_wadah_returned",
    ]


async def test_an_agent_who_administers_the_wadah_has_notices_of_the_whole_and_of_their_part(
    gateway: Any, agent: uuid.UUID, add_admin: Callable[..., Any]
) -> None:
    admin = await add_admin("both", email=MAIL)
    own_agent_id = new_id()
    await appoint(gateway, admin.id, own_agent_id)
    whole = paid(payee_kind="wadah", payee_id=WADAH, amount=1_000_000)
    parts = [
        paid_for_agent(payout_id=whole.payout_id, agent_id=own_agent_id),
        paid_for_agent(payout_id=whole.payout_id, amount=561_250),
    ]

    await tell(gateway, whole, *parts)

    shown = {(each["template"], each["amount"]) for each in await list_own(gateway, admin.id)}
    assert shown == {("incentive_paid", 1_000_000), ("incentive_paid_to_wadah", 438_750)}
    (other,) = await list_own(gateway, agent)
    assert (other["template"], other["amount"]) == ("incentive_paid_to_wadah", 561_250)
