"""What must be true of all databases together after whatever happened."""

from collections import Counter
from typing import Any

from stage.processes import DATABASES, Platform
from stage.waiting import until

FEEDS = {"agents": "agent", "members": "member", "payments": "payment"}
"""Whose events a subscription reads, by the last word of its name."""
MIN_SUBSCRIPTIONS = 7

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
        SELECT count(*) FROM ledger_transfers WHERE code <> 'incentive_accrued' AND NOT EXISTS (
            SELECT FROM payments WHERE cause = 'payment:' || payments.id)""",
    "incentives owed by no statement, or statements that are not owed": """
        SELECT count(*) FROM (SELECT * FROM statements WHERE amount > 0) AS stated
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = 'incentive_accrued') AS owed
            ON cause = 'statement:' || stated.id
        WHERE owed.amount IS DISTINCT FROM stated.amount""",
    "statements that differ from their lines": """
        SELECT count(*) FROM statements WHERE line_count <> (
            SELECT count(*) FROM commission_lines
            WHERE commission_lines.beneficiary_id = statements.beneficiary_id
                AND earned_month = month)""",
    "payments that were not counted once, or wait": """
        SELECT count(*) FROM payments LEFT JOIN commission_payments AS counted
            ON counted.payment_id = payments.id LEFT JOIN commission_waits AS wait
            ON wait.payment_id = payments.id AND ended_at IS NULL
        WHERE counted.payment_id IS NULL OR wait.payment_id IS NOT NULL""",
    "programmes paid with an agent's help without two lines each": """
        SELECT count(*) FROM payments JOIN bill_lines USING (bill_id)
        WHERE agent_id IS NOT NULL AND 2 <> (
            SELECT count(*) FROM commission_lines AS line
            WHERE line.payment_id = payments.id AND contribution_month = bill_lines.month
                AND line.programme = bill_lines.programme AND base = bill_lines.amount)""",
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
    """Return what was collected as the finance officer sees both sides, and all payments."""
    debits = credits = 0
    cursor: dict[str, str] = {}
    async with platform.staff("finance1") as finance:
        while True:
            page = await finance.get("/v1/ledger/accounts", **cursor)
            collected = [each for each in page["items"] if each["purpose"] == "collection"]
            debits += sum(each["debits"] for each in collected)
            credits += sum(each["credits"] for each in collected)
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
