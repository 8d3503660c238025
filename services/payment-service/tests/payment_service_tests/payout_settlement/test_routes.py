from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.payout_world import World, make_payouts

from payment_service.payout_transfers.rules import TransferStatus
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

FORM = {"outcome": "failed", "evidence": "Surat bank nomor 118."}
Officer = Callable[[], dict[str, str]]


@pytest.fixture
def officer(tokens: Tokens) -> Officer:
    """Another finance officer of the country each time."""
    country = {"kind": ScopeKind.COUNTRY}
    return lambda: tokens.make(Role.FINANCE_OFFICER, scope=country, account_id=new_id())


@pytest.fixture
async def transfer_id(world: World) -> UUID:
    """A transfer of which nobody has known for days what has become of it."""
    (id_,) = await make_payouts(world.database, 1)
    world.bank.script = ["unheard"]
    await world.send(id_)
    await world.age(id_, hours=73)
    return id_


@pytest.fixture
async def path(world: World, transfer_id: UUID) -> str:
    payout_id = (await world.find(transfer_id)).payout_id
    return f"/v1/payouts/{payout_id}/settlement-proposals"


async def post(
    client: httpx.AsyncClient, path: str, body: Any, headers: dict[str, str]
) -> httpx.Response:
    keyed = {**headers, "Idempotency-Key": str(new_id())}
    return await client.post(path, json=body, headers=keyed)


async def test_one_officer_proposes_and_another_one_settles(
    client: httpx.AsyncClient, world: World, transfer_id: UUID, path: str, officer: Officer
) -> None:
    first = officer()

    made = await post(client, path, FORM, first)
    own = await post(client, f"{path}/{made.json()['id']}/decision", {"verdict": "approved"}, first)
    decided = await post(
        client, f"{path}/{made.json()['id']}/decision", {"verdict": "approved"}, officer()
    )
    listed = await client.get(path, headers=first)

    assert made.status_code == 201
    assert (own.status_code, own.json()["code"]) == (403, "own_payout_settlement_proposal")
    assert decided.status_code == 200
    assert decided.json()["status"] == "approved"
    assert [each["evidence"] for each in listed.json()["items"]] == [FORM["evidence"]]
    assert await world.status(transfer_id) is TransferStatus.FAILED


async def test_a_second_proposal_waits_for_the_first(
    client: httpx.AsyncClient, path: str, officer: Officer
) -> None:
    await post(client, path, FORM, officer())

    again = await post(client, path, FORM, officer())

    assert (again.status_code, again.json()["code"]) == (409, "payout_settlement_proposal_open")


async def test_what_is_settled_needs_no_proposal(
    client: httpx.AsyncClient, world: World, transfer_id: UUID, path: str, officer: Officer
) -> None:
    world.bank.statuses = ["00"]
    await world.ask(transfer_id)

    refused = await post(client, path, FORM, officer())

    assert (refused.status_code, refused.json()["code"]) == (409, "payout_not_unknown")


async def test_an_unknown_payout_or_proposal_is_not_found(
    client: httpx.AsyncClient, path: str, officer: Officer
) -> None:
    other = f"/v1/payouts/{new_id()}/settlement-proposals"
    verdict = {"verdict": "rejected"}

    answers = [
        await post(client, other, FORM, officer()),
        await client.get(other, headers=officer()),
        await post(client, f"{other}/{new_id()}/decision", verdict, officer()),
        await post(client, f"{path}/{new_id()}/decision", verdict, officer()),
    ]

    assert [each.json()["code"] for each in answers] == [
        "payout_not_found",
        "payout_not_found",
        "payout_not_found",
        "payout_settlement_proposal_not_found",
    ]
