"""The list of bills over HTTP, for each role."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from payment_service_tests.banking import NAME, make_period
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.bills.schemas import BillOut
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime, Tokens

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Any]]
BRANCH = {"kind": "branch", "code": "BWI", "region": "JATIM"}
COUNTRY = {"kind": "country"}
MASKED = "S*** A***"


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(datetime(2026, 11, 5, 3, 0, tzinfo=UTC))


async def read(client: httpx.AsyncClient, by: dict[str, str], **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/bills", params=asked, headers=by)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_name_is_whole_for_those_to_whom_the_member_belongs(
    client: httpx.AsyncClient, session: AsyncSession, issue_bill: IssueBill, tokens: Tokens
) -> None:
    period = make_period()
    bill = await issue_bill(session, periods=[period])
    await session.commit()
    make = tokens.make
    readers = {
        "member": make(Role.MEMBER, member_id=bill.member_id),
        "agent": make(Role.AGENT, agent_id=period.agent_id),
        "officer": make(Role.BRANCH_OFFICER, scope=BRANCH),
        "admin": make(Role.ADMIN),
        "wadah": make(Role.WADAH_ADMIN, wadah_id=period.wadah_id),
        "finance": make(Role.FINANCE_OFFICER, scope=COUNTRY),
        "auditor": make(Role.AUDITOR, scope=BRANCH),
    }

    names = {}
    for reader, by in readers.items():
        (row,) = await read(client, by)
        names[reader] = row["display_name"]

    masked = {"wadah", "finance", "auditor"}
    assert names == {reader: MASKED if reader in masked else NAME for reader in readers}


async def test_a_row_says_what_is_to_be_paid_and_where(
    client: httpx.AsyncClient, session: AsyncSession, issue_bill: IssueBill, tokens: Tokens
) -> None:
    bill = await issue_bill(session)
    await session.commit()

    (row,) = await read(client, tokens.make(Role.ADMIN))

    shown = bill.model_dump(mode="json", exclude={"lines", "display_name"})
    assert {name: row[name] for name in shown} == shown
    assert row["virtual_accounts"][0]["number"].startswith("88001")


async def test_a_list_leaves_one_row_of_readings(
    client: httpx.AsyncClient,
    session: AsyncSession,
    database: Database,
    issue_bill: IssueBill,
    tokens: Tokens,
) -> None:
    bills = [await issue_bill(session) for _ in range(2)]
    await session.commit()
    account_id = new_id()

    await read(client, tokens.make(Role.ADMIN, account_id=account_id))

    async with database.read() as reading:
        own = select(ReadAudit).where(ReadAudit.account_id == account_id)
        (row,) = (await reading.scalars(own)).all()
    assert row.kind == "GET /v1/bills"
    assert set(row.ids) == {bill.member_id for bill in bills}


async def test_bills_are_narrowed_and_sorted(
    client: httpx.AsyncClient,
    session: AsyncSession,
    issue_bill: IssueBill,
    settle: Settle,
    tokens: Tokens,
    business_time: BusinessTime,
) -> None:
    agent, other = make_period(), make_period(branch_code="JBR", region_code="JATENG")
    first = await issue_bill(session, periods=[agent])
    paid = await issue_bill(session, periods=[other], month_count=2)
    await settle(session, paid)
    business_time.at(datetime(2026, 11, 8, 3, 0, tzinfo=UTC))
    last = await issue_bill(session, periods=[other])
    await session.commit()
    admin = tokens.make(Role.ADMIN)

    async def ids(**asked: Any) -> list[str]:
        return [row["id"] for row in await read(client, admin, **asked)]

    one, two, three = (str(bill.id) for bill in (first, paid, last))
    assert await ids() == [three, two, one]
    assert await ids(sort="issued_at") == [one, two, three]
    assert await ids(sort="expires_at") == [one, three]
    assert await ids(status="paid") == [two]
    assert await ids(member_id=str(first.member_id)) == [one]
    assert await ids(agent_id=str(other.agent_id)) == [three, two]
    assert await ids(branch_code="BWI") == [one]
    assert await ids(branch_code="BWI", agent_id=str(other.agent_id)) == []
    assert await ids(order_id=str(paid.order_id)) == [two]
    assert await ids(month="2026-12", agent_id=str(other.agent_id)) == [two]
    assert await ids(issued_from="2026-11-06") == [three]
    assert await ids(issued_to="2026-11-05") == [two, one]
    assert await ids(expires_before="2026-11-13") == [one]
    assert await ids(expires_before="2026-11-12") == []
    assert await ids(amount=paid.amount, issued_from="2026-11-01", issued_to="2026-11-30") == [two]
    assert await ids(status="paid", sort="expires_at") == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"state": "open"}, "parameter_unknown"),
        ({"sort": "display_name"}, "invalid"),
        ({"sort": "issued_at", "expires_before": "2026-11-30"}, "sort_not_possible"),
        ({"month": "2026-13"}, "invalid"),
        ({"amount": "0"}, "invalid"),
        ({"amount": "36800"}, "days_needed"),
        ({"month": "2026-11"}, "days_needed"),
        ({"issued_from": "2026-11-02", "issued_to": "2026-11-01"}, "days_backward"),
        ({"cursor": "WyJhIl0="}, "cursor_invalid"),
        ({"updated_since": "yesterday"}, "updated_since_invalid"),
        ({"updated_since": "2026-11-30T08:00:00Z", "status": "open"}, "updated_since_filtered"),
        ({"updated_since": "2026-11-30T08:00:00Z", "sort": "issued_at"}, "updated_since_filtered"),
    ],
    ids=str,
)
async def test_an_odd_list_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, asked: dict[str, str], code: str
) -> None:
    answer = await client.get("/v1/bills", params=asked, headers=tokens.make(Role.ADMIN))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_cursor_belongs_to_its_filters_and_order(
    client: httpx.AsyncClient, session: AsyncSession, issue_bill: IssueBill, tokens: Tokens
) -> None:
    for _ in range(2):
        await issue_bill(session)
    await session.commit()
    admin = tokens.make(Role.ADMIN)
    page = (await client.get("/v1/bills?limit=1", headers=admin)).json()
    cursor = {"limit": "1", "cursor": page["next_cursor"]}

    same = await client.get("/v1/bills", params=cursor, headers=admin)
    others = [
        await client.get("/v1/bills", params={**cursor, **more}, headers=admin)
        for more in ({"sort": "issued_at"}, {"status": "open"})
    ]

    assert same.status_code == 200
    assert {(each.status_code, each.json()["code"]) for each in others} == {(422, "cursor_invalid")}


async def test_a_list_of_some_bills_cannot_be_kept_offline(
    client: httpx.AsyncClient, session: AsyncSession, issue_bill: IssueBill, tokens: Tokens
) -> None:
    await issue_bill(session)
    await session.commit()
    admin = tokens.make(Role.ADMIN)

    whole = await client.get("/v1/bills", headers=admin)
    narrowed = await client.get("/v1/bills?status=open", headers=admin)

    assert whole.json()["as_of"].endswith("~2026-11-05")
    assert narrowed.json()["as_of"] is None
