"""All events once more: what the readers of the feeds hold must come out the same.

On copies of the databases: what a subscription has written is emptied, its cursor forgotten, and
the feed read from the beginning by the services' own handlers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from member_service_tests.registrations.histories import TERMS

from agent_service import worker as agent_worker
from member_service import worker as member_worker
from payment_service import worker as payment_worker
from perisai_kit.db.engine import Database
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.testing.plugin import Urls


@dataclass(frozen=True)
class Reader:
    """emptied: what forgets. held: by name, the questions that must be answered alike again."""

    emptied: Sequence[str]
    held: Mapping[str, str]


# Months that were closed meanwhile are not closed again, so where there are any, the month a
# payment counts in may differ, and with it who has reached a threshold.
_NOTHING_CLOSED = "NOT EXISTS (SELECT FROM commission_months)"
READERS = {
    "agent": Reader(
        ("TRUNCATE coverage_answers",),
        {"activity": "SELECT * FROM coverage_answers"},
    ),
    "member": Reader(
        (
            "TRUNCATE allocations, registrations, known_agents",
            """UPDATE members SET paid_through = NULL, first_unpaid = NULL, ends_on = NULL,
                   end_reason = NULL""",
            "DELETE FROM events WHERE type LIKE 'coverage.%' OR type LIKE 'registration.%'",
        ),
        {
            "answers to allocations": """
                SELECT id, member_id, bill_id, counts_at, months, programmes, declined, withdrawn
                FROM allocations""",
            "registrations": """
                SELECT id, member_id, began_at, first_month, kind, declaration_id, age, ends_on,
                       end_reason
                FROM registrations WHERE superseded_at IS NULL""",
            "standings": "SELECT id, paid_through, first_unpaid, ends_on, end_reason FROM members",
            "agents": "SELECT * FROM known_agents",
        },
    ),
    "payment": Reader(
        (
            """TRUNCATE commission_lines, commission_acquisitions, commission_waits,
                   commission_payments, commission_attributions, commission_beneficiaries""",
            "UPDATE commission_watermark SET closed_through = NULL, counted_through = NULL",
        ),
        {
            "commission lines": f"""
                SELECT key, beneficiary_id, attribution_id, base, rate_bps, parts,
                       CASE WHEN {_NOTHING_CLOSED} THEN earned_month END
                FROM commission_lines
                WHERE contribution_month IS NOT NULL OR {_NOTHING_CLOSED}""",  # noqa: S608 - from above
            "new members": "SELECT member_id, payment_id, agent_id FROM commission_acquisitions",
            "beneficiaries": "SELECT * FROM commission_beneficiaries",
        },
    ),
}


async def differences(urls: Mapping[str, Urls]) -> list[str]:
    """Read every feed again on these copies, and return what comes out otherwise."""
    before = {name: await _held(urls[name].owner, READERS[name]) for name in READERS}
    for name, reader in READERS.items():
        await _run(urls[name].owner, *reader.emptied, "TRUNCATE subscriptions")
    await _read_again(urls)
    found = []
    for name, reader in READERS.items():
        after = await _held(urls[name].owner, reader)
        found += [
            f"{what} of {name} differ after reading all events again"
            for what in reader.held
            if after[what] != before[name][what]
        ]
    return found


async def _read_again(urls: Mapping[str, Urls]) -> None:
    databases = {name: Database(each.app, pool_size=2) for name, each in urls.items()}
    feeds = {
        name: LocalFeed(database, source=name, signals=Signals())
        for name, database in databases.items()
    }
    agents, members, payments = feeds["agent"], feeds["member"], feeds["payment"]
    readers = {
        "payment": payment_worker.subscriptions(own=payments, members=members, poll_s=0),
        "agent": agent_worker.subscriptions(members=members, poll_s=0),
        # The last, because it publishes, and nobody numbers what is published in a copy.
        "member": member_worker.subscriptions(
            agents=agents, payments=payments, terms=TERMS, poll_s=0
        ),
    }
    try:
        for name, subscriptions in readers.items():
            for subscription in subscriptions:
                while await subscription.step(databases[name]):
                    pass
    finally:
        for database in databases.values():
            await database.dispose()


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _held(url: str, reader: Reader) -> dict[str, str]:
    """Return one short text for all that a reader holds, by what it is."""
    connection = await asyncpg.connect(url)
    try:
        return {
            what: await connection.fetchval(
                f"""SELECT count(*) || ' ' || md5(coalesce(string_agg(each, '' ORDER BY each), ''))
                    FROM (SELECT md5(held::text) AS each FROM ({question}) AS held) AS held"""  # noqa: S608 - from READERS above
            )
            for what, question in reader.held.items()
        }
    finally:
        await connection.close()
