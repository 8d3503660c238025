"""Every operation of a service refuses a query parameter that its document does not have."""

import pytest
from contract.conftest import OPERATIONS, Documented, Platform
from contract.mutations import example, is_free_text, named, path_of, query_of
from contract.roles import COMBINED

from perisai_kit.auth.principal import ScopeKind
from perisai_kit.domain.ids import new_id
from perisai_kit.testing.plugin import Tokens

FREE = 5
"""At least so many parameters of a query take any text."""


@pytest.mark.parametrize("name", OPERATIONS)
async def test_an_unknown_query_parameter_is_refused_with_the_documented_ones(
    platform: Platform, documented: Documented, tokens: Tokens, name: str
) -> None:
    operation = documented[name]
    body = example(operation.schema, operation.schemas) if operation.schema else None
    everybody = tokens.make(*COMBINED, scope={"kind": ScopeKind.COUNTRY}, agent_id=new_id())

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


async def test_no_text_in_a_query_reaches_the_database_with_a_nul(
    platform: Platform, documented: Documented, tokens: Tokens
) -> None:
    everybody = tokens.make(*COMBINED, scope={"kind": ScopeKind.COUNTRY}, agent_id=new_id())
    answers = {}
    for name, operation in documented.items():
        for each in operation.parameters:
            if each["in"] == "query" and is_free_text(each):
                query = query_of(operation, {each["name"]: "a%00b"})
                answer = await platform.clients[operation.service].request(
                    operation.method, f"{path_of(operation)}?{query}", headers=everybody
                )
                answers[name, each["name"]] = answer.status_code

    # A cursor or an instant that is none is another problem of the same kind.
    assert {key: code for key, code in answers.items() if code not in (400, 422)} == {}
    assert len(answers) >= FREE
