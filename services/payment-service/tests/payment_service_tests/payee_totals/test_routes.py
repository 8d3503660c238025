from typing import Any
from uuid import UUID

import httpx
import pytest
from payment_service_tests.payables import (
    CLOSED_AT,
    NOVEMBER,
    make_account,
    make_agreement,
    make_statement,
    store,
    terminate,
)
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.agents.rules import HeldReason
from payment_service.counting.models import Watermark
from payment_service.incentive_statements.models import Statement
from payment_service.payees.rules import PayeeKind
from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.programmes import PaymentMethod
from perisai_kit.testing.plugin import Tokens

PAYEES = "/v1/commission-months/2025-11/payees"
COUNTRY = {"kind": ScopeKind.COUNTRY}
THROUGH, DIRECT, ENDED = (new_id() for _ in range(3))
"""A wadah that is paid for its agents, one whose agents are paid, and one that was terminated."""
AGENTS = {wadah_id: sorted(new_id() for _ in range(2)) for wadah_id in (THROUGH, DIRECT, ENDED)}


@pytest.fixture
async def closed(session: AsyncSession) -> None:
    """A closed month of the three wadahs; one agent of each owes from before, one is unverified."""
    rows: list[object] = [
        make_agreement(THROUGH),
        make_agreement(DIRECT, PaymentMethod.AGENTS),
        make_agreement(ENDED),
        terminate(ENDED, CLOSED_AT),
    ]
    for wadah_id, (first, second) in AGENTS.items():
        held = HeldReason.WADAH_TERMINATED if wadah_id == ENDED else None
        rows += [
            make_statement(wadah_id=wadah_id, agent_id=first, amount=5_000),
            make_statement(wadah_id=wadah_id, agent_id=second, amount=7_000, brought_debt=500),
            make_statement(wadah_id=wadah_id, amount=1_200, held_reason=held),
            make_account(first),
            make_account(wadah_id, PayeeKind.WADAH),
        ]
    await store(session, *rows)


@pytest.fixture
def finance(tokens: Tokens) -> dict[str, str]:
    return tokens.make(Role.FINANCE_OFFICER, scope=COUNTRY)


async def items(
    client: httpx.AsyncClient, headers: dict[str, str], path: str = PAYEES, **params: Any
) -> list[dict[str, Any]]:
    """Return the items of every page."""
    found: list[dict[str, Any]] = []
    for _ in range(10):
        answer = await client.get(path, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        params = {**params, "cursor": answer.json()["next_cursor"]}
    raise AssertionError("more pages than expected")


@pytest.mark.usefixtures("closed")
async def test_each_payee_gets_what_its_statements_say(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    found = await items(client, finance, limit=2)

    got = {UUID(each["payee_id"]): (each["payable"], each["held"]) for each in found}
    assert got == {
        THROUGH: (5_000 + 6_500 + 1_200, 0),
        DIRECT: (1_200, 0),
        AGENTS[DIRECT][0]: (5_000, 0),
        AGENTS[DIRECT][1]: (6_500, 6_500),
        ENDED: (1_200, 1_200),
        AGENTS[ENDED][0]: (5_000, 0),
        AGENTS[ENDED][1]: (6_500, 6_500),
    }
    statements = (await session.scalars(select(Statement))).all()
    assert sum(each["amount"] for each in found) == sum(each.amount for each in statements)
    assert sum(each["statement_count"] for each in found) == len(statements)


@pytest.mark.usefixtures("closed")
async def test_a_wadah_is_found_among_many_agents_who_are_not_paid_themselves(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    agents = [new_id() for _ in range(40)]
    await store(
        session, *(make_statement(wadah_id=THROUGH, agent_id=each, amount=1_000) for each in agents)
    )

    found = await items(client, finance, limit=1)

    payees = [each["payee_id"] for each in found]
    assert len(payees) == 7
    assert payees == sorted({*payees})
    (through,) = (each for each in found if each["payee_id"] == str(THROUGH))
    assert (through["statement_count"], through["payable"]) == (43, 12_700 + 40_000)


@pytest.mark.usefixtures("closed")
async def test_the_breakdown_adds_up_to_the_total(
    client: httpx.AsyncClient, finance: dict[str, str]
) -> None:
    for total in await items(client, finance):
        path = f"{PAYEES}/{total['payee_id']}"
        whole = (await client.get(path, headers=finance)).json()
        paged = await items(client, finance, path, limit=1)

        assert {name: whole[name] for name in total} == total
        assert paged == whole["items"]
        assert sum(each["payable"] for each in paged) == total["payable"]
        held = sum(each["payable"] for each in paged if each["held_reason"])
        assert held == total["held"]
        listed = await items(client, finance, "/v1/statements", payee_id=total["payee_id"])
        assert {each["id"] for each in listed} == {each["statement_id"] for each in paged}
        assert {each["payee"]["id"] for each in listed} == {total["payee_id"]}


@pytest.mark.usefixtures("closed")
async def test_a_wadah_sees_its_agents_and_an_agent_only_their_own(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    one, other = AGENTS[THROUGH]
    agent = tokens.make(Role.AGENT, agent_id=one, wadah_id=THROUGH)
    administrator = tokens.make(Role.WADAH_ADMIN, wadah_id=THROUGH)
    neighbour = tokens.make(Role.WADAH_ADMIN, wadah_id=DIRECT)
    branch = {"kind": ScopeKind.BRANCH, "code": "SBY", "region": "JTM"}
    officer = tokens.make(Role.BRANCH_OFFICER, scope=branch)
    path = f"{PAYEES}/{THROUGH}"

    own = (await client.get(path, headers=agent)).json()
    whole = (await client.get(path, headers=administrator)).json()
    refused = [await client.get(path, headers=each) for each in (neighbour, officer)]

    assert [each["beneficiary_id"] for each in own["items"]] == [str(one)]
    assert (own["payable"], own["statement_count"]) == (5_000, 1)
    assert {each["beneficiary_id"] for each in whole["items"]} == {
        str(each) for each in (one, other, THROUGH)
    }
    assert {(each.status_code, each.json()["code"]) for each in refused} == {
        (404, "payee_not_found")
    }
    assert await items(client, officer) == []


@pytest.mark.usefixtures("closed")
async def test_nothing_is_shown_of_a_month_until_all_its_statements_are_issued(
    client: httpx.AsyncClient, session: AsyncSession, finance: dict[str, str]
) -> None:
    await session.execute(update(Watermark).values(closed_through=NOVEMBER, closing=NOVEMBER))

    listed = await items(client, finance)
    broken_down = await client.get(f"{PAYEES}/{THROUGH}", headers=finance)

    assert listed == []
    assert (broken_down.status_code, broken_down.json()["code"]) == (404, "payee_not_found")

    await session.execute(update(Watermark).values(closing=None))

    assert len(await items(client, finance)) == 7


@pytest.mark.parametrize("role", [Role.MEMBER, Role.SERVICE])
async def test_other_roles_see_no_payees(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    answer = await client.get(PAYEES, headers=tokens.make(role))

    assert answer.status_code == 403
