"""Agents say whether they received what their wadah was paid; officers see who did not answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.incentive_statements.documents import (
    AGENT_NAME,
    WADAH_NAME,
    answer_names,
)
from payment_service_tests.office import (
    REFUSED,
    Office,
    PayeeBook,
    know,
    list_transfers,
    pay,
    send,
)
from payment_service_tests.village import Village
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payouts import service as payouts
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import jakarta_date
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.network import Wire
from perisai_kit.testing.plugin import Tokens

NOVEMBER, DECEMBER = Month(2025, 11), Month(2025, 12)
MISSING = "/v1/payout-confirmations/missing"
Earn = Callable[..., Awaitable[list[Village]]]
Officer = Callable[[], dict[str, str]]
Release = Callable[..., Awaitable[UUID]]
Answer = Callable[..., Awaitable[httpx.Response]]


async def get(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> Any:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def release(office: Office, account: PayoutAccount) -> Release:
    """Prepare and release a run: `await release(through)`; return its id."""

    async def release(through: Month = NOVEMBER) -> UUID:
        run_id = await office.prepare(account.id, through)
        await office.release(run_id)
        return run_id

    return release


@pytest.fixture
def answer(client: httpx.AsyncClient, tokens: Tokens) -> Answer:
    """Let an agent answer for a payout: `await answer(village, payout_id, True)`."""

    async def answer(village: Village, payout_id: str, is_received: bool) -> httpx.Response:
        agent = tokens.make(Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id)
        key = f"confirmation-{village.agent_id}-{is_received}"
        return await client.post(
            f"/v1/payouts/{payout_id}/confirmation",
            json={"is_received": is_received},
            headers={**agent, "Idempotency-Key": key},
        )

    return answer


async def list_payouts(session: AsyncSession, run_id: UUID, *villages: Village) -> list[str]:
    """Return the payouts of a run to the wadahs of villages."""
    found = text("SELECT id FROM payouts WHERE run_id = :run_id AND payee_id = :payee_id")
    return [
        str((await session.scalars(found, {"run_id": run_id, "payee_id": each.wadah_id})).one())
        for each in villages
    ]


async def test_agents_see_their_part_of_what_their_wadah_was_paid_and_confirm_it(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    officer: Officer,
    earn: Earn,
    release: Release,
) -> None:
    village, other = await earn(3, 3, pays=PaymentMethod.WADAH)
    run_id = await release()
    agent = tokens.make(Role.AGENT, agent_id=village.agent_id, wadah_id=village.wadah_id)
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=village.wadah_id)
    outsider = tokens.make(Role.AGENT, agent_id=other.agent_id, wadah_id=other.wadah_id)
    (own,) = (await get(client, "/v1/me/payouts", agent))["items"]
    path = f"/v1/payouts/{own['id']}/confirmation"
    yes, no = {"is_received": True}, {"is_received": False}

    early = await client.post(path, json=yes, headers=keyed(agent, "early"))
    await pay(session, run_id)
    answers, seen, unpaid = [], [own["is_received"]], own["paid_on"]
    for place, body in enumerate((no, no, yes)):
        answers.append(await client.post(path, json=body, headers=keyed(agent, f"key-{place}")))
        (own,) = (await get(client, "/v1/me/payouts", agent))["items"]
        seen.append(own["is_received"])
    foreign = await client.post(path, json=yes, headers=keyed(outsider, "foreign"))

    assert (own["paid_to"], own["gross"], own["tax"], own["amount"]) == (
        "wadah",
        16_560,
        414,
        16_146,
    )
    assert (unpaid, own["paid_on"]) == (None, str(clock.today()))
    (whole,) = (await get(client, "/v1/me/payouts", wadah))["items"]
    assert (whole["statement_count"], whole["gross"], whole["is_received"]) == (2, 18_216, None)
    assert (early.status_code, early.json()["code"]) == (409, "payout_not_paid_to_wadah")
    assert [each.status_code for each in answers] == [200] * 3
    assert answers[0].json()["id"] == answers[1].json()["id"] != answers[2].json()["id"]
    assert seen == [None, False, False, True]
    assert foreign.status_code == 404
    confirmations = await get(client, "/v1/payout-confirmations", officer())
    assert [(each["agent_id"], each["is_received"]) for each in confirmations["items"]] == [
        (str(village.agent_id), True)
    ]
    refused = await get(client, "/v1/payout-confirmations?is_received=false", officer())
    assert refused["items"] == []


def keyed(headers: dict[str, str], key: str) -> dict[str, str]:
    return {**headers, "Idempotency-Key": f"confirmation-{key}"}


async def test_an_agent_who_has_not_answered_is_listed_until_they_do(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    earn: Earn,
    release: Release,
    answer: Answer,
    wire: Wire,
) -> None:
    yes, no, silent = await earn(3, 3, 3, pays=PaymentMethod.WADAH)
    run_id = await release()
    ids = await list_payouts(session, run_id, yes, no, silent)
    before = await get(client, MISSING, officer())
    await pay(session, run_id)
    asked = await get(client, MISSING, officer())

    await answer(yes, ids[0], True)
    await answer(no, ids[1], False)

    wire.answer("agent", answer_names)
    assert before["items"] == []
    assert {each["agent_name"] for each in asked["items"]} == {None}
    assert {each["payout_id"] for each in asked["items"]} == set(ids)
    listed = await get(client, MISSING, officer())
    settled_at = (await get(client, f"/v1/payouts/{ids[2]}", officer()))["settled_at"]
    assert listed == {
        "items": [
            {
                "payout_id": ids[2],
                "agent_id": str(silent.agent_id),
                "agent_name": AGENT_NAME,
                "wadah_id": str(silent.wadah_id),
                "wadah_name": WADAH_NAME,
                "month": "2025-11",
                "amount": 16_146,
                "settled_at": settled_at,
            }
        ],
        "next_cursor": None,
    }
    refused = await get(client, "/v1/payout-confirmations?is_received=false", officer())
    assert [(each["agent_id"], each["agent_name"]) for each in refused["items"]] == [
        (str(no.agent_id), AGENT_NAME)
    ]


async def test_nobody_is_asked_for_what_was_returned_and_asked_again_once_it_is_paid(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    earn: Earn,
    release: Release,
) -> None:
    await earn(3, pays=PaymentMethod.WADAH)
    first = await release()
    await pay(session, first)
    (transfer,) = await list_transfers(session, first)

    await payouts.mark_returned(session, transfer.id, REFUSED)
    returned = await get(client, MISSING, officer())
    second = await release()
    (again,) = await list_transfers(session, second)
    await send(session, again.id)
    sent = await get(client, MISSING, officer())
    await pay(session, second)
    await payouts.mark_paid(session, again.id, REFUSED)

    assert returned["items"] == sent["items"] == []
    listed = await get(client, MISSING, officer())
    assert [each["payout_id"] for each in listed["items"]] == [str(again.payout_id)]


async def test_agents_who_are_paid_directly_are_not_asked(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, run_id: UUID
) -> None:
    await pay(session, run_id)

    assert (await get(client, MISSING, officer()))["items"] == []


async def test_the_earliest_payment_is_first_page_by_page(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    earn: Earn,
    release: Release,
    answer: Answer,
) -> None:
    villages = await earn(3, 3, 3, pays=PaymentMethod.WADAH)
    run_id = await release()
    await pay(session, run_id)
    ids = await list_payouts(session, run_id, *villages)
    # Three agents of one wadah in the second payment, which was made at the same time as the third.
    settle = text("UPDATE payouts SET settled_at = settled_at - make_interval(days => :days)")
    for place, days in enumerate((1, 4, 4)):
        of_one = settle.text + " WHERE id = :id"
        await session.execute(text(of_one), {"days": days, "id": UUID(ids[place])})
    await session.execute(
        text(
            "INSERT INTO payout_items SELECT uuidv7(), payout_id, other.id, item.month, 'agent',"
            " uuidv7(), 1000, 25, false FROM payout_items AS item, statements AS other"
            " WHERE payout_id = :id AND item.beneficiary_kind = 'agent' AND NOT EXISTS ("
            "   SELECT FROM payout_items WHERE payout_id = :id AND statement_id = other.id) LIMIT 2"
        ),
        {"id": UUID(ids[1])},
    )

    whole = (await get(client, MISSING, officer()))["items"]
    paged: list[dict[str, Any]] = []
    cursor: str | None = ""
    for _ in range(3):
        page = await get(client, f"{MISSING}?limit=2{cursor and f'&cursor={cursor}'}", officer())
        paged += page["items"]
        cursor = page["next_cursor"]

    assert (len(whole), cursor) == (5, None)
    assert paged == whole == sorted(whole, key=order_of)
    assert whole[-1]["payout_id"] == ids[0]
    assert [each["amount"] for each in whole].count(975) == 2
    # Of three agents of one payout, one answers.
    await answer(villages[1], ids[1], True)
    kept = (await get(client, MISSING, officer()))["items"]
    answered = str(villages[1].agent_id)
    assert kept == [each for each in whole if each["agent_id"] != answered] != whole


def order_of(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["settled_at"], row["payout_id"], row["agent_id"]


async def test_the_list_is_of_one_payout_one_wadah_or_what_was_paid_before_a_day(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    earn: Earn,
    release: Release,
) -> None:
    villages = await earn(3, 3, pays=PaymentMethod.WADAH)
    run_id = await release()
    await pay(session, run_id)
    ids = await list_payouts(session, run_id, *villages)
    (long_ago,) = await session.scalars(
        text(
            "UPDATE payouts SET settled_at = settled_at - interval '9 days' WHERE id = :id"
            " RETURNING settled_at"
        ),
        {"id": UUID(ids[0])},
    )
    day = jakarta_date(long_ago)

    async def find(query: str) -> list[str]:
        listed = await get(client, f"{MISSING}?{query}", officer())
        return [each["payout_id"] for each in listed["items"]]

    assert await find("") == ids
    assert await find(f"payout_id={ids[1]}") == [ids[1]]
    assert await find(f"wadah_id={villages[0].wadah_id}") == [ids[0]]
    assert await find(f"settled_before={day}") == []
    assert await find(f"settled_before={day + timedelta(days=1)}") == [ids[0]]
    assert await find(f"settled_before={day}&payout_id={ids[1]}") == []


async def test_a_cursor_of_another_list_is_refused(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    answer = await client.get(f"{MISSING}?cursor=bm90LWEtY3Vyc29y", headers=officer())

    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")


async def test_a_wadah_reads_what_it_is_paid_for_each_agent_and_who_confirmed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    earn: Earn,
    release: Release,
    answer: Answer,
    wire: Wire,
    book: PayeeBook,
) -> None:
    first = Village()
    second = Village(wadah_id=first.wadah_id)
    await know(session, book, first, second, pays=PaymentMethod.WADAH)
    await earn(3, 3, pays=PaymentMethod.WADAH, villages=[first, second])
    run_id = await release()
    await pay(session, run_id)
    (payout_id,) = await list_payouts(session, run_id, first)
    await answer(first, payout_id, False)
    wire.answer("agent", answer_names)
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=first.wadah_id)
    path = f"/v1/me/payouts/{payout_id}/parts"

    page = await get(client, f"{path}?limit=1", wadah)
    reads = (await session.scalars(select(ReadAudit).order_by(ReadAudit.id.desc()))).first()
    rest = await get(client, f"{path}?limit=1&cursor={page['next_cursor']}", wadah)

    assert reads is not None
    assert [str(each) for each in reads.ids] == [page["items"][0]["agent_id"]]
    found = {each["agent_id"]: each for each in page["items"] + rest["items"]}
    assert set(found) == {str(first.agent_id), str(second.agent_id)}
    assert found[str(first.agent_id)] == {
        "agent_id": str(first.agent_id),
        "agent_name": AGENT_NAME,
        "month": "2025-11",
        "statement_count": 1,
        "set_off": 0,
        "gross": 16_560,
        "tax": 414,
        "amount": 16_146,
        "is_received": False,
    }
    assert found[str(second.agent_id)]["is_received"] is None
    (whole,) = (await get(client, "/v1/me/payouts", wadah))["items"]
    assert whole["gross"] == 2 * (16_560 + 1_656)
    other = tokens.make(Role.WADAH_ADMIN, wadah_id=new_id())
    assert (await client.get(path, headers=other)).status_code == 404
    agent = tokens.make(Role.AGENT, agent_id=first.agent_id, wadah_id=first.wadah_id)
    assert (await client.get(path, headers=agent)).status_code == 403
