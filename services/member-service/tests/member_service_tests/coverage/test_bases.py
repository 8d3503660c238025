"""The contribution bases of several members at once, for an order of several bills."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from member_service_tests.allocations.test_service import TODAY, payment, take
from sqlalchemy import event, select

from member_service.members.models import Member
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.domain.ids import new_id
from perisai_kit.privacy.read_audit import ReadAudit
from perisai_kit.testing.plugin import BusinessTime

Enrol = Callable[..., Awaitable[Member]]
PATH = "/v1/contribution-bases"


@pytest.fixture
async def family(database: Database, enrol: Enrol, business_time: BusinessTime) -> list[UUID]:
    """Five members enrolled on 3 November; the first two have paid November."""
    business_time.at(datetime(2026, 11, 3, 2, 0, tzinfo=UTC))
    async with database.begin() as session:
        ids = [(await enrol(session, work_declaration=TODAY)).id for _ in range(5)]
    business_time.at(datetime(2026, 11, 20, 5, 0, tzinfo=UTC))
    async with database.begin() as session:
        await take(session, *(payment(member_id, "2026-11") for member_id in ids[:2]))
    return ids


async def ask(client: httpx.AsyncClient, ids: Sequence[UUID], subject: Any) -> httpx.Response:
    asked = {"member_ids": [str(each) for each in ids]}
    return await client.post(PATH, json=asked, headers=subject.headers)


async def test_the_bases_are_those_of_each_member_in_the_order_asked(
    client: httpx.AsyncClient, payment_service: Any, family: list[UUID]
) -> None:
    asked = [family[3], family[0], family[1]]
    singles = [
        await client.get(
            f"/v1/members/{member_id}/contribution-basis", headers=payment_service.headers
        )
        for member_id in asked
    ]

    answer = await ask(client, asked, payment_service)

    assert answer.status_code == 200
    items = answer.json()["items"]
    assert items == [each.json() for each in singles]
    assert [each["registration"] is not None for each in items] == [False, True, True]


async def test_an_unknown_member_is_left_out(
    client: httpx.AsyncClient, payment_service: Any, family: list[UUID]
) -> None:
    some = await ask(client, [family[1], new_id(), family[0]], payment_service)
    none = await ask(client, [new_id()], payment_service)

    assert [each["member_id"] for each in some.json()["items"]] == [str(family[1]), str(family[0])]
    assert (none.status_code, none.json()) == (200, {"items": []})


async def test_the_reading_of_all_is_recorded_once_with_the_known_members(
    client: httpx.AsyncClient, database: Database, payment_service: Any, family: list[UUID]
) -> None:
    await ask(client, [family[2], new_id(), family[0]], payment_service)

    async with database.read() as session:
        (audit,) = await session.scalars(
            select(ReadAudit).where(ReadAudit.account_id == payment_service.principal.account_id)
        )
    assert audit.kind == "POST /v1/contribution-bases"
    assert audit.ids == sorted([family[2], family[0]])


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Record the queries and inserts that are sent meanwhile."""
    sent: list[str] = []

    def record(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith(("SELECT", "INSERT")):
            sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", record)


async def test_five_members_take_as_many_statements_as_one(
    client: httpx.AsyncClient, database: Database, payment_service: Any, family: list[UUID]
) -> None:
    with counted(database) as for_one:
        await ask(client, family[:1], payment_service)
    with counted(database) as for_five:
        await ask(client, family, payment_service)

    assert len(for_five) == len(for_one)
    assert any("FROM allocations" in each for each in for_one)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([], "too_short"),
        ([str(new_id()) for _ in range(101)], "too_long"),
        ([str(NOBODY := new_id()), str(NOBODY).upper()], "entry_repeated"),
    ],
    ids=["none", "more than a hundred", "one twice"],
)
async def test_a_list_of_no_members_too_many_or_one_twice_is_refused(
    client: httpx.AsyncClient, payment_service: Any, asked: list[str], code: str
) -> None:
    answer = await client.post(PATH, json={"member_ids": asked}, headers=payment_service.headers)

    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("/member_ids", code)
    ]


async def test_a_hundred_members_can_be_asked_for(
    client: httpx.AsyncClient, payment_service: Any
) -> None:
    answer = await ask(client, [new_id() for _ in range(100)], payment_service)

    assert answer.status_code == 200


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SERVICE}))
async def test_the_bases_are_for_services_only(
    client: httpx.AsyncClient, make_subject: Any, family: list[UUID], role: Role
) -> None:
    answer = await ask(client, family, make_subject(role))

    assert answer.status_code == 403
