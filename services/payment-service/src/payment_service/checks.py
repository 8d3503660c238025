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
    "payments without their request id and message, or those of another payment": """
        SELECT count(*) FROM payments
        FULL JOIN payment_requests AS request ON request.payment_id = payments.id
        LEFT JOIN callbacks ON callbacks.id = request.callback_id
        WHERE (payments.partner_id, payments.payment_request_id, payments.id, 'settled')
            IS DISTINCT FROM (request.partner_id, request.request_id, callbacks.payment_id,
                callbacks.verdict)""",
    "messages of a payment or after a message that is not there": """
        SELECT count(*) FROM callbacks LEFT JOIN payments ON payments.id = payment_id
        LEFT JOIN callbacks AS first ON first.id = callbacks.first_id
        WHERE (callbacks.payment_id IS NOT NULL AND payments.id IS NULL)
            OR (callbacks.first_id IS NOT NULL AND first.id IS NULL)""",
    "payments that count at another instant than their bill was paid": """
        SELECT count(*) FROM payments JOIN bills ON bills.id = payments.bill_id
        WHERE payments.paid_at IS DISTINCT FROM bills.paid_at""",
    "payments that count before the issue of their bill or after their receipt": """
        SELECT count(*) FROM payments JOIN bills ON bills.id = payments.bill_id
        WHERE payments.paid_at NOT BETWEEN least(issued_at, received_at) AND received_at""",
    "transfers of a payment on another day than it counts": """
        SELECT count(*) FROM payments
        JOIN ledger_transfers ON cause_id = payments.id AND code = 'contribution_received'
        WHERE business_on <> (paid_at AT TIME ZONE 'Asia/Jakarta')::date""",
    "bills of another amount than their lines": """
        SELECT count(*) FROM bills LEFT JOIN (
            SELECT bill_id, sum(amount) AS amount, count(DISTINCT month) AS months
            FROM bill_lines GROUP BY bill_id) AS lines ON lines.bill_id = bills.id
        WHERE (bills.amount, bills.month_count) IS DISTINCT FROM (lines.amount, lines.months)""",
    "paid lines without their transfer, or transfers without their paid line": """
        SELECT count(*) FROM (
            SELECT payments.id, bill_lines.amount,
                   'bank_collection:' || partner_id AS debit_account,
                   'bpjs_payable:' || programme || ':' || month AS credit_account
            FROM bill_lines JOIN payments USING (bill_id)) AS lines
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = 'contribution_received') AS booked
            ON cause_id = lines.id AND booked.credit_account = lines.credit_account
        WHERE (booked.amount, booked.debit_account, cause_kind)
            IS DISTINCT FROM (lines.amount, lines.debit_account, 'payment')""",
    "paid lines with several transfers": """
        SELECT count(*) FROM (
            SELECT FROM ledger_transfers WHERE code = 'contribution_received'
            GROUP BY cause_id, credit_account HAVING count(*) > 1) AS doubled""",
    "payments without exactly one event, or events without their payment": """
        SELECT count(*) FROM (SELECT id, amount FROM payments) AS booked
        FULL JOIN (
            SELECT (data ->> 'payment_id')::uuid AS id, max((data ->> 'amount')::bigint) AS amount,
                   count(*) AS count
            FROM events WHERE type = 'payment.settled.v1' GROUP BY 1) AS published USING (id)
        WHERE (booked.amount, 1::bigint) IS DISTINCT FROM (published.amount, published.count)""",
    "statements that are not their lines, or lines of closed months on no statement": """
        SELECT count(*) FROM statements FULL JOIN (
            SELECT beneficiary_id, booked_month AS month, count(*) AS count, sum(parts) AS parts
            FROM commission_lines, commission_watermark
            WHERE booked_month <= closed_through GROUP BY 1, 2) AS lines
            USING (beneficiary_id, month)
        WHERE (line_count, contribution_parts + acquisition_parts + override_parts)
            IS DISTINCT FROM (lines.count, lines.parts)""",
    "beneficiaries whose statements are not the whole rupiah of all they earned": """
        SELECT count(*) FROM (
            SELECT beneficiary_id, sum(amount) AS amount,
                   (array_agg(total_parts ORDER BY month DESC))[1] AS total,
                   sum(contribution_parts + acquisition_parts + override_parts) AS parts
            FROM statements GROUP BY 1) AS stated
        WHERE amount <> floor(parts / 10000) OR total <> parts""",
    "statements that bring another debt than the one before carries": """
        SELECT count(*) FROM (
            SELECT brought_debt, lag(greatest(brought_debt - amount, 0), 1, 0)
                OVER (PARTITION BY beneficiary_id ORDER BY month) AS carried_debt
            FROM statements) AS stated
        WHERE brought_debt <> carried_debt""",
    "statements without their transfer, or transfers without their statement": """
        SELECT count(*) FROM (
            SELECT id, 'incentive_accrued' AS code, amount,
                   'incentive_expense:' || month AS debit_account,
                   'incentive_payable:' || beneficiary_id AS credit_account
            FROM statements WHERE amount > 0
            UNION ALL
            SELECT id, 'incentive_reversed', -amount,
                   'incentive_payable:' || beneficiary_id, 'incentive_expense:' || month
            FROM statements WHERE amount < 0) AS stated
        FULL JOIN (
            SELECT * FROM ledger_transfers
            WHERE code IN ('incentive_accrued', 'incentive_reversed')) AS booked
            ON cause_id = stated.id AND booked.code = stated.code
        WHERE (booked.amount, booked.debit_account, booked.credit_account, cause_kind)
            IS DISTINCT FROM
            (stated.amount, stated.debit_account, stated.credit_account, 'statement')""",
    "statements booked several times": """
        SELECT count(*) FROM (
            SELECT FROM ledger_transfers
            WHERE code IN ('incentive_accrued', 'incentive_reversed')
            GROUP BY cause_id HAVING count(*) > 1) AS doubled""",
    "opposite lines that do not mirror the line before": """
        SELECT count(*) FROM commission_lines AS opposite LEFT JOIN commission_lines AS line
            ON line.payment_id = opposite.payment_id AND line.cause = opposite.cause
            AND line.contribution_month IS NOT DISTINCT FROM opposite.contribution_month
            AND line.programme IS NOT DISTINCT FROM opposite.programme
            AND line.rule = opposite.rule AND line.beneficiary_kind = opposite.beneficiary_kind
            AND line.entry_no = opposite.entry_no - 1
            AND line.beneficiary_id = opposite.beneficiary_id
            AND line.earned_month = opposite.earned_month AND line.parts = -opposite.parts
        WHERE opposite.entry_no > 1 AND opposite.base < 0 AND line.id IS NULL""",
    "commission lines that stand, of payments that do not wait, for another agent or month than "
    "was answered": """
        SELECT count(*) FROM (
            SELECT DISTINCT ON (payment_id, cause, contribution_month, programme, rule,
                                beneficiary_kind) *
            FROM commission_lines
            ORDER BY payment_id, cause, contribution_month, programme, rule, beneficiary_kind,
                     entry_no DESC) AS line
        LEFT JOIN coverage_answers AS answer ON answer.payment_id = line.payment_id
            AND answer.agent_id = line.agent_id AND answer.member_id = line.member_id
            AND (line.beneficiary_kind = 'agent' OR answer.wadah_id = line.beneficiary_id)
            AND (line.contribution_month IS NULL OR answer.months ? line.contribution_month)
            AND to_char(answer.counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM')
                = line.earned_month
        WHERE line.base > 0 AND answer.payment_id IS NULL
            AND NOT EXISTS (SELECT FROM commission_waits AS wait
                            WHERE wait.payment_id = line.payment_id)""",
    "contribution lines of another base than the paid line": """
        SELECT count(*) FROM commission_lines AS line JOIN payments ON payments.id = payment_id
        LEFT JOIN bill_lines ON bill_lines.bill_id = payments.bill_id
            AND bill_lines.month = contribution_month AND bill_lines.programme = line.programme
        WHERE cause = 'contribution' AND bill_lines.amount IS DISTINCT FROM abs(line.base)""",
    "commission lines of no payment": """
        SELECT count(*) FROM commission_lines LEFT JOIN payments ON payments.id = payment_id
        WHERE payments.id IS NULL""",
    "answered payments that neither wait nor are counted": """
        SELECT count(*) FROM coverage_answers AS answer JOIN payments ON payments.id = payment_id
        LEFT JOIN commission_waits USING (payment_id), commission_watermark
        WHERE commission_waits.payment_id IS NULL AND (counted_through IS NULL OR counted_through
            < to_char(answer.counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM'))""",
    "published payments without an answer that do not wait for one": """
        SELECT count(*) FROM payments
        JOIN events ON type = 'payment.settled.v1' AND (data ->> 'payment_id')::uuid = payments.id
        JOIN subscriptions ON name = 'commissions.payments'
            AND subscriptions.position >= events.position
        LEFT JOIN coverage_answers AS answer ON answer.payment_id = payments.id
        LEFT JOIN commission_waits AS wait ON wait.payment_id = payments.id
        WHERE answer.payment_id IS NULL AND wait.payment_id IS NULL""",
    "answers to another bill or member than the payment's": """
        SELECT count(*) FROM coverage_answers AS answer JOIN payments ON payments.id = payment_id
        WHERE (answer.bill_id, answer.member_id) <> (payments.bill_id, payments.member_id)""",
}


async def find_faults(session: AsyncSession) -> list[str]:
    """Return what is wrong with the books, one sentence each; nothing when they hold."""
    counted = {what: await session.scalar(text(query)) for what, query in _COUNTS.items()}
    found = [f"{count} {what}" for what, count in counted.items() if count]
    return [*found, *await ledger.find_faults(session)]
