"""All events once more: what the readers of the feeds hold must come out the same.

On copies of the databases: what a subscription has written is emptied, its cursor forgotten, and
the feed read from the beginning by the services' own handlers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from member_service_tests.registrations.histories import TERMS
from stage.connections import connect

from agent_service import worker as agent_worker
from member_service import worker as member_worker
from payment_service import worker as payment_worker
from payment_service.commissions.tasks import Computation
from perisai_kit.db.engine import Database
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.events.subscription import Subscription
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Urls


@dataclass(frozen=True)
class Reader:
    """emptied: what forgets. held: by name, the questions that must be answered alike again."""

    emptied: Sequence[str]
    held: Mapping[str, str]


# The lines that stand, whole but for the month they are booked in, which follows what was closed.
_STANDING_LINES = """
    SELECT allocation_id, member_id, agent_id, earned_month, scheme_id, cause, rule,
           beneficiary_kind, beneficiary_id, base, rate_bps, parts, contribution_month, programme,
           month_index
    FROM (
        SELECT DISTINCT ON (allocation_id, cause, contribution_month, programme, rule,
                            beneficiary_kind) *
        FROM commission_lines
        ORDER BY allocation_id, cause, contribution_month, programme, rule, beneficiary_kind,
                 entry_no DESC) AS last
    WHERE base > 0"""
READERS = {
    "agent": Reader(
        ("TRUNCATE coverage_answers",),
        {"activity": "SELECT * FROM coverage_answers"},
    ),
    "member": Reader(
        (
            "TRUNCATE allocations, allocation_reversals, registrations, known_agents",
            """UPDATE members SET paid_through = NULL, first_unpaid = NULL, ends_on = NULL,
                   end_reason = NULL""",
            "DELETE FROM events WHERE type LIKE 'coverage.%' OR type LIKE 'registration.%'",
        ),
        {
            "answers to allocations": """
                SELECT id, payment_id, bill_id, member_id, counts_at, months, programmes, declined,
                       withdrawn
                FROM allocations""",
            "reversals": "SELECT * FROM allocation_reversals",
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
                   commission_beneficiaries, coverage_answers, agent_decisions, wadah_agreements,
                   wadah_terminations, payee_accounts""",
            "UPDATE commission_watermark SET closed_through = NULL, counted_through = NULL",
        ),
        {
            "commission lines": _STANDING_LINES,
            "acquisitions": """
                SELECT allocation_id, agent_id, month FROM commission_acquisitions
                WHERE agent_id IS NOT NULL""",
            "beneficiaries": "SELECT * FROM commission_beneficiaries",
            "answers": "SELECT * FROM coverage_answers",
            "decisions": "SELECT * FROM agent_decisions",
            "agreements": "SELECT * FROM wadah_agreements",
            "terminations": "SELECT * FROM wadah_terminations",
            "accounts": "SELECT * FROM payee_accounts",
        },
    ),
}


async def differences(urls: Mapping[str, Urls], keyrings: Callable[[str], Keyring]) -> list[str]:
    """Read every feed again on these copies, and return what comes out otherwise.

    member-service is the last: it publishes, and nobody numbers what is published in a copy.
    keyrings: of the platform's services, by name.
    """
    databases = {
        name: Database(each.app, pool_size=2, keyring=keyrings(name)) for name, each in urls.items()
    }
    found = []
    try:
        for name in ("payment", "agent", "member"):
            reader, owner = READERS[name], urls[name].owner
            before = await _held(owner, reader)
            await _run(owner, *reader.emptied, "TRUNCATE subscriptions")
            await _read_again(name, databases)
            after = await _held(owner, reader)
            found += [
                f"{what} of {name} differ after reading all events again"
                for what in reader.held
                if after[what] != before[what]
            ]
    finally:
        for database in databases.values():
            await database.dispose()
    return found


async def _read_again(name: str, databases: Mapping[str, Database]) -> None:
    agents, members, payments = (
        LocalFeed(databases[each], source=each, signals=Signals())
        for each in ("agent", "member", "payment")
    )
    subscriptions: Sequence[Subscription]
    match name:
        case "payment":
            subscriptions = payment_worker.subscriptions(
                own=payments, members=members, agents=agents, poll_s=0
            )
        case "agent":
            subscriptions = agent_worker.subscriptions(members=members, poll_s=0)
        case _:
            subscriptions = member_worker.subscriptions(
                agents=agents, payments=payments, terms=TERMS, poll_s=0
            )
    for subscription in subscriptions:
        while await subscription.step(databases[name]):
            pass
    if name == "payment":
        while await Computation(agents).run(databases[name]):
            pass


async def _run(url: str, *statements: str) -> None:
    async with connect(url) as connection:
        for statement in statements:
            await connection.execute(statement)


async def _held(url: str, reader: Reader) -> dict[str, str]:
    """Return one short text for all that a reader holds, by what it is."""
    async with connect(url) as connection:
        return {
            what: await connection.fetchval(
                f"""SELECT count(*) || ' ' || md5(coalesce(string_agg(each, '' ORDER BY each), ''))
                    FROM (SELECT md5(held::text) AS each FROM ({question}) AS held) AS held"""  # noqa: S608 - from READERS above
            )
            for what, question in reader.held.items()
        }
