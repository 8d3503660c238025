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


@pytest.mark.parametrize(
    ("differences", "code", "pointer"),
    [
        ({"outcome": "paid"}, "execution_day_missing", "/executed_on"),
        ({"executed_on": "2026-11-04"}, "execution_day_unused", "/executed_on"),
        (
            {"outcome": "returned", "executed_on": "2026-10-31"},
            "execution_day_impossible",
            "/executed_on",
        ),
        (
            {"outcome": "paid", "executed_on": "2026-11-05"},
            "execution_day_impossible",
            "/executed_on",
        ),
    ],
)
async def test_a_day_that_is_missing_or_cannot_be_is_refused_with_its_field(
    client: httpx.AsyncClient,
    path: str,
    officer: Officer,
    differences: dict[str, str],
    code: str,
    pointer: str,
) -> None:
    """It was sent on 1 November, and today is the fourth."""
    refused = await post(client, path, {**FORM, **differences}, officer())

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, code)
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


async def test_the_day_that_was_proposed_is_shown_and_counts(
    client: httpx.AsyncClient, path: str, officer: Officer
) -> None:
    body = {**FORM, "outcome": "paid", "executed_on": "2026-11-02"}

    made = (await post(client, path, body, officer())).json()
    await post(client, f"{path}/{made['id']}/decision", {"verdict": "approved"}, officer())
    (listed,) = (await client.get(path, headers=officer())).json()["items"]
    payout = await client.get(f"/v1/payouts/{made['payout_id']}", headers=officer())

    assert made["executed_on"] == listed["executed_on"] == "2026-11-02"
    last = payout.json()["history"][-1]
    assert (last["status"], last["executed_on"], last["stated_on"]) == (
        "paid",
        "2026-11-02",
        "2026-11-02",
    )
    assert payout.json()["settled_at"].startswith("2026-11-04")
