"""No service redirects: a redirect would name an inner address, and lose a body on its way."""

import pytest
from contract.conftest import Documented, Platform
from contract.mutations import path_of
from contract.roles import COMBINED

from perisai_kit.auth.principal import ScopeKind
from perisai_kit.testing.plugin import Tokens


@pytest.mark.parametrize("service", ["agent", "member", "payment"])
async def test_a_slash_at_the_end_is_another_address(
    platform: Platform, documented: Documented, tokens: Tokens, service: str
) -> None:
    everybody = tokens.make(*COMBINED, scope={"kind": ScopeKind.COUNTRY})
    found = {}

    for operation in documented.values():
        if operation.service == service:
            answer = await platform.clients[service].request(
                operation.method, f"{path_of(operation)}/", headers=everybody
            )
            found[str(operation)] = (answer.status_code, answer.headers.get("location"))

    assert found
    assert set(found.values()) == {(404, None)}
