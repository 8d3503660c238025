import asyncio
import re
from collections.abc import Awaitable, Callable
from io import StringIO

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from payment_service import checks
from payment_service.bills.schemas import BillOut
from payment_service.ledger import service as ledger
from payment_service.ledger.rules import TransferCode
from payment_service.ledger.tasks import every_hour
from payment_service.payments.models import Payment
from payment_service.tables import MIGRATIONS
from perisai_kit.db.connections import to_asyncpg_url
from perisai_kit.db.engine import Database
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.testing.plugin import Databases, Urls

IssueBill = Callable[..., Awaitable[BillOut]]
Settle = Callable[..., Awaitable[Payment]]
BASELINE = "0002"
"""From here on a migration runs beside the version before: expand, deploy, contract."""
FIRST = "0003"
"""The first one after it."""

SHORT_LIVED = {
    "renamed_members",
    "attribution_periods",  # each event replaces all periods of a member
    "commission_waits",
    "month_closing_entries",  # work of a close, deleted at its end
    "scheme_comparisons",  # reports, deleted after 30 days
    "scheme_comparison_months",
    "scheme_comparison_beneficiaries",
    "payout_run_entries",  # work of a run, deleted when it is prepared
    "pgqueuer",  # jobs, deleted when they are done
    "pgqueuer_log",
    "ledger_balance_snapshots",  # sums, which can be added up again
    "snap_access_tokens",
    "snap_unproven_requests",
}
NEVER_CHANGED = (
    "agent_decisions",
    "allocations",
    "bank_partner_changes",
    "bill_lines",
    "bonus_review_steps",
    "cause_dismissals",
    "commission_lines",
    "commission_months",
    "event_positions",
    "flagged_acquisitions",
    "held_statements",
    "idempotency_keys",
    "ledger_postings",
    "ledger_transfers",
    "orders",
    "payee_accounts",
    "payment_requests",
    "payments",
    "payout_confirmations",
    "payout_run_omissions",
    "payout_stops",
    "payout_transfer_changes",
    "read_audits",
    "snap_external_ids",
    "statements",
    "tax_computation_items",
    "tax_computations",
    "tax_remittances",
    "wadah_agreements",
    "wadah_terminations",
    "withholdings",
)


def test_the_migrations_have_one_head() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


async def test_an_empty_database_is_brought_to_the_head(databases: Databases) -> None:
    urls = databases.empty()
    config = databases.alembic_config("payment", urls.owner)

    await asyncio.to_thread(command.upgrade, config, "head")

    engine = create_async_engine(to_asyncpg_url(urls.app))
    async with engine.connect() as connection:
        version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    await engine.dispose()
    assert version == ScriptDirectory(str(MIGRATIONS)).get_current_head()


async def test_the_migrations_build_what_the_models_say(
    databases: Databases, shared_urls: Urls
) -> None:
    config = databases.alembic_config("payment", shared_urls.owner)
    found = StringIO()
    config.stdout = found

    await asyncio.to_thread(command.check, config)  # raises where models and tables differ

    assert "No new upgrade operations detected" in found.getvalue()


@pytest.mark.parametrize("table", NEVER_CHANGED)
async def test_the_running_service_may_only_add_to_a_record(
    session: AsyncSession, table: str
) -> None:
    may = {
        right: await session.scalar(
            text("SELECT has_table_privilege('payment_app', :table, :right)"),
            {"table": table, "right": right},
        )
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    }

    assert may == {
        "SELECT": True,
        "INSERT": True,
        "UPDATE": False,
        "DELETE": False,
        "TRUNCATE": False,
    }


async def test_events_are_never_changed_or_deleted(session: AsyncSession) -> None:
    async def may(query: str) -> bool:
        return bool(await session.scalar(text(f"SELECT {query}")))

    assert not await may("has_any_column_privilege('payment_app', 'events', 'UPDATE')")
    assert not await may("has_table_privilege('payment_app', 'events', 'DELETE')")


