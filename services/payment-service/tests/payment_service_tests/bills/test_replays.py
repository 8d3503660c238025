"""A kept answer is given only to who may see it now."""

import httpx
from payment_service_tests.banking import make_period
from payment_service_tests.bills.test_routes import (
    Know,
    MakeBasis,
    asked,
    in_november,
    key,
    own_client,
)

from payment_service.attributions import service as attributions
from payment_service.attributions.service import Attributed
from perisai_kit.auth.principal import Role
from perisai_kit.db.engine import Database
from perisai_kit.testing.network import Tokens

__all__ = ["in_november", "own_client"]
"""The fixtures of the neighbour."""


async def test_a_replay_does_not_show_a_bill_to_an_agent_who_lost_the_member(
    own_client: tuple[httpx.AsyncClient, Database],
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
) -> None:
    client, database = own_client
    basis = make_basis()
    member_answers(basis)
    headers = {**tokens.make(Role.AGENT, agent_id=basis.owner.agent_id), **key()}
    first = await client.post("/v1/bills", json=asked(basis), headers=headers)
    async with database.begin() as session:
        await attributions.take(session, [Attributed(basis.member_id, 2, [make_period()])])

    again = await client.post("/v1/bills", json=asked(basis), headers=headers)

    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (404, "bill_not_found")
