"""No endpoint breaks: whatever is wrong is refused by name, and nothing changes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from asyncpg.prepared_stmt import PreparedStatement
from contract.conftest import OPERATIONS, Documented, Platform
from contract.mutations import FEW, WRONG, Choose, Mutation, choose_all, choose_few, mutations
from contract.roles import COMBINED

from perisai_kit.auth.principal import ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition
"""
UNCOUNTED = frozenset({"asked_niks", "read_audits", "alembic_version"})
"""What records that something was asked: `asked_niks` counts refused questions too."""


class Counter:
    """Counts the rows of every table of a service, with one statement that is prepared once."""

    def __init__(self, statement: "PreparedStatement[asyncpg.Record]") -> None:
        self._statement = statement

    async def count(self) -> dict[str, int]:
        return {str(name): int(count) for name, count in await self._statement.fetch()}


@pytest.fixture(scope="module")
async def counters(platform: Platform) -> AsyncIterator[Mapping[str, Counter]]:
    """A counter for the database of each service."""
    async with AsyncExitStack() as stack:
        made = {}
        for service, urls in platform.urls.items():
            connection = await asyncpg.connect(urls.owner)
            stack.push_async_callback(connection.close)
            counts = " UNION ALL ".join(
                f"SELECT '{table}', count(*) FROM \"{table}\""  # noqa: S608 - our own names
                for (table,) in await connection.fetch(TABLES)
                if table not in UNCOUNTED
            )
            made[service] = Counter(await connection.prepare(counts))
        yield made


@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(choose_few, id="few"),
        pytest.param(choose_all, id="all", marks=pytest.mark.soak),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_wrong_request_is_a_problem_and_changes_nothing(
    *,
    platform: Platform,
    counters: Mapping[str, Counter],
    documented: Documented,
    tokens: Tokens,
    name: str,
    choose: Choose,
) -> None:
    operation = documented[name]
    client = platform.clients[operation.service]
    everybody = tokens.make(
        *COMBINED,
        scope={"kind": ScopeKind.COUNTRY},
        agent_id=new_id(),
        amr=("otp",),
        device_id="device-1",
    )
    before = await counters[operation.service].count()
    succeeded = 0

    for number, mutation in enumerate(mutations(operation, choose)):
        headers = {**everybody, "Idempotency-Key": f"mutation-{number:08d}"}
        answer = await client.request(
            operation.method, address(mutation), headers=headers, **body(mutation)
        )
        assert answer.status_code < 500, f"{mutation.where}: {answer.status_code}"
        assert not answer.has_redirect_location, mutation.where
        if answer.status_code < 400:
            succeeded += 1
            continue
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", mutation.where
        assert problem["status"] == answer.status_code
        if problem["code"] == "invalid":
            assert problem["errors"], f"{mutation.where}: no field is named"

    if not succeeded:
        assert await counters[operation.service].count() == before


def test_a_field_meets_few_wrong_values_and_the_fields_together_meet_all() -> None:
    chosen = [choose_few(f"/field{number}", WRONG) for number in range(100)]

    assert {len(each) for each in chosen} == {FEW}
    assert [each for each in WRONG if not any(each in few for few in chosen)] == []


def address(mutation: Mutation) -> str:
    return f"{mutation.path}?{mutation.query}" if mutation.query else mutation.path


def body(mutation: Mutation) -> dict[str, Any]:
    if mutation.content is not None:
        return {"content": mutation.content}
    return {} if mutation.json is None else {"json": mutation.json}
