"""Every operation of a service refuses a query parameter that its document does not have."""

import pytest
from contract.conftest import OPERATIONS, Documented, Platform
from contract.mutations import example, named, path_of

from perisai_kit.auth.principal import Role, ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_unknown_query_parameter_is_refused_with_the_documented_ones(
    platform: Platform, documented: Documented, tokens: Tokens, name: str
) -> None:
    operation = documented[name]
    body = example(operation.schema, operation.schemas) if operation.schema else None
    everybody = tokens.make(*Role, scope={"kind": ScopeKind.COUNTRY}, agent_id=new_id())

    answer = await platform.clients[operation.service].request(
        operation.method,
        f"{path_of(operation)}?surprise=1",
        headers={**everybody, "Idempotency-Key": "unknown-parameter"},
        json=body,
    )

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "parameter_unknown")
    assert [each["parameter"] for each in problem["errors"]] == ["surprise"]
    assert problem["details"]["allowed"] == sorted(named(operation, "query"))
