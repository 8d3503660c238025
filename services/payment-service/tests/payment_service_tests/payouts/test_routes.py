"""The walk of two officers over HTTP, and what agents and wadahs see of it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.office import REFUSED, Office, list_transfers, pay, send, verify_all
from payment_service_tests.village import Village, apply_all, apply_events, book, noon
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.month_lists.tasks import DueWatch, unclosed_months, unpaid_statements
from payment_service.payout_accounts.models import PayoutAccount
from payment_service.payouts import service as payouts
from payment_service.settings import Settings
from perisai_kit.auth.principal import Role
from perisai_kit.domain.month import Month
from perisai_kit.testing.plugin import BusinessTime, Tokens

NOVEMBER = Month(2025, 11)
Earn = Callable[..., Awaitable[list[Village]]]
Officer = Callable[[], dict[str, str]]
RUNS = "/v1/payout-runs"


async def get(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> Any:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_two_officers_pay_a_month(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    office: Office,
    account: PayoutAccount,
    earner: Village,
) -> None:
    first, second = officer(), officer()
    asked = {"through_month": "2025-11", "payout_account_id": str(account.id)}

    unproven = await client.post(RUNS, json=asked, headers=rekey(first))
    await verify_all(office.database)
    proposed = await client.post(RUNS, json=asked, headers=first)
    repeated = await client.post(RUNS, json=asked, headers=first)
    run_id = proposed.json()["id"]
    path = f"{RUNS}/{run_id}"
    await office.work()
    own = await client.post(f"{path}/decision", json={"verdict": "approved"}, headers=rekey(first))
    approved = await client.post(f"{path}/decision", json={"verdict": "approved"}, headers=second)
    released = await client.post(f"{path}/release", headers=rekey(second))
    await office.work()
    await pay(session, UUID(run_id))
    await office.work()

    assert (unproven.status_code, unproven.json()["code"]) == (409, "payout_month_unproven")
    assert unproven.json()["details"] == {"months": {"2025-11": "pending"}}
    assert (proposed.status_code, proposed.json()["status"]) == (201, "preparing")
    assert repeated.json() == proposed.json()
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_run")
    assert approved.json()["figures"]["amount"] == 16_146 + 1_623
    assert released.json()["status"] == "released"
    detail = await get(client, path, second)
    assert detail["status"] == "done"
    assert detail["progress"] == [
        {"status": "paid", "withdrawn_reason": None, "payout_count": 2, "amount": 17_769}
    ]
    listed = await get(client, f"{path}/payouts?status=paid", second)
    assert {each["payee_id"] for each in listed["items"]} == {
        str(earner.agent_id),
        str(earner.wadah_id),
    }
    assert {each["account_no"][:6] for each in listed["items"]} == {"******"}
    assert (await get(client, f"{RUNS}?status=done", second))["items"][0]["id"] == run_id


def rekey(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": headers["Idempotency-Key"] + "-again"}


async def test_a_failed_payout_shows_its_history_and_waits_for_an_officer(
    client: httpx.AsyncClient,
    session: AsyncSession,
    officer: Officer,
    run_id: UUID,
) -> None:
    first, second = await list_transfers(session, run_id)
    for each in (first, second):
        await send(session, each.id)
        await payouts.mark_failed(session, each.id, REFUSED)

    retried = await client.post(f"/v1/payouts/{first.payout_id}/retry", headers=officer())
    again = await client.post(f"/v1/payouts/{first.payout_id}/retry", headers=officer())
    given_up = await client.post(f"/v1/payouts/{second.payout_id}/withdrawal", headers=officer())

    assert retried.json()["status"] == "created"
    history = [(each["status"], each["source"]) for each in retried.json()["history"]]
    assert history == [
        ("created", "worker"),
        ("sent", "worker"),
        ("failed", "bank_answer"),
        ("created", "officer"),
    ]
    assert [each["attempt"] for each in retried.json()["transfers"]] == [1, 2]
    assert (again.status_code, again.json()["code"]) == (409, "payout_not_failed")
    assert given_up.json()["withdrawn_reason"] == "given_up"
    assert [each["is_live"] for each in given_up.json()["items"]] == [False]
    failed = await get(client, "/v1/payouts?status=failed", officer())
    assert [each["id"] for each in failed["items"]] == [str(second.payout_id)]


async def test_a_statement_says_whether_it_is_paid(
    client: httpx.AsyncClient,
    session: AsyncSession,
    tokens: Tokens,
    office: Office,
    account: PayoutAccount,
    earner: Village,
) -> None:
    agent = tokens.make(Role.AGENT, agent_id=earner.agent_id, wadah_id=earner.wadah_id)

    async def read() -> tuple[str, int, str]:
        (statement,) = (await get(client, "/v1/statements", agent))["items"]
        own = await get(client, "/v1/me/incentive", agent)
        month = next(each for each in own["earlier"] if each["month"] == "2025-11")
        return statement["payout_status"], statement["payable_now"], month["payout_status"]

    seen = [await read()]
    run_id = await office.prepare(account.id, NOVEMBER)
    seen.append(await read())
    await office.release(run_id)
    await pay(session, run_id)
    seen.append(await read())
    for each in await list_transfers(session, run_id):
        await payouts.mark_returned(session, each.id, REFUSED)
    seen.append(await read())

    assert seen == [
        ("unpaid", 16_560, "unpaid"),
        ("in_payment", 0, "in_payment"),
        ("paid", 0, "paid"),
        ("returned", 16_560, "returned"),
    ]


async def test_a_document_says_who_is_paid_and_whether(
    client: httpx.AsyncClient,
    tokens: Tokens,
    earner: Village,
    office: Office,
    account: PayoutAccount,
) -> None:
    await office.prepare(account.id, NOVEMBER)
    agent = tokens.make(Role.AGENT, agent_id=earner.agent_id, wadah_id=earner.wadah_id)
    (statement,) = (await get(client, "/v1/statements", agent))["items"]

    document = await get(client, f"/v1/statements/{statement['id']}/document", agent)
    wadah = tokens.make(Role.WADAH_ADMIN, wadah_id=earner.wadah_id)
    month = f"month=2025-11&wadah_id={earner.wadah_id}"
    listed = await client.get(f"/v1/statement-documents/file?{month}&format=csv", headers=wadah)

    assert document["statement"]["payout_status"] == "in_payment"
    assert "payout_status" in listed.text.splitlines()[0]
    assert listed.text.count("Sedang diproses") == 2


@pytest.mark.parametrize(
    ("day", "status", "counted"),
    [(2, "on_time", (0, 0)), (4, "due_soon", (0, 2)), (6, "late", (2, 0))],
)
@pytest.mark.usefixtures("earner")
async def test_unpaid_statements_warn_before_they_are_late(
    client: httpx.AsyncClient,
    office: Office,
    settings: Settings,
    officer: Officer,
    business_time: BusinessTime,
    day: int,
    status: str,
    counted: tuple[int, int],
) -> None:
    business_time.at(noon(NOVEMBER.plus(1), day))

    await DueWatch(settings).run(office.database)

    listed = await get(client, "/v1/commission-months", officer())
    month = next(each for each in listed["items"] if each["month"] == "2025-11")
    assert (month["payout_status"], month["payout_due_on"]) == (status, "2025-12-05")
    assert (month["unpaid_count"], month["unpaid_amount"]) == (2, 18_216)
    measured = [unpaid_statements.labels(each)._value.get() for each in ("late", "due_soon")]
    assert tuple(measured) == counted


@pytest.mark.parametrize(
    ("day", "is_computed", "status", "counted"),
    [
        (2, True, "on_time", (0, 0)),
        (4, True, "due_soon", (0, 1)),
        (6, True, "late", (1, 0)),
        (6, False, "late", (1, 0)),
    ],
)
async def test_a_month_that_nobody_closes_warns_before_it_is_late(
    client: httpx.AsyncClient,
    session: AsyncSession,
    office: Office,
    settings: Settings,
    officer: Officer,
    business_time: BusinessTime,
    day: int,
    is_computed: bool,
    status: str,
    counted: tuple[int, int],
) -> None:
    village = Village()
    village.enrol(3, NOVEMBER)
    if is_computed:
        await apply_all(session, village)
    else:
        await book(session, village.settled)
        await apply_events(session, village.settled)
    business_time.at(noon(NOVEMBER.plus(1), day))

    await DueWatch(settings).run(office.database)

    listed = await get(client, "/v1/commission-months", officer())
    (month,) = [each for each in listed["items"] if each["month"] == "2025-11"]
    assert (month["status"], month["payout_status"]) == ("open", status)
    assert month["unpaid_count"] is None
    measured = [unclosed_months.labels(each)._value.get() for each in ("late", "due_soon")]
    assert tuple(measured) == counted


async def test_a_month_that_is_paid_is_never_late(
    client: httpx.AsyncClient,
    session: AsyncSession,
    office: Office,
    settings: Settings,
    officer: Officer,
    run_id: UUID,
) -> None:
    await pay(session, run_id)

    await DueWatch(settings).run(office.database)

    listed = await get(client, "/v1/commission-months", officer())
    month = next(each for each in listed["items"] if each["month"] == "2025-11")
    assert (month["payout_status"], month["unpaid_count"]) == ("paid", 0)
