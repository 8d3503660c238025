"""Whether the books of this service hold, asked of the tables in a second, independent way.

For tests, load and crash runs, and audits; it reads everything.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service.ledger import service as ledger

_COUNTS = {
    "paid bills without a payment, or payments of bills that are not paid": """
        SELECT count(*) FROM bills FULL JOIN payments ON payments.bill_id = bills.id
        WHERE (bills.status = 'paid') <> (payments.id IS NOT NULL)""",
    "payments of another amount than their bill": """
        SELECT count(*) FROM payments JOIN bills ON bills.id = payments.bill_id
        WHERE payments.amount <> bills.amount""",
    "payments that count at another instant than their bill was paid": """
        SELECT count(*) FROM payments JOIN bills ON bills.id = payments.bill_id
        WHERE payments.paid_at IS DISTINCT FROM bills.paid_at""",
    "payments that count before the issue of their bill or after their receipt": """
        SELECT count(*) FROM payments JOIN bills ON bills.id = payments.bill_id
        WHERE payments.paid_at NOT BETWEEN least(issued_at, received_at) AND received_at""",
    "transfers of a payment on another day than it counts": """
        SELECT count(*) FROM payments
        JOIN ledger_transfers ON cause = 'payment:' || payments.id
            AND code = 'contribution_received'
        WHERE business_on <> (paid_at AT TIME ZONE 'Asia/Jakarta')::date""",
    "bills of another amount than their lines": """
        SELECT count(*) FROM bills LEFT JOIN (
            SELECT bill_id, sum(amount) AS amount, count(DISTINCT month) AS months
            FROM bill_lines GROUP BY bill_id) AS lines ON lines.bill_id = bills.id
        WHERE (bills.amount, bills.month_count) IS DISTINCT FROM (lines.amount, lines.months)""",
    "paid lines without their transfer, or transfers without their paid line": """
        SELECT count(*) FROM (
            SELECT 'payment:' || payments.id || ':' || programme || ':' || month AS key,
                   bill_lines.amount, 'bank_collection:' || partner_id AS debit_account,
                   'bpjs_payable:' || programme || ':' || month AS credit_account
            FROM bill_lines JOIN payments USING (bill_id)) AS lines
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = 'contribution_received') AS booked
            ON booked.key = lines.key
        WHERE (booked.amount, booked.debit_account, booked.credit_account)
            IS DISTINCT FROM (lines.amount, lines.debit_account, lines.credit_account)""",
    "payments without exactly one event, or events without their payment": """
        SELECT count(*) FROM (SELECT id, amount FROM payments) AS booked
        FULL JOIN (
            SELECT (data ->> 'payment_id')::uuid AS id, max((data ->> 'amount')::bigint) AS amount,
                   count(*) AS count
            FROM events WHERE type = 'payment.settled.v1' GROUP BY 1) AS told USING (id)
        WHERE (booked.amount, 1::bigint) IS DISTINCT FROM (told.amount, told.count)""",
    "statements that are not their lines, or lines of closed months on no statement": """
        SELECT count(*) FROM statements FULL JOIN (
            SELECT beneficiary_id, earned_month AS month, count(*) AS count, sum(parts) AS parts
            FROM commission_lines, commission_watermark
            WHERE earned_month <= closed_through GROUP BY 1, 2) AS lines
            USING (beneficiary_id, month)
        WHERE (line_count, contribution_parts + acquisition_parts + override_parts)
            IS DISTINCT FROM (lines.count, lines.parts)""",
    "beneficiaries whose statements are not the whole rupiah of all they earned": """
        SELECT count(*) FROM (
            SELECT beneficiary_id, sum(amount) AS amount, max(total_parts) AS total,
                   sum(contribution_parts + acquisition_parts + override_parts) AS parts
            FROM statements GROUP BY 1) AS stated
        WHERE amount <> floor(parts / 10000) OR total <> parts""",
    "statements without their transfer, or transfers without their statement": """
        SELECT count(*) FROM (
            SELECT 'statement:' || id || '\\:incentive_accrued' AS key, amount,
                   'incentive_expense:' || month AS debit_account,
                   'incentive_payable:' || beneficiary_id AS credit_account
            FROM statements WHERE amount > 0) AS stated
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = 'incentive_accrued') AS booked
            ON booked.key = stated.key
        WHERE (booked.amount, booked.debit_account, booked.credit_account)
            IS DISTINCT FROM (stated.amount, stated.debit_account, stated.credit_account)""",
    "commission lines of payments that were not counted in their month": """
        SELECT count(*) FROM commission_lines LEFT JOIN commission_payments
            USING (payment_id, earned_month, member_id, agent_id)
        WHERE commission_payments.payment_id IS NULL""",
    "payments counted for commission that differ from the payment": """
        SELECT count(*) FROM commission_payments AS counted LEFT JOIN payments
            ON payments.id = counted.payment_id
            AND payments.agent_id IS NOT DISTINCT FROM counted.agent_id
            AND payments.amount = (SELECT sum((line ->> 2)::bigint)
                                   FROM jsonb_array_elements(counted.lines) AS line)
        WHERE payments.id IS NULL""",
}


async def find_faults(session: AsyncSession) -> list[str]:
    """Return what is wrong with the books, one sentence each; nothing when they hold."""
    counted = {what: await session.scalar(text(query)) for what, query in _COUNTS.items()}
    found = [f"{count} {what}" for what, count in counted.items() if count]
    return [*found, *await ledger.find_faults(session)]
