"""Accounts of ours, and the stop of all payouts, over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts import queries, service
from payment_service.payout_accounts.models import PayoutStop
from payment_service.payout_accounts.rules import StopStep
from perisai_kit.domain import clock
from perisai_kit.domain.ids import new_id

ACCOUNTS, STOPS = "/v1/payout-accounts", "/v1/payout-stops"
Officer = Callable[[], dict[str, str]]
FILE = {
    "name": "Rekening operasional",
    "bank_code": "014",
    "channel": "file",
    "account_no": "1234567890",
    "file_format": "generic-csv",
}


def again(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": str(new_id())}


async def register(client: httpx.AsyncClient, officer: dict[str, str], **more: Any) -> Any:
    answer = await client.post(ACCOUNTS, json={**FILE, **more}, headers=officer)
    assert answer.status_code == 201, answer.text
    return answer


async def test_an_account_is_activated_by_another_person_who_read_it(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    first, second = officer(), officer()
    made = await register(client, first)
    path = f"{ACCOUNTS}/{made.json()['id']}"
    tag = {"If-Match": made.headers["ETag"]}

    own = await client.post(f"{path}/activation", headers={**again(first), **tag})
    stale = await client.post(f"{path}/activation", headers={**second, "If-Match": '"9"'})
    active = await client.post(f"{path}/activation", headers={**again(second), **tag})

    assert (own.status_code, own.json()["code"]) == (403, "own_payout_account")
    assert stale.status_code == 412
    assert (active.status_code, active.json()["status"]) == (200, "active")


async def test_limits_that_are_left_out_are_the_configured_ones(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    made = (await register(client, officer(), transfer_max=1_000_000)).json()

    assert (made["transfer_max"], made["daily_cap"]) == (1_000_000, 5_000_000_000)
    assert (made["batch_max"], made["cut_off"]) == (1_000, "15:00")
    assert made["account_no_masked"] == "******7890"


async def test_limits_of_an_active_account_cannot_be_changed(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    first, second = officer(), officer()
    path = f"{ACCOUNTS}/{(await register(client, first)).json()['id']}"
    limits = {"daily_cap": 2_000_000, "transfer_max": 1_000_000}
    await client.post(f"{path}/activation", headers={**second, "If-Match": "*"})

    refused = await client.put(f"{path}/limits", json=limits, headers=again(first))
    await client.post(f"{path}/suspension", headers=again(first))
    changed = await client.put(f"{path}/limits", json=limits, headers=again(second))
    own = await client.post(f"{path}/activation", headers={**again(second), "If-Match": "*"})

    assert (refused.status_code, refused.json()["code"]) == (409, "payout_account_active")
    assert changed.json()["daily_cap"] == 2_000_000
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_account")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"channel": "snap", "file_format": None}, "payout_channel_unusable"),
        ({"file_format": None}, "payout_channel_unusable"),
        ({"daily_cap": 1}, "payout_limits_unusable"),
    ],
)
async def test_an_account_that_could_not_pay_is_refused(
    client: httpx.AsyncClient, officer: Officer, form: dict[str, Any], code: str
) -> None:
    answer = await client.post(ACCOUNTS, json={**FILE, **form}, headers=officer())

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_one_officer_stops_and_two_resume(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    first, second = officer(), officer()
    reason = {"reason": "Saldo tidak sesuai."}
    proposal, decision = f"{STOPS}/resumption", f"{STOPS}/resumption/decision"

    early = await client.post(proposal, headers=first)
    stopped = await client.post(STOPS, json=reason, headers=again(first))
    twice = await client.post(STOPS, json=reason, headers=again(second))
    unproposed = await client.post(decision, json={"verdict": "confirmed"}, headers=again(second))
    await client.post(proposal, headers=again(first))
    own = await client.post(decision, json={"verdict": "confirmed"}, headers=again(first))
    still = await service.is_stopped(session)
    resumed = await client.post(decision, json={"verdict": "confirmed"}, headers=again(second))

    assert (early.status_code, early.json()["code"]) == (409, "payouts_not_stopped")
    assert (stopped.status_code, stopped.json()["reason"]) == (201, reason["reason"])
    assert twice.json() == stopped.json()
    assert unproposed.json()["code"] == "payout_resumption_not_proposed"
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_resumption")
    assert still
    assert resumed.json()["step"] == "resumed"
    assert not await service.is_stopped(session)
    listed = (await client.get(STOPS, headers=first)).json()["items"]
    assert [each["step"] for each in listed] == ["resumed", "resume_proposed", "stopped"]


async def test_a_stop_takes_back_a_proposal_to_resume(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    await service.stop(session, reason="saldo", by=new_id())
    await service.propose_resumption(session, by=new_id())

    await service.stop(session, reason="masih", by=new_id())
    answer = await client.post(
        f"{STOPS}/resumption/decision", json={"verdict": "confirmed"}, headers=officer()
    )

    assert answer.json()["code"] == "payout_resumption_not_proposed"
    assert await service.is_stopped(session)


async def test_of_two_steps_at_once_the_second_finds_its_number_taken(
    session: AsyncSession,
) -> None:
    first, second = [
        PayoutStop(
            id=new_id(),
            number=1,
            step=StopStep.STOPPED,
            taken_by=new_id(),
            taken_at=clock.now(),
        )
        for _ in range(2)
    ]

    assert await queries.insert_once_stop(session, first) is not None
    assert await queries.insert_once_stop(session, second) is None
