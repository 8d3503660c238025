"""The primary of payments is killed, and changed as planned, while banks report payments.

`make scale` runs it, see docs/testing.md.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import asyncpg
import pytest
from stage import books
from stage.cluster import DATABASE, Cluster, NotInstalled, run_cluster
from stage.crowd import new_crowd
from stage.customers import AT, Customer, PaymentReply, pay_until_answered
from stage.own_bank import own_bank
from stage.processes import Platform

from sandbox.roles import get_login

pytestmark = pytest.mark.soak
PAYMENTS = 300
EVERY_S = 0.1
"""Between two payments: they go on for longer than an unplanned change of the primary takes."""
CHANGE_AFTER = 60
CATCH_UP_S = 120.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    try:
        with run_cluster() as cluster:
            asyncio.run(create_database(cluster))
            yield cluster
    except NotInstalled as reason:
        pytest.skip(str(reason))


async def create_database(cluster: Cluster) -> None:
    """Create the roles and the database as deploy/postgres-init.sh does."""
    owner, app = get_login("owner", DATABASE), get_login("app", DATABASE)
    connection = await asyncpg.connect(cluster.url("superuser"))
    for login in (owner, app):
        password = cluster.password(login)
        await connection.execute(f"CREATE ROLE {login} LOGIN NOINHERIT PASSWORD '{password}'")
    await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {owner}")
    await connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {app}")
    await connection.close()


@pytest.fixture(scope="module")
def platform(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The whole platform, with the database of payment-service on the cluster."""
    started = Platform(
        tmp_path_factory.mktemp("scale"),
        {
            "PERISAI_PAYMENT_DATABASE_URL": cluster.url("app"),
            "PERISAI_PAYMENT_OWNER_DATABASE_URL": cluster.url("owner"),
            "PERISAI_PAYMENT_READ_DATABASE_URL": cluster.url("app", wanted="prefer-standby"),
        },
    )
    try:
        started.start()
        yield started
    finally:
        started.end()


@pytest.mark.parametrize("planned", [False, True], ids=["killed", "switched over"])
async def test_a_new_primary_has_every_payment_that_was_acknowledged(
    cluster: Cluster, platform: Platform, capsys: pytest.CaptureFixture[str], *, planned: bool
) -> None:
    await asyncio.to_thread(cluster.wait_for_standby)
    with platform.business_time(AT):
        crowd = await new_crowd(platform, PAYMENTS, seed=1 + planned)
        assert await books.caught_up(platform, patience_s=CATCH_UP_S)

        replies, pause_s = await pay_through_a_change(cluster, platform, crowd, planned=planned)

        assert Counter((each.outcome, each.code) for each in replies) == {
            ("paid", "2002500"): PAYMENTS
        }
        assert await booked(cluster, replies) == Counter(each.request_id for each in replies)
        await books.caught_up(platform, patience_s=CATCH_UP_S)
        assert await books.unread(books.urls_of(platform)) == []
        assert await books.faults(platform) == []
    repeated = sum(each.times > 1 for each in replies)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(replies)} payments, {repeated} asked again, none lost; "
            f"{pause_s:.1f} s without an answer\n"
        )


async def pay_through_a_change(
    cluster: Cluster, platform: Platform, crowd: Sequence[Customer], *, planned: bool
) -> tuple[list[PaymentReply], float]:
    """Pay one after the other and change the primary meanwhile.

    Return the replies, and the longest time in which no payment was acknowledged.
    """
    acknowledged: list[float] = []

    async with own_bank(platform) as bank:

        async def pay(customer: Customer) -> PaymentReply:
            reply = await pay_until_answered(bank, customer, new_external_ids=True)
            acknowledged.append(time.monotonic())
            return reply

        paying, changing = [], None
        for place, customer in enumerate(crowd):
            paying.append(asyncio.create_task(pay(customer)))
            if place == CHANGE_AFTER:
                changing = asyncio.create_task(change(cluster, planned=planned))
            await asyncio.sleep(EVERY_S)
        assert changing is not None
        await changing
        replies = await asyncio.gather(*paying)
    pauses = [after - before for before, after in pairwise(acknowledged)]
    return replies, max(pauses)


async def change(cluster: Cluster, *, planned: bool) -> None:
    if planned:
        await asyncio.to_thread(cluster.switch_over)
        return
    killed = await asyncio.to_thread(cluster.kill_primary)
    await asyncio.to_thread(cluster.wait_for_standby)
    await asyncio.to_thread(cluster.start_again, killed)


async def booked(cluster: Cluster, replies: Sequence[PaymentReply]) -> Counter[str]:
    """Count the payments that the present primary has, by the bank's request id."""
    orders = [each.customer.order_id for each in replies]
    connection = await asyncpg.connect(cluster.url("owner"))
    question = "SELECT payment_request_id FROM payments WHERE order_id = ANY($1::uuid[])"
    rows = await connection.fetch(question, orders)
    await connection.close()
    return Counter(row["payment_request_id"] for row in rows)
