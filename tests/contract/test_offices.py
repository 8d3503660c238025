"""What the gateway asks other services before it gives an account a scope or a wadah."""

from uuid import UUID

import pytest
from contract.conftest import ADDRESSES, Platform
from contract.objects import new_partner
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.clients import agents, payments
from perisai_kit.auth.principal import Role
from perisai_kit.domain import clock
from perisai_kit.domain.errors import Unavailable
from perisai_kit.domain.ids import new_id
from perisai_kit.services.client import ServiceClient, TokenSource
from perisai_kit.testing.plugin import Tokens, Wire
from sandbox.demo.forms import wadah_body


def make_client(wire: Wire, address: str = "agent_url") -> ServiceClient:
    source = TokenSource(
        gateway_url="http://gateway", client_id="gateway", client_secret="s", transport=wire
    )
    return ServiceClient(ADDRESSES[address], source, transport=wire)


async def test_the_gateway_learns_which_branches_regions_and_wadahs_there_are(
    platform: Platform, tokens: Tokens
) -> None:
    admin = tokens.make(Role.ADMIN, scope={"kind": "country"})
    keyed = {**admin, "Idempotency-Key": str(new_id())}
    branch = {"code": "BWI", "name": "Banyuwangi", "region_code": "JTM"}
    await platform.clients["agent"].post("/v1/branches", json=branch, headers=keyed)
    made = await platform.clients["agent"].post(
        "/v1/wadahs", json=wadah_body(clock.today()), headers=admin
    )
    wire = Wire(tokens)
    wire.mount("agent", platform.apps["agent"])
    client = make_client(wire)

    regions = [await agents.find_region_of_branch(client, code) for code in ("BWI", "NOPE")]
    known = [await agents.has_region(client, code) for code in ("JTM", "NOPE")]
    wadahs = [await agents.has_wadah(client, each) for each in (UUID(made.json()["id"]), new_id())]

    assert regions == ["JTM", None]
    assert known == [True, False]
    assert wadahs == [True, False]


async def test_no_answer_is_not_an_unknown_branch(tokens: Tokens) -> None:
    client = make_client(Wire(tokens))

    with pytest.raises(Unavailable):
        await agents.find_region_of_branch(client, "BWI")


async def test_the_gateway_learns_which_bank_partners_there_are(
    platform: Platform, tokens: Tokens
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = await platform.clients["payment"].post(
        "/v1/bank-partners",
        json=new_partner(key),
        headers=tokens.make(Role.ADMIN, scope={"kind": "country"}),
    )
    wire = Wire(tokens)
    wire.mount("payment", platform.apps["payment"])
    client = make_client(wire, "payment_url")

    partner_id = made.json()["id"]
    known = [
        await payments.has_bank_partner(client, each)
        for each in (partner_id, partner_id.upper(), str(new_id()), "a-bank")
    ]

    assert known == [True, False, False, False]