async def test_the_running_service_locks_no_table_of_the_books(session: AsyncSession) -> None:
    maintained = await session.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND has_table_privilege('payment_app', oid, 'MAINTAIN')"
        )
    )

    assert maintained.all() == []


LENT = [
    ("bills", "updated_at", "timestamptz NOT NULL DEFAULT now()"),
    ("attribution_periods", "recorded_at", "timestamptz NOT NULL DEFAULT now()"),
    ("bank_partners", "external_id_format", "varchar(40) NOT NULL DEFAULT 'numeric'"),
    ("bank_partners", "previous_client_secret", "bytea"),
    ("bank_partners", "previous_client_secret_until", "timestamptz"),
    ("bank_partners", "previous_public_key_pem", "text"),
    ("bank_partners", "previous_public_key_until", "timestamptz"),
    ("bank_partners", "previous_allowed_sources", "text[]"),
    ("bank_partners", "previous_sources_until", "timestamptz"),
]


async def _lend(owner: Database) -> None:
    """Lend the baseline what the present code writes and later migrations add."""
    async with owner.begin() as session:
        for table, column, kind in LENT:
            await session.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))
        await session.execute(text("GRANT UPDATE ON attribution_periods TO payment_app"))


async def _take_back(owner: Database) -> None:
    async with owner.begin() as session:
        for table, column, _ in LENT:
            await session.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


async def test_the_first_migration_after_the_baseline_runs_beside_the_version_before(
    databases: Databases, keyring: Keyring, issue_bill: IssueBill, settle: Settle
) -> None:
    urls = databases.empty("payment")
    config = databases.alembic_config("payment", urls.owner)
    await asyncio.to_thread(command.upgrade, config, BASELINE)
    database = Database(urls.app, keyring=keyring)
    owner = Database(urls.owner, keyring=keyring)
    await _lend(owner)
    for _ in range(3):
        async with database.begin() as session:
            await settle(session, await issue_bill(session))
    await _take_back(owner)
    await owner.dispose()
    async with database.read() as session:
        before = await ledger.list_accounts(session, cursor=None, limit=100)

    # What the version before does to store balances, while others book.
    async with database.begin() as older:
        await older.execute(text("LOCK TABLE ledger_transfers IN SHARE MODE"))
        await asyncio.wait_for(asyncio.to_thread(command.upgrade, config, FIRST), 30)
    await asyncio.to_thread(command.upgrade, config, "head")

    await every_hour(database)
    async with database.begin() as session:
        await settle(session, await issue_bill(session))
        after = await ledger.list_accounts(session, cursor=None, limit=100)
        faults = await checks.find_faults(session)
    await database.dispose()
    assert faults == []
    assert sum(each.debits for each in before.items) * 4 == 3 * sum(
        each.debits for each in after.items
    )


async def test_an_answer_may_change_but_not_its_allocation(session: AsyncSession) -> None:
    async def may(column: str) -> bool:
        asked = text(
            "SELECT has_column_privilege('payment_app', 'coverage_answers', :name, 'UPDATE')"
        )
        return bool(await session.scalar(asked, {"name": column}))

    assert await may("answer_no")
    fixed = ("allocation_id", "payment_id", "bill_id", "member_id")
    assert [name for name in fixed if await may(name)] == []


async def test_no_table_lets_the_running_service_delete_money(session: AsyncSession) -> None:
    deletable = await session.scalars(
        text(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND has_table_privilege('payment_app', oid, 'DELETE')"
        )
    )

    assert set(deletable) <= SHORT_LIVED


async def test_the_ledger_takes_exactly_the_codes_of_the_rules(session: AsyncSession) -> None:
    check = await session.scalar(
        text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conname = 'ck_ledger_transfers_code'"
        )
    )

    assert set(re.findall(r"'([a-z_]+)'", check)) == set(TransferCode)
