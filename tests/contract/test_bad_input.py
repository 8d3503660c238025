"""No endpoint breaks: whatever is wrong is refused by name, and nothing changes."""

from typing import Any

import asyncpg
import pytest
from contract.conftest import OPERATIONS, Documented, Platform
from contract.mutations import FEW, WRONG, Choose, Mutation, choose_all, choose_few, mutations

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition
"""
UNCOUNTED = frozenset({"read_audits", "alembic_version"})


@pytest.mark.parametrize(
    "choose",
    [
        pytest.param(choose_few, id="few"),
        pytest.param(choose_all, id="all", marks=pytest.mark.soak),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_wrong_request_is_a_problem_and_changes_nothing(
    platform: Platform, documented: Documented, tokens: Tokens, name: str, choose: Choose
) -> None:
    operation = documented[name]
    client = platform.clients[operation.service]
    everybody = tokens.make(
        *Role,
        scope={"kind": ScopeKind.COUNTRY},
        agent_id=new_id(),
        amr=("otp",),
        device_id="device-1",
    )
    before = await count_rows(platform, operation.service)
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
        assert await count_rows(platform, operation.service) == before


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


async def count_rows(platform: Platform, service: str) -> dict[str, int]:
    connection = await asyncpg.connect(platform.urls[service].owner)
    try:
        tables = await connection.fetch(TABLES)
        counts = " UNION ALL ".join(
            f"SELECT '{table}', count(*) FROM \"{table}\""  # noqa: S608 - our own names
            for (table,) in tables
            if table not in UNCOUNTED
        )
        return {str(name): int(count) for name, count in await connection.fetch(counts)}
    finally:
        await connection.close()
