"""What must be true of all databases together after whatever happened."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stage import journal, questions, second_commission
from stage.connections import connect
from stage.processes import DATABASES, Platform
from stage.waiting import PATIENCE_S, until

from payment_service import checks
from payment_service.banks import service as banks
from payment_service.ledger import service as ledger
from payment_service.verifications import service as verifications
from perisai_kit.db.engine import Database

Urls = Mapping[str, str]
"""Where each database is, for its owner, who may read everything."""
FEEDS = {"accounts": "agent", "agents": "agent", "members": "member", "payments": "payment"}
"""Whose events a subscription reads, by the last word of its name."""
MIN_SUBSCRIPTIONS = 8
_HEAD = "SELECT coalesce(max(position), 0) FROM event_positions"


def urls_of(platform: Platform) -> Urls:
    """Return where the databases of a platform are."""
    return {name: platform.described["databases"][name]["owner"] for name in DATABASES}


async def caught_up(platform: Platform, *, patience_s: float = PATIENCE_S) -> bool:
    """Wait until every event has its number and has been read by all who read its feed."""

    async def all_read() -> bool:
        return await unread(urls_of(platform)) == []

    return await until(all_read, patience_s=patience_s)


async def unread(urls: Urls) -> list[str]:
    """Return which events wait for their number or for a reader, and what is not computed yet."""
    heads: dict[str, int] = {}
    cursors: list[tuple[str, int]] = []
    found = []
    for name, url in urls.items():
        async with connect(url) as connection:
            waiting = await connection.fetchval(
                "SELECT count(*) FROM events WHERE NOT EXISTS"
                " (SELECT FROM event_positions WHERE event_id = events.id)"
            )
            found += [f"{waiting} events of {name} without a number"] if waiting else []
            heads[name] = await connection.fetchval(_HEAD)
            rows = await connection.fetch("SELECT name, position FROM subscriptions")
            cursors += [(row["name"], row["position"]) for row in rows]
    if len(cursors) < MIN_SUBSCRIPTIONS:
        found.append(f"only {len(cursors)} subscriptions have begun")
    async with connect(urls["payment"]) as connection:
        waiting = await connection.fetchval("SELECT count(*) FROM commission_waits")
        found += [f"{waiting} payments wait for their commission"] if waiting else []
    for name, position in cursors:
        left = heads[FEEDS[name.split(".")[-1]]] - position
        found += [f"{left} events that {name} has not read"] if left else []
    return found


async def faults(platform: Platform) -> list[str]:
    """Return what does not add up, in words; nothing is what we want."""
    found = await find_faults(urls_of(platform))
    debits, credits, received = await _sums(platform)
    if not debits == credits == received:
        found.append(f"debits {debits}, credits {credits}, received {received}")
    return found


async def find_faults(urls: Urls) -> list[str]:
    """As `faults`, of databases without a platform around them."""
    return [
        *await _counted_faults(urls),
        *await _differences_between(urls),
        *await _service_faults(urls["payment"]),
        *await second_commission.faults(
            payment_url=urls["payment"], member_url=urls["member"], agent_url=urls["agent"]
        ),
    ]


async def _counted_faults(urls: Urls) -> list[str]:
    found = []
    for name, url in urls.items():
        asked = questions.EVERYWHERE | (questions.PAYMENT if name == "payment" else {})
        async with connect(url) as connection:
            for what, question in asked.items():
                count = await connection.fetchval(question)
                found += [f"{count} {what} ({name})"] if count else []
    return found


async def _differences_between(urls: Urls) -> list[str]:
    """Compare what two services each hold of the same facts."""
    paid = await _rows(urls["payment"], questions.PAID_MONTHS)
    if not paid:
        return ["nothing was paid, so nothing is shown"]
    compared = [
        ("paid months without cover", "months covered unpaid", paid, "member", "COVERED_MONTHS"),
        *[
            (
                f"answers that {name}-service does not have",
                f"answers of {name}-service that are none",
                await _rows(urls["member"], questions.ANSWERS),
                name,
                "KNOWN_ANSWERS",
            )
            for name in ("payment", "agent")
        ],
        (
            "decisions on agents that payment-service does not have",
            "decisions of payment-service that are none",
            await _rows(urls["agent"], questions.DECISIONS),
            "payment",
            "KNOWN_DECISIONS",
        ),
    ]
    found = []
    for missing, surplus, wanted, elsewhere, question in compared:
        held = await _rows(urls[elsewhere], getattr(questions, question))
        counts = {missing: (wanted - held).total(), surplus: (held - wanted).total()}
        found += [f"{count} {what}" for what, count in counts.items() if count]
    return found


async def _service_faults(payment_url: str) -> list[str]:
    """Ask the service's own check, and an accountant's program who reads its journal."""
    database = Database(payment_url, pool_size=1)
    try:
        async with database.read() as session:
            found = await checks.find_faults(session)
            found += await verifications.find_faults(session)
            names = await banks.list_account_names(session)
            plan = await ledger.plan_export(session, bank_names=names)
            exported = "".join([piece async for piece in ledger.export(session, plan)])
    finally:
        await database.dispose()
    async with connect(payment_url) as connection:
        rows = await connection.fetch(questions.BALANCES)
    held = {row["account"]: row["balance"] for row in rows}
    return found + await journal.faults(exported, held=held)


async def _sums(platform: Platform) -> tuple[int, int, int]:
    """Return what was collected as the finance officer sees both sides, and all payments."""
    async with platform.staff("finance1") as finance:
        accounts = await finance.list_all("/v1/ledger/accounts")
    collected = [each for each in accounts if each["purpose"] == "collection"]
    async with platform.database("payment") as connection:
        received = await connection.fetchval(
            "SELECT coalesce(sum(amount), 0)::bigint FROM payments"
        )
    debits, credits = (sum(each[side] for each in collected) for side in ("debits", "credits"))
    return debits, credits, received


async def _rows(url: str, question: str) -> Counter[tuple[Any, ...]]:
    async with connect(url) as connection:
        return Counter(tuple(row) for row in await connection.fetch(question))
