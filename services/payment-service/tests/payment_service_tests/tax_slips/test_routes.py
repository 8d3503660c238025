import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.taxes.conftest import (
    PAID_ON,
    RETURNED_ON,
    make_earning,
    make_wadah_payout,
    withhold,
)
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.tax_slips import service as slips
from payment_service.taxes import service
from payment_service.taxes.rules import TaxIdentity, TaxKind, TaxPolicy
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.domain.nik import NikStatus
from perisai_kit.testing.plugin import Tokens, Wire

DECEMBER = "2026-12"
COUNTRY = {"kind": "country"}


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_slip_says_what_was_withheld_and_that_it_is_a_draft(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    identity = TaxIdentity(new_id(), has_npwp=False, nik_status=NikStatus.UNVERIFIED)
    earning = make_earning(200_000_001, identity=identity)
    await withhold(session, earning)

    (slip,) = items(await client.get("/v1/tax-slips", headers=finance))

    assert {name: slip[name] for name in ("draft", "notice", "form", "month", "returned_on")} == {
        "draft": True,
        "notice": "draft, check with a tax adviser",
        "form": "1721-VI",
        "month": DECEMBER,
        "returned_on": None,
    }
    assert slip["notice_id"].startswith("draf, periksakan")
    assert (slip["gross"], slip["base"], slip["amount"]) == (200_000_001, 100_000_000, 10_800_000)
    assert slip["lines"] == [
        {"step": "bracket", "taxed": 60_000_000, "rate_bps": 500, "exact": 30_000_000_000},
        {"step": "bracket", "taxed": 40_000_000, "rate_bps": 1500, "exact": 60_000_000_000},
        {"step": "surcharge", "taxed": None, "rate_bps": 2000, "exact": 18_000_000_000},
    ]
    path = f"/v1/tax-slips/{slip['id']}"
    assert (await client.get(path, headers=finance)).json() == slip


async def test_slips_of_a_month_are_paged_and_leave_out_what_was_not_taxed(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    for _ in range(3):
        await withhold(session, make_earning())
    await withhold(session, make_earning(), paid_on=RETURNED_ON)
    untaxed = TaxPolicy(wadah_entity=TaxKind.NONE)
    await withhold(session, *make_wadah_payout(), policy=untaxed)

    found = list[str]()
    cursor: str | None = ""
    while cursor is not None:
        query = {"month": DECEMBER, "limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = await client.get("/v1/tax-slips", params=query, headers=finance)
        found += [each["id"] for each in items(answer)]
        cursor = answer.json()["next_cursor"]

    assert len(found) == len(set(found)) == 3


async def test_a_returned_payment_keeps_its_slip_with_the_day_of_the_return(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    payout_id = await withhold(session, make_earning())
    await service.reverse(session, payout_id, returned_on=RETURNED_ON)

    (slip,) = items(await client.get("/v1/tax-slips", headers=finance))

    assert slip["returned_on"] == RETURNED_ON.isoformat()
    assert slip["amount"] == 25_000


async def test_the_export_has_a_line_for_each_slip_of_the_month(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    earnings = make_wadah_payout(agents=[1_000_000])
    await withhold(session, *earnings)
    await withhold(session, make_earning(), paid_on=RETURNED_ON)

    answer = await client.get("/v1/tax-slips/export", params={"month": DECEMBER}, headers=finance)

    rows = {each["beneficiary_id"]: each for each in csv.DictReader(io.StringIO(answer.text))}
    wadah, agent = (rows.pop(str(each.beneficiary_id)) for each in earnings)
    assert rows == {}
    assert (wadah["kind"], wadah["form"], wadah["amount"]) == ("pph23", "", "100000")
    assert (agent["kind"], agent["form"], agent["amount"]) == ("pph21", "1721-VI", "25000")
    assert agent["notice"] == "draft, check with a tax adviser"


async def test_the_recap_adds_up_a_year_net_of_returns(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    first = make_earning(1_000_000)
    agent = {"payee_id": first.payee_id, "beneficiary_id": first.beneficiary_id}
    await withhold(session, first)
    returned = await withhold(session, make_earning(7_000_000, **agent))
    await service.reverse(session, returned, returned_on=RETURNED_ON)
    await withhold(session, make_earning(3_000_000, **agent))
    await withhold(session, make_earning(9_000_000, **agent), paid_on=RETURNED_ON)

    (recap,) = items(await client.get("/v1/tax-recaps/2026", headers=finance))
    text = (await client.get("/v1/tax-recaps/2026/export", headers=finance)).text

    assert (recap["draft"], recap["beneficiary_id"]) == (True, str(first.beneficiary_id))
    sums = {
        "kind": "pph21",
        "payment_count": 2,
        "gross": 4_000_000,
        "base": 2_000_000,
        "amount": 100_000,
    }
    assert recap["taxes"] == [sums]
    (line,) = csv.DictReader(io.StringIO(text))
    assert {name: line[name] for name in sums} == {name: f"{sums[name]}" for name in sums}


async def test_recaps_are_paged_by_taxpayer(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    for _ in range(3):
        await withhold(session, *make_wadah_payout(agents=[1_000_000]))

    found = list[str]()
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "4", **({"cursor": cursor} if cursor else {})}
        answer = await client.get("/v1/tax-recaps/2026", params=query, headers=finance)
        found += [each["beneficiary_id"] for each in items(answer)]
        cursor = answer.json()["next_cursor"]

    assert len(found) == len(set(found)) == 6


async def test_people_see_their_own_slips_and_recap_and_no_others(
    client: httpx.AsyncClient, session: AsyncSession, tokens: Tokens
) -> None:
    earnings = make_wadah_payout(gross=5_000_000, agents=[1_000_000, 2_000_000])
    await withhold(session, *earnings)
    wadah_id, agent_id = earnings[0].beneficiary_id, earnings[1].beneficiary_id
    people = {
        "agent": tokens.make(Role.AGENT, agent_id=agent_id, wadah_id=wadah_id),
        "wadah": tokens.make(Role.WADAH_ADMIN, wadah_id=wadah_id),
        "another": tokens.make(Role.AGENT, agent_id=new_id()),
    }

    found = {}
    for name, headers in people.items():
        own = items(await client.get("/v1/me/tax-slips", headers=headers))
        recap = (await client.get("/v1/me/tax-recaps/2026", headers=headers)).json()
        found[name] = [each["amount"] for each in own], [each["amount"] for each in recap["taxes"]]

    assert found == {
        "agent": ([25_000], [25_000]),
        "wadah": ([100_000], [100_000]),
        "another": ([], []),
    }


async def test_an_account_that_is_nobody_has_no_slips(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    answer = await client.get("/v1/me/tax-slips", headers=tokens.make(Role.AGENT))

    assert (answer.status_code, answer.json()["code"]) == (404, "beneficiary_not_found")


async def test_the_identity_of_a_slip_is_asked_for_the_day_of_the_payment(
    client: httpx.AsyncClient,
    session: AsyncSession,
    finance: dict[str, str],
    wire: Wire,
    tokens: Tokens,
) -> None:
    earning = make_earning()
    await withhold(session, earning)
    (slip,) = items(await client.get("/v1/tax-slips", headers=finance))
    asked = list[bytes]()
    wire.answer("agent", make_agent_service(earning.beneficiary_id, asked))

    answer = await client.get(f"/v1/tax-slips/{slip['id']}/identity", headers=finance)
    auditor = tokens.make(Role.AUDITOR, scope=COUNTRY)
    refused = await client.get(f"/v1/tax-slips/{slip['id']}/identity", headers=auditor)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {**slip, "name": "Siti Aminah", "npwp": "1234567890123456"}
    assert PAID_ON.isoformat().encode() in asked[0]
    assert refused.status_code == 403


async def test_an_unknown_slip_is_not_found(
    client: httpx.AsyncClient, finance: dict[str, str]
) -> None:
    answer = await client.get(f"/v1/tax-slips/{new_id()}", headers=finance)

    assert (answer.status_code, answer.json()["code"]) == (404, "tax_slip_not_found")


async def test_the_exports_go_on_beyond_one_batch(session: AsyncSession) -> None:
    for _ in range(3):
        await withhold(session, make_earning())

    exported = [slip async for slip in slips.export_slips(session, Month(2026, 12), batch=2)]
    recaps = [each async for each in slips.export_recaps(session, 2026, batch=2)]

    assert (len(exported), len(recaps)) == (3, 3)


def make_agent_service(
    agent_id: UUID, asked: list[bytes]
) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/agent-names":
            named = {"agent_id": str(agent_id), "full_name": "Siti Aminah"}
            return httpx.Response(200, json={"items": [named]})
        asked.append(request.content)
        tax = {
            "tax_identity_id": str(new_id()),
            "npwp": "1234567890123456",
            "nik_status": "unverified",
            "holds_from": "2024-01-01",
        }
        payee = {
            "holder_kind": "agent",
            "holder_id": str(agent_id),
            "legal_entity": None,
            "account": None,
            "tax": tax,
        }
        return httpx.Response(200, json={"items": [payee]})

    return answer
