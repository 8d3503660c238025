"""A client that reads bills offline learns what it has missed, and what it must forget."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from payment_service_tests.banking import make_period
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import crowds
from payment_service.attributions import tasks
from payment_service.bill_changes import service
from payment_service.bill_changes.rules import UpdatedSinceTooMany
from payment_service.bills import service as bills
from payment_service.bills.rules import VoidReason
from payment_service.bills.schemas import BillOut
from perisai_kit.auth.principal import Principal, Role, Scope, ScopeKind
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AttributionPeriod, MemberAttributed
from perisai_kit.http.answers.sync import Since
from perisai_kit.testing.plugin import BusinessTime, MakeApp, Tokens, Urls, Wire, open_app_client

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Any]]
DECEMBER = date(2026, 12, 1)
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def november(business_time: BusinessTime) -> BusinessTime:
    business_time.at(datetime(2026, 11, 28, 2, 0, tzinfo=UTC))
    return business_time


@pytest.fixture
async def whole(own_database: Callable[[str], Urls], make_app: MakeApp, wire: Wire) -> Any:
    """A client and its database, with real commits."""
    app = make_app(urls=own_database("payment"), wire=wire)
    async with open_app_client(app) as client:
        yield client, app.state.kit.database


async def read(
    client: httpx.AsyncClient, by: dict[str, str], **asked: str
) -> tuple[list[Any], str]:
    """Return rows and `as_of`, over all pages."""
    items: list[Any] = []
    as_of, cursor, is_first = "", None, True
    while is_first or cursor:
        params = {**asked, **({"cursor": cursor} if cursor else {})}
        answer = await client.get("/v1/bills", params=params, headers=by)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        as_of = as_of or page["as_of"] or ""
        cursor, is_first = page["next_cursor"], False
    return items, as_of


async def age(database: Database) -> None:
    """Make everything so old that no margin shows it again."""
    async with database.begin() as session:
        for table, column in (("bills", "updated_at"), ("attribution_periods", "recorded_at")):
            aged = f"UPDATE {table} SET {column} = now() - interval '1 hour'"  # noqa: S608 - ours
            await session.execute(text(aged))


def removed(*issued: BillOut) -> list[dict[str, Any]]:
    return [{"id": str(bill.id), "removed": True} for bill in issued]


async def attribute(
    session: AsyncSession, bill: BillOut, *periods: AttributionPeriod, no: int = 2
) -> None:
    event = MemberAttributed(member_id=bill.member_id, attribution_no=no, periods=periods)
    await tasks.on_members_attributed(session, [event])


async def test_every_write_of_a_bill_comes_again(
    whole: Any, issue_bill: IssueBill, settle: Settle, tokens: Tokens
) -> None:
    client, database = whole
    period = make_period()
    async with database.begin() as session:
        paid, void, renamed, same = [await issue_bill(session, periods=[period]) for _ in range(4)]
    agent = tokens.make(Role.AGENT, agent_id=period.agent_id)
    everything, as_of = await read(client, agent)
    await age(database)

    nothing, _ = await read(client, agent, updated_since=as_of)
    admin = Principal(account_id=new_id(), roles=frozenset({Role.ADMIN}))
    async with database.begin() as session:
        await settle(session, paid)
    async with database.begin() as session:
        await bills.cancel(session, admin, void.id, reason=VoidReason.WRONG_DATA)
    async with database.begin() as session:
        await bills.rename(session, {renamed.member_id: "Siti Rahayu"})
    changed, later = await read(client, agent, updated_since=as_of)
    after, _ = await read(client, agent, updated_since=later, limit="1")

    assert len(everything) == 4
    assert nothing == []
    assert [(row["id"], row["status"], row["display_name"]) for row in changed] == [
        (str(paid.id), "paid", "Siti Aminah"),
        (str(void.id), "void", "Siti Aminah"),
        (str(renamed.id), "open", "Siti Rahayu"),
    ]
    assert str(same.id) not in {row["id"] for row in after}


async def test_a_transaction_that_commits_late_is_read_by_the_next_sync(
    whole: Any, issue_bill: IssueBill, settle: Settle, tokens: Tokens
) -> None:
    client, database = whole
    period = make_period()
    async with database.begin() as session:
        bill = await issue_bill(session, periods=[period])
    agent = tokens.make(Role.AGENT, agent_id=period.agent_id)
    await age(database)
    async with database.begin() as late:
        await settle(late, bill)
        shown, as_of = await read(client, agent)

    again, _ = await read(client, agent, updated_since=as_of)

    assert [row["status"] for row in shown] == ["open"]
    assert [row["status"] for row in again] == ["paid"]


async def test_a_planned_hand_over_takes_and_brings_bills_on_its_day(
    whole: Any, issue_bill: IssueBill, settle: Settle, tokens: Tokens, november: BusinessTime
) -> None:
    client, database = whole
    old, new = make_period(), make_period(from_date=DECEMBER)
    async with database.begin() as session:
        bill = await issue_bill(session, periods=[old, new])
        await settle(session, bill)
        kept = await issue_bill(session, periods=[old])
    agent = tokens.make(Role.AGENT, agent_id=old.agent_id)
    successor = tokens.make(Role.AGENT, agent_id=new.agent_id)
    _, as_of = await read(client, agent)
    _, as_of_successor = await read(client, successor)
    await age(database)
    before = [
        (await read(client, agent, updated_since=as_of))[0],
        (await read(client, successor, updated_since=as_of_successor))[0],
    ]

    november.at(datetime(2026, 12, 1, 2, 0, tzinfo=UTC))
    after, _ = await read(client, agent, updated_since=as_of)
    gained, _ = await read(client, successor, updated_since=as_of_successor)
    unread, _ = await read(client, agent, updated_since=LONG_AGO, limit="1")

    assert before == [[], []]
    assert after == removed(bill)
    assert [(row["id"], row["display_name"]) for row in gained] == [(str(bill.id), "Siti Aminah")]
    assert [row["id"] for row in unread] == [str(bill.id), str(kept.id)]


async def test_a_take_over_removes_bills_at_once_also_after_later_decisions(
    whole: Any, issue_bill: IssueBill, tokens: Tokens, november: BusinessTime
) -> None:
    client, database = whole
    old = make_period()
    async with database.begin() as session:
        bill = await issue_bill(session, periods=[old])
    agent = tokens.make(Role.AGENT, agent_id=old.agent_id)
    officer = tokens.make(
        Role.BRANCH_OFFICER, scope={"kind": "branch", "code": "BWI", "region": "JATIM"}
    )
    _, as_of = await read(client, agent)
    await age(database)
    unseen = old.model_copy(update={"agent_sees": False})
    branch = make_period(from_date=date(2026, 11, 29), agent_id=None, wadah_id=None)
    async with database.begin() as session:
        await attribute(session, bill, unseen, branch)
    at_once, later = await read(client, agent, updated_since=as_of)
    of_officer, _ = await read(client, officer, updated_since=as_of)
    await age(database)

    # The later decision tells the present period and what follows, not who had the member before.
    november.at(datetime(2026, 12, 5, 2, 0, tzinfo=UTC))
    third = make_period(from_date=date(2026, 12, 6))
    async with database.begin() as session:
        await attribute(session, bill, branch, third, no=3)
    much_later, _ = await read(client, agent, updated_since=as_of)
    never, _ = await read(
        client, tokens.make(Role.AGENT, agent_id=new_id()), updated_since=LONG_AGO
    )

    assert at_once == removed(bill)
    assert later
    assert [row["id"] for row in of_officer] == [str(bill.id)]
    assert much_later == removed(bill)
    assert never == []


async def test_changes_are_read_page_by_page(
    whole: Any, issue_bill: IssueBill, tokens: Tokens
) -> None:
    client, database = whole
    old = make_period()
    async with database.begin() as session:
        made = [await issue_bill(session, periods=[old]) for _ in range(4)]
    unseen = old.model_copy(update={"agent_sees": False})
    branch = make_period(from_date=date(2026, 11, 29), agent_id=None, wadah_id=None)
    async with database.begin() as session:
        for bill in made[:2]:
            await attribute(session, bill, unseen, branch)

    agent = tokens.make(Role.AGENT, agent_id=old.agent_id)
    rows, as_of = await read(client, agent, updated_since=LONG_AGO, limit="1")

    assert rows[:2] == removed(*made[:2])
    assert {row["id"] for row in rows[2:]} == {str(bill.id) for bill in made[2:]}
    assert as_of


async def test_those_who_see_too_many_members_cannot_keep_their_bills(
    session: AsyncSession,
) -> None:
    member = "attributed_members (member_id, attribution_no) SELECT uuidv7(), 1"
    await session.execute(text(f"INSERT INTO {member} FROM generate_series(0, {crowds.FEW})"))
    since = Since(datetime(2026, 11, 1, tzinfo=UTC), date(2026, 11, 1))
    country = Principal(
        account_id=new_id(),
        roles=frozenset({Role.FINANCE_OFFICER}),
        scope=Scope(ScopeKind.COUNTRY),
    )

    with pytest.raises(UpdatedSinceTooMany):
        await service.list_changes(session, country, since=since, cursor=None, limit=10)
