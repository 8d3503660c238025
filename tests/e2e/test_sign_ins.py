"""A user of a new sandbox can try every role at once."""

import json

import httpx
import pytest
from stage.processes import Platform

from perisai_kit.auth.principal import Role
from sandbox.demo.clients import Actor

pytestmark = pytest.mark.e2e
BY_PROGRAM_ONLY = {Role.SERVICE}


async def test_every_role_has_a_sign_in_that_works(platform: Platform) -> None:
    sign_ins = json.loads((platform.folder / "sandbox.json").read_text())["sign_ins"]
    roles: set[str] = set()

    async with platform.http("gateway") as http:
        for username, sign_in in sign_ins.items():
            me = await who(http, username, sign_in)
            assert sign_in["role"] in me["roles"], username
            # People read their own name whole, from the service that has it.
            assert "***" not in me["display_label"], username
            roles |= set(me["roles"])

    assert roles == {role.value for role in set(Role) - BY_PROGRAM_ONLY}


async def who(http: httpx.AsyncClient, username: str, sign_in: dict[str, str]) -> dict[str, str]:
    actor = Actor(http, device_id="stage-sign-in")
    if "password" in sign_in:
        await actor.sign_in_with_password(username, sign_in["password"])
    else:
        await actor.sign_in_by_phone(sign_in["phone"])
    me: dict[str, str] = await actor.get("/v1/me")
    return me
