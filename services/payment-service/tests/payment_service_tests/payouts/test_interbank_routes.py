"""The choice of the network to other banks, over HTTP."""

from typing import Any

import httpx
import pytest
from payment_service_tests.payout_world import make_account
from payment_service_tests.payouts.test_corporate_ids import (
    ACCOUNTS,
    DRAFT,
    ID,
    Officer,
    again,
    read_refusal,
    register,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.rules import PayoutRouteUnusable, check_interbank_route
from snap_bi.transfer_rules import InterbankRoute

SWITCH, BI_FAST = InterbankRoute.SWITCH, InterbankRoute.BI_FAST
REFUSED = (422, "payout_route_unusable", "/interbank_route")


@pytest.mark.parametrize(
    ("route", "offered"), [(None, []), (None, [SWITCH]), (SWITCH, [SWITCH, BI_FAST])]
)
def test_a_route_that_the_bank_offers_can_be_chosen(
    route: InterbankRoute | None, offered: list[InterbankRoute]
) -> None:
    check_interbank_route(route, offered)


@pytest.mark.parametrize("offered", [[], [BI_FAST]])
def test_another_route_is_refused(offered: list[InterbankRoute]) -> None:
    with pytest.raises(PayoutRouteUnusable):
        check_interbank_route(SWITCH, offered)


@pytest.mark.parametrize("route", ["switch", "bi_fast", None])
async def test_an_account_at_bca_is_registered_with_a_route_or_with_none(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, route: str | None
) -> None:
    more = {"profile": "bca", "corporate_id": ID, "interbank_route": route}

    made = await register(client, session, officer(), **more)

    assert (made.status_code, made.json()["interbank_route"]) == (201, route)


async def test_a_bank_without_a_choice_has_no_route(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    refused = await register(
        client, session, officer(), profile="generic-hmac", interbank_route="switch"
    )
    account = await make_account(session, status=DRAFT)
    path = f"{ACCOUNTS}/{account.id}/interbank-route"
    later = await client.put(path, json={"interbank_route": "bi_fast"}, headers=officer())
    none = await client.put(path, json={"interbank_route": None}, headers=officer())

    assert read_refusal(refused) == REFUSED
    assert read_refusal(later) == REFUSED
    assert (none.status_code, none.json()["interbank_route"]) == (200, None)


async def test_an_account_paid_from_by_file_has_no_route(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    form = {
        "name": "Rekening operasional",
        "bank_code": "014",
        "channel": "file",
        "account_no": "1234567890",
        "file_format": "generic-csv",
        "interbank_route": "switch",
    }

    answer = await client.post(ACCOUNTS, json=form, headers=officer())

    assert read_refusal(answer) == REFUSED


async def test_a_replaced_route_is_confirmed_by_another_person(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    first, second = officer(), officer()
    path = f"{ACCOUNTS}/{(await make_account(session, profile='bca')).id}"
    new, any_version = {"interbank_route": "switch"}, {"If-Match": "*"}

    active = await client.put(f"{path}/interbank-route", json=new, headers=first)
    await client.post(f"{path}/suspension", headers=again(second))
    changed = await client.put(f"{path}/interbank-route", json=new, headers=first)
    own = await client.post(f"{path}/activation", headers={**again(first), **any_version})
    another = await client.post(f"{path}/activation", headers={**again(officer()), **any_version})

    assert (active.status_code, active.json()["code"]) == (409, "payout_account_active")
    assert (changed.status_code, changed.json()["interbank_route"]) == (200, "switch")
    assert changed.headers["ETag"] != another.headers["ETag"]
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_account")
    shown = another.json()
    assert (another.status_code, shown["status"]) == (200, "active")
    assert shown["interbank_route"] == "switch"


async def test_the_default_of_the_bank_is_chosen_again_by_null(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    account = await make_account(session, profile="bca", status=DRAFT, interbank_route=SWITCH)

    answer = await client.put(
        f"{ACCOUNTS}/{account.id}/interbank-route",
        json={"interbank_route": None},
        headers=officer(),
    )

    assert (answer.status_code, answer.json()["interbank_route"]) == (200, None)


@pytest.mark.parametrize("body", [{}, {"interbank_route": "rtgs"}, {"interbank_route": 1}])
async def test_what_is_no_route_is_refused(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer, body: dict[str, Any]
) -> None:
    account = await make_account(session, profile="bca", status=DRAFT)

    answer = await client.put(
        f"{ACCOUNTS}/{account.id}/interbank-route", json=body, headers=officer()
    )

    assert answer.status_code == 422
