"""What must be true of all databases together after whatever happened."""

from collections import Counter
from typing import Any

from stage.processes import DATABASES, Platform
from stage.waiting import until

FEEDS = {"agents": "agent", "members": "member", "payments": "payment"}
"""Whose events a subscription reads, by the last word of its name."""
MIN_SUBSCRIPTIONS = 5

# Each counts what must not be there.
PAYMENT_FAULTS = {
    "payments without one settled callback": """
        SELECT count(*) FROM payments WHERE 1 <> (
            SELECT count(*) FROM callbacks
            WHERE callbacks.payment_id = payments.id AND verdict = 'settled')""",
    "settled callbacks without their payment": """
        SELECT count(*) FROM callbacks LEFT JOIN payments ON payments.id = callbacks.payment_id
        WHERE verdict = 'settled' AND (payments.id IS NULL
            OR payments.partner_id <> callbacks.partner_id
            OR payments.payment_request_id <> callbacks.request_id)""",
    "answers of success to a payment that is not booked": """
        SELECT count(*) FROM callbacks WHERE response_code = '2002500' AND NOT EXISTS (
            SELECT FROM payments WHERE payments.partner_id = callbacks.partner_id
                AND payments.payment_request_id = callbacks.request_id)""",
    "paid bills without one payment of their amount": """
        SELECT count(*) FROM bills WHERE (status = 'paid') <> (1 = (
            SELECT count(*) FROM payments
            WHERE payments.bill_id = bills.id AND payments.amount = bills.amount))""",
    "bills that differ from their lines": """
        SELECT count(*) FROM bills WHERE amount <> (
            SELECT sum(amount) FROM bill_lines WHERE bill_lines.bill_id = bills.id)""",
    "payments that differ from their transfers": """
        SELECT count(*) FROM payments WHERE amount IS DISTINCT FROM (
            SELECT sum(amount) FROM ledger_transfers WHERE cause = 'payment:' || payments.id)""",
    "transfers of no payment": """
        SELECT count(*) FROM ledger_transfers WHERE NOT EXISTS (
            SELECT FROM payments WHERE cause = 'payment:' || payments.id)""",
    "payments not told once": """
        SELECT count(*) FROM payments WHERE 1 <> (
            SELECT count(*) FROM events WHERE type = 'payment.settled.v1'
                AND data ->> 'payment_id' = payments.id::text)""",
}
PAID_LINES = """
    SELECT bills.member_id, bill_lines.month, programme, payments.id AS payment_id
    FROM payments JOIN bills ON bills.id = bill_id JOIN bill_lines USING (bill_id)
"""
COVERED_MONTHS = "SELECT member_id, month, programme, payment_id FROM coverage_months"


async def caught_up(platform: Platform) -> bool:
    """Wait until every event has its number and has been read by all who read its feed."""
    return await until(lambda: _all_read(platform))


async def _all_read(platform: Platform) -> bool:
    heads: dict[str, int] = {}
    positions: list[tuple[str, int]] = []
    for name in DATABASES:
        async with platform.database(name) as connection:
            if await connection.fetchval("SELECT count(*) FROM events WHERE position IS NULL"):
                return False
            heads[name] = await connection.fetchval("SELECT coalesce(max(position), 0) FROM events")
            rows = await connection.fetch("SELECT name, position FROM subscriptions")
            positions += [(FEEDS[row["name"].split(".")[-1]], row["position"]) for row in rows]
    assert len(positions) >= MIN_SUBSCRIPTIONS
    return all(position == heads[source] for source, position in positions)


async def faults(platform: Platform) -> list[str]:
    """Return what does not add up, in words; nothing is what we want."""
    found = []
    async with platform.database("payment") as connection:
        for what, question in PAYMENT_FAULTS.items():
            count = await connection.fetchval(question)
            found += [f"{count} {what}"] if count else []
        paid = _counted(await connection.fetch(PAID_LINES))
    async with platform.database("member") as connection:
        covered = _counted(await connection.fetch(COVERED_MONTHS))
    debits, credits, received = await _sums(platform)
    if not debits == credits == received:
        found.append(f"debits {debits}, credits {credits}, received {received}")
    if not paid:
        found.append("nothing was paid, so nothing is shown")
    if paid != covered:
        found.append(f"{len(paid - covered)} paid lines give no cover")
        found.append(f"{len(covered - paid)} covered months are not paid")
    for name in DATABASES:
        async with platform.database(name) as connection:
            parked = await connection.fetchval("SELECT count(*) FROM parked_events")
            found += [f"{parked} parked events of {name}"] if parked else []
    return found


async def _sums(platform: Platform) -> tuple[int, int, int]:
    """Return all debits and all credits as the finance officer sees them, and all payments."""
    debits = credits = 0
    cursor: dict[str, str] = {}
    async with platform.staff("finance1") as finance:
        while True:
            page = await finance.get("/v1/ledger/accounts", **cursor)
            debits += sum(each["debits"] for each in page["items"])
            credits += sum(each["credits"] for each in page["items"])
            if not page["next_cursor"]:
                break
            cursor = {"cursor": page["next_cursor"]}
    async with platform.database("payment") as connection:
        received = await connection.fetchval(
            "SELECT coalesce(sum(amount), 0)::bigint FROM payments"
        )
    return debits, credits, received


def _counted(rows: list[Any]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(map(str, row.values())) for row in rows)
