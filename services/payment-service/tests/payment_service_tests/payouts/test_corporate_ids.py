"""By which id the bank of an account of ours knows us, over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from payment_service_tests.payout_world import make_account
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.payout_accounts.rules import (
    PayoutAccountStatus,
    PayoutCorporateIdRequired,
    PayoutCorporateIdUnused,
    check_corporate_id,
)
from perisai_kit.domain.ids import new_id

ACCOUNTS = "/v1/payout-accounts"
ID = "KBBPERISAI"
DRAFT = PayoutAccountStatus.DRAFT
Officer = Callable[[], dict[str, str]]


def again(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Idempotency-Key": str(new_id())}


def read_refusal(answer: httpx.Response) -> tuple[int, str, str]:
    problem = answer.json()
    return answer.status_code, problem["code"], problem["errors"][0]["pointer"]


@pytest.mark.parametrize(("corporate_id", "is_needed"), [(ID, True), (None, False)])
def test_an_account_has_the_corporate_id_that_its_bank_needs(
    corporate_id: str | None, is_needed: bool
) -> None:
    check_corporate_id(corporate_id, is_needed=is_needed)


@pytest.mark.parametrize(
    ("corporate_id", "is_needed", "refusal"),
    [(None, True, PayoutCorporateIdRequired), (ID, False, PayoutCorporateIdUnused)],
)
def test_another_account_is_refused(
    corporate_id: str | None, is_needed: bool, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        check_corporate_id(corporate_id, is_needed=is_needed)


async def register(
    client: httpx.AsyncClient, session: AsyncSession, officer: dict[str, str], **more: Any
) -> httpx.Response:
    """Register an account at a bank of that profile."""
    known = await make_account(session, profile=more.pop("profile"))
    form = {
        "name": "Rekening operasional",
        "bank_code": "014",
        "channel": "snap",
        "account_no": "1234567890",
        "bank_partner_id": str(known.bank_partner_id),
        **more,
    }
    return await client.post(ACCOUNTS, json=form, headers=officer)


async def test_an_account_at_bca_is_registered_with_our_corporate_id(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    refused = await register(client, session, officer(), profile="bca")
    made = await register(client, session, officer(), profile="bca", corporate_id=ID)

    assert read_refusal(refused) == (422, "payout_corporate_id_required", "/corporate_id")
    assert (made.status_code, made.json()["corporate_id"]) == (201, ID)


async def test_an_account_elsewhere_has_none(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    refused = await register(client, session, officer(), profile="generic-hmac", corporate_id=ID)
    made = await register(client, session, officer(), profile="generic-hmac")

    assert read_refusal(refused) == (422, "payout_corporate_id_unused", "/corporate_id")
    assert (made.status_code, made.json()["corporate_id"]) == (201, None)


async def test_an_account_paid_from_by_file_has_none(
    client: httpx.AsyncClient, officer: Officer
) -> None:
    form = {
        "name": "Rekening operasional",
        "bank_code": "014",
        "channel": "file",
        "account_no": "1234567890",
        "file_format": "generic-csv",
        "corporate_id": ID,
    }

    answer = await client.post(ACCOUNTS, json=form, headers=officer())

    assert read_refusal(answer) == (422, "payout_corporate_id_unused", "/corporate_id")


async def test_a_replaced_id_is_confirmed_by_another_person(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    first, second = officer(), officer()
    path = f"{ACCOUNTS}/{(await make_account(session, profile='bca')).id}"
    new, any_version = {"corporate_id": "KBBBARU"}, {"If-Match": "*"}

    active = await client.put(f"{path}/corporate-id", json=new, headers=first)
    await client.post(f"{path}/suspension", headers=again(second))
    changed = await client.put(f"{path}/corporate-id", json=new, headers=first)
    own = await client.post(f"{path}/activation", headers={**again(first), **any_version})
    another = await client.post(f"{path}/activation", headers={**again(officer()), **any_version})

    assert (active.status_code, active.json()["code"]) == (409, "payout_account_active")
    assert (changed.status_code, changed.json()["corporate_id"]) == (200, "KBBBARU")
    assert changed.headers["ETag"] != another.headers["ETag"]
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_account")
    assert (another.status_code, another.json()["status"]) == (200, "active")


async def test_an_id_that_a_bank_never_uses_cannot_be_set_later(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    account = await make_account(session, status=DRAFT)

    answer = await client.put(
        f"{ACCOUNTS}/{account.id}/corporate-id", json={"corporate_id": ID}, headers=officer()
    )

    assert read_refusal(answer) == (422, "payout_corporate_id_unused", "/corporate_id")


async def test_an_account_without_the_id_that_its_bank_needs_is_not_activated(
    client: httpx.AsyncClient, session: AsyncSession, officer: Officer
) -> None:
    account = await make_account(session, profile="bca", corporate_id=None, status=DRAFT)

    answer = await client.post(
        f"{ACCOUNTS}/{account.id}/activation", headers={**officer(), "If-Match": "*"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "payout_corporate_id_required")
