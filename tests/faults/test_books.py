"""The checks of the books themselves: each finds the fault that is planted for it."""

from collections.abc import Awaitable, Callable, Iterator

import asyncpg
import pytest
from stage import books, journal, replay
from stage.copies import copy_databases
from stage.customers import AT, customers_of_agent, new_customers, pay_until_answered
from stage.processes import Platform

from perisai_kit.testing.plugin import Databases, Urls

pytestmark = pytest.mark.e2e
Copies = dict[str, Urls]
DIFFER = "differ from the second computation"

# By what is wrong: where, how it came about, and what must be said of it.
FAULTS = {
    "a lost message": (
        "payment",
        "DELETE FROM callbacks WHERE payment_id = (SELECT id FROM payments LIMIT 1)",
        "1 payments without one settled callback (payment)",
    ),
    "a payment of another amount": (
        "payment",
        "UPDATE payments SET amount = amount + 1 WHERE id = (SELECT id FROM payments LIMIT 1)",
        "1 payments that are not the sum of their allocations",
    ),
    "an allocation to a bill that is not paid": (
        "payment",
        """UPDATE bills SET status = 'open', paid_at = NULL
           WHERE id = (SELECT bill_id FROM allocations LIMIT 1)""",
        "1 paid bills without one allocation of their amount",
    ),
    "an order of another amount": (
        "payment",
        "UPDATE orders SET amount = amount + 1 WHERE id = (SELECT order_id FROM payments LIMIT 1)",
        "1 orders that are not the sum of their bills",
    ),
    "money in suspense that no ledger knows": (
        "payment",
        """INSERT INTO allocations (payment_id, id, kind, amount, counts_at, reason, allocated_at)
           SELECT payment_id, gen_random_uuid(), 'suspense', 1, counts_at, 'bill_paid', now()
           FROM allocations LIMIT 1""",
        "1 partners whose suspense in the ledger is not what stands in suspense",
    ),
    "a transfer too much": (
        "payment",
        """INSERT INTO ledger_transfers (
               debit_account, credit_account, amount, code, cause_kind, cause_id, business_on,
               booked_at)
           SELECT debit_account, credit_account, amount, code, cause_kind, cause_id, business_on,
                  booked_at
           FROM ledger_transfers WHERE code = 'contribution_received' LIMIT 1""",
        "1 payments that differ from their transfers, or transfers of no payment (payment)",
    ),
    "an event published twice": (
        "payment",
        """INSERT INTO events (id, type, subject, data, occurred_at)
           SELECT uuidv7(), type, subject, data, occurred_at
           FROM events WHERE type = 'payment.settled.v1' LIMIT 1""",
        "1 allocations not published once (payment)",
    ),
    "a gap in the feed": (
        "member",
        """DELETE FROM events WHERE id = (
               SELECT event_id FROM event_positions
               WHERE position = (SELECT max(position) - 1 FROM event_positions))""",
        "1 places in the feed without an event (member)",
    ),
    "a parked event": (
        "agent",
        """INSERT INTO parked_events (id, subscription, position, event_id, type, subject, data,
               occurred_at, error, attempts, parked_at)
           VALUES (gen_random_uuid(), 'agent.members', 1, gen_random_uuid(), 'a', 'b', '{}',
               now(), 'c', 3, now())""",
        "1 parked events (agent)",
    ),
    "a month without cover": (
        "member",
        """UPDATE allocations SET months = months[2:], programmes = programmes[2:]
           WHERE id = (SELECT id FROM allocations LIMIT 1)""",
        "1 paid months without cover",
    ),
    "cover for nothing": (
        "member",
        """UPDATE allocations
           SET months = months || '2031-01'::text, programmes = programmes || programmes[1]
           WHERE id = (SELECT id FROM allocations LIMIT 1)""",
        "1 months covered unpaid",
    ),
    "a payment missing from an agent's activity": (
        "agent",
        """DELETE FROM coverage_answers WHERE allocation_id = (
               SELECT allocation_id FROM coverage_answers WHERE agent_id IS NOT NULL LIMIT 1)""",
        "1 answers that agent-service does not have",
    ),
    "an answer about somebody else": (
        "payment",
        """UPDATE coverage_answers SET agent_id = gen_random_uuid()
           WHERE allocation_id = (SELECT allocation_id FROM coverage_answers LIMIT 1)""",
        "1 answers that payment-service does not have",
    ),
    "a decision that nobody made": (
        "payment",
        "INSERT INTO agent_decisions VALUES (gen_random_uuid(), now(), true)",
        "1 decisions of payment-service that are none",
    ),
    "a payment that waits for its commission": (
        "payment",
        """INSERT INTO commission_waits
           SELECT id, payment_id, counts_at, true FROM allocations LIMIT 1""",
        "1 allocations without an answer, or whose commission is not computed",
    ),
    "an opposite line of nothing": (
        "payment",
        """INSERT INTO commission_lines (earned_month, booked_month, beneficiary_kind,
               beneficiary_id, agent_id, member_id, payment_id, allocation_id, scheme_id, cause,
               rule, contribution_month, programme, month_index, base, rate_bps, parts, entry_no,
               reason, recorded_at)
           SELECT earned_month, booked_month, beneficiary_kind, gen_random_uuid(), agent_id,
                  member_id, payment_id, allocation_id, scheme_id, cause, rule,
                  contribution_month, programme, month_index, -base, rate_bps, -parts, 2,
                  'recomputed', now()
           FROM commission_lines LIMIT 1""",
        "1 opposite lines that do not mirror the line before",
    ),
    "a line for another month": (
        "payment",
        """UPDATE commission_lines SET earned_month = '2025-01'
           WHERE id = (SELECT min(id) FROM commission_lines)""",
        f"2 commission lines {DIFFER}",
    ),
    "a line booked again in another month": (
        "payment",
        """INSERT INTO commission_lines (earned_month, booked_month, beneficiary_kind,
               beneficiary_id, agent_id, member_id, payment_id, allocation_id, scheme_id, cause,
               rule, contribution_month, programme, month_index, base, rate_bps, parts, entry_no,
               recorded_at)
           SELECT '2025-01', booked_month, beneficiary_kind, beneficiary_id, agent_id, member_id,
                  payment_id, allocation_id, scheme_id, cause, rule, contribution_month, programme,
                  month_index, base, rate_bps, parts, entry_no, now()
           FROM commission_lines WHERE base > 0 LIMIT 1""",
        "1 commission lines booked twice",
    ),
    "a line of double the rate": (
        "payment",
        """UPDATE commission_lines SET rate_bps = rate_bps * 2, parts = parts * 2
           WHERE id = (SELECT min(id) FROM commission_lines)""",
        f"2 commission lines {DIFFER}",
    ),
    "a stored sum of a month that is one line too many": (
        "payment",
        """UPDATE commission_month_sums SET line_count = line_count + 1
           WHERE month = (SELECT min(month) FROM commission_month_sums)""",
        "1 months whose stored sums",
    ),
    "a line too few": (
        "payment",
        "DELETE FROM commission_lines WHERE id = (SELECT min(id) FROM commission_lines)",
        f"1 commission lines {DIFFER}",
    ),
    "a month closed without its statements": (
        "payment",
        """INSERT INTO commission_months SELECT min(booked_month), now(), gen_random_uuid(),
               0, 0, 0, 0, 0 FROM commission_lines
           ON CONFLICT (month) DO UPDATE SET month = '2031-01';
           DELETE FROM statements
           WHERE NOT EXISTS (SELECT FROM payout_items WHERE statement_id = statements.id)""",
        "statements",
    ),
}


