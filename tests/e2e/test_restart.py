"""Ctrl-C loses nothing: the same folder starts again with the same data."""

import pytest
from stage import books
from stage.customers import AT, Customer, new_customers, pay_until_answered
from stage.processes import Platform
from stage.waiting import until

from sandbox import lifetime
from sandbox.demo.clients import Actor
from sandbox.demo.people import new_adult

pytestmark = pytest.mark.e2e
KEPT = {
    "gateway": {"accounts": "*", "signing_keys": "*"},
    "agent": {"branches": "*", "agents": "id, agent_code, nik", "bank_accounts": "*"},
    "member": {"members": "id, nik, full_name, phone", "consents": "*", "attributions": "*"},
    "payment": {
        "bank_partners": "*",
        "bill_lines": "*",
        "virtual_accounts": "*",
        "payments": "*",
        "payment_requests": "*",
        "callbacks": "*",
        "ledger_transfers": "*",
    },
}
"""What a start may neither change nor make a second time; states may move on by themselves."""


@pytest.mark.soak
async def test_restart_keeps_data_sessions_and_what_was_under_way(platform: Platform) -> None:
    with platform.business_time(AT):
        async with platform.http("gateway") as http:
            person = Actor(http, device_id="stage-restart")
            await person.sign_in_by_phone(new_adult(AT.date()).phone)
            me = await person.get("/v1/me")
            (customer,) = await new_customers(platform, 1)
            async with platform.bank() as bank:
                reply = await pay_until_answered(bank, customer, new_external_ids=True)
            before, children = await fingerprints(platform), platform.children()

            assert reply.outcome == "paid"
            assert platform.stop() == 0
            assert not any(lifetime.is_alive(pid) for pid in children)
            platform.start()

            assert await fingerprints(platform) == before
            http.base_url = platform.address("gateway")
            await person.refresh()
            assert await person.get("/v1/me") == me
        assert await until(lambda: is_covered(platform, customer))
        assert await books.caught_up(platform)
        assert await books.faults(platform) == []


async def fingerprints(platform: Platform) -> dict[str, str]:
    """Return one short text for all rows of each table that must be kept."""
    found = {}
    for name, tables in KEPT.items():
        async with platform.database(name) as connection:
            for table, columns in tables.items():
                question = f"""
                    SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(each::text), ''
                        ORDER BY md5(each::text)), ''))
                    FROM (SELECT {columns} FROM {table}) AS each"""  # noqa: S608 - from KEPT above
                found[f"{name}.{table}"] = await connection.fetchval(question)
    return found


async def is_covered(platform: Platform, customer: Customer) -> bool:
    async with platform.staff("officer1") as officer:
        answer = await officer.get(f"/v1/members/{customer.member_id}/coverage")
    return bool(answer["cover"] == "covered")