@pytest.fixture(scope="module")
async def copies(
    platform: Platform, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Copies:
    """What a platform holds after some payments, with and without an agent."""
    with platform.business_time(AT):
        customers = await customers_of_agent(platform, 3) + await new_customers(platform, 1)
        async with platform.bank() as bank:
            for each in customers:
                await pay_until_answered(bank, each, new_external_ids=True)
        assert await books.caught_up(platform)
    sources = books.urls_of(platform).items()
    return copy_databases(databases, sources, tmp_path_factory.mktemp("copies"))


Broken = Callable[[dict[str, str]], Awaitable[Copies]]


@pytest.fixture
def broken(databases: Databases, copies: Copies) -> Iterator[Broken]:
    """Make copies of copies, and do this to them: `await broken({"payment": "DELETE …"})`."""
    made: list[Urls] = []

    async def do(statements: dict[str, str]) -> Copies:
        changed = {}
        for name, statement in statements.items():
            changed[name] = databases.copy(copies[name].name, name)
            made.append(changed[name])
            connection = await asyncpg.connect(changed[name].owner)
            await connection.execute(statement)
            await connection.close()
        return {**copies, **changed}

    yield do
    for urls in made:
        databases.drop(urls)


def owners(copies: Copies) -> dict[str, str]:
    return {name: urls.owner for name, urls in copies.items()}


async def test_copies_of_sound_books_have_no_fault(copies: Copies) -> None:
    assert await books.unread(owners(copies)) == []
    assert await books.find_faults(owners(copies)) == []


TOGETHER = 6
"""So many copies hold all faults in a short run; in a long one each fault has its own."""
DEALT = [list(FAULTS)[first::TOGETHER] for first in range(TOGETHER)]


@pytest.mark.parametrize(
    "faults",
    [
        *[pytest.param(each, id=f"together {place}") for place, each in enumerate(DEALT)],
        *[pytest.param([each], id=each, marks=pytest.mark.soak) for each in FAULTS],
    ],
)
async def test_faults_in_the_books_are_found(broken: Broken, faults: list[str]) -> None:
    planted: dict[str, str] = {}
    for where, statement, _ in map(FAULTS.__getitem__, faults):
        planted[where] = f"{planted.get(where, '')}{statement};"

    found = await books.find_faults(owners(await broken(planted)))

    missed = [each for each in faults if not any(FAULTS[each][2] in said for said in found)]
    assert missed == []


async def test_event_that_somebody_has_not_read_is_found(broken: Broken) -> None:
    behind = "UPDATE subscriptions SET position = position - 1 WHERE name = 'payments'"
    unnumbered = """
        INSERT INTO events (id, type, subject, data, occurred_at)
        VALUES (gen_random_uuid(), 'a', 'b', '{}', now())"""

    found = await books.unread(owners(await broken({"member": behind, "agent": unnumbered})))

    assert found == ["1 events of agent without a number", "1 events that payments has not read"]


UNTOUCHED = dict.fromkeys(replay.READERS, "SELECT 1")


async def test_reading_all_events_again_gives_the_same_state(
    broken: Broken, platform: Platform
) -> None:
    assert await replay.differences(await broken(UNTOUCHED), platform.keyring) == []


async def test_state_that_no_event_explains_is_found(broken: Broken, platform: Platform) -> None:
    unexplained = {
        "agent": "UPDATE coverage_answers SET counts_on = '2031-01-01'",
        "member": "UPDATE members SET ends_on = ends_on + 1",
        "payment": "UPDATE commission_lines SET rate_bps = rate_bps * 2, parts = parts * 2",
    }

    assert await replay.differences(await broken(unexplained), platform.keyring) == [
        "commission lines of payment differ after reading all events again",
        "activity of agent differ after reading all events again",
        "standings of member differ after reading all events again",
    ]


async def test_journal_that_does_not_balance_is_found() -> None:
    entry = "2026-11-03 (1) a | b\n    ; key:c\n    assets:a  {} IDR\n    x:b  -5 IDR\n\n"

    assert journal.read_balances(entry.format(5)) == ({"a": 5, "b": -5}, [])
    assert journal.read_balances(entry.format(6))[1] == [
        "an entry of the journal is 1 out of balance"
    ]
    declared = "commodity 1000. IDR\naccount assets:a\naccount x:b\n\n" + entry.format(5)
    assert await journal.faults(declared, held={"a": 5, "b": -5}) == []
    assert "the journal and the ledger differ on 1 accounts" in await journal.faults(
        declared, held={"a": 5, "b": -4}
    )


@pytest.mark.skipif(journal.HLEDGER is None, reason="hledger is not installed")
async def test_journal_with_an_account_that_is_not_declared_is_found() -> None:
    entry = "2026-11-03 (1) a | b\n    assets:a  5 IDR\n    x:b  -5 IDR\n\n"

    assert await journal.faults("commodity 1000. IDR\n\n" + entry, held={"a": 5, "b": -5}) == [
        "hledger finds a fault in the journal"
    ]
