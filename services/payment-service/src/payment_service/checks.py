"""Whether the books of this service hold, asked of the tables in a second, independent way."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from payment_service import hold_checks, payout_checks, tax_checks
from payment_service.ledger import service as ledger
from payment_service.partitions import CALLBACKS
from perisai_kit.db.engine import allow_minutes
from perisai_kit.db.partitions.watch import list_attached

ALL_MINUTES = 600
"""Nobody waits for it but an auditor."""

_COUNTS = {
    "paid bills without exactly one allocation, or allocations to bills that are not paid": """
        SELECT count(*) FROM bills FULL JOIN (
            SELECT bill_id, count(*) AS count FROM allocations
            WHERE kind = 'bill' AND amount > 0 GROUP BY bill_id) AS allocated
            ON allocated.bill_id = bills.id
        WHERE (bills.status = 'paid') IS DISTINCT FROM (allocated.count IS NOT NULL)
            OR allocated.count > 1""",
    "payments that are not the sum of their allocations": """
        SELECT count(*) FROM payments LEFT JOIN (
            SELECT payment_id, sum(amount) AS amount FROM allocations GROUP BY 1) AS used
            ON used.payment_id = payments.id
        WHERE payments.amount IS DISTINCT FROM used.amount""",
    "orders that are not the sum of their bills": """
        SELECT count(*) FROM orders LEFT JOIN (
            SELECT order_id, sum(amount) AS amount, count(*) AS count FROM bills GROUP BY 1) AS own
            ON own.order_id = orders.id
        WHERE (orders.amount, orders.bill_count) IS DISTINCT FROM (own.amount, own.count)""",
    "bills of another instant than their order": """
        SELECT count(*) FROM orders JOIN bills ON bills.order_id = orders.id
        WHERE bills.issued_at <> orders.issued_at""",
    "payments of orders of another amount, but those kept whole": """
        SELECT count(*) FROM payments JOIN orders ON orders.id = payments.order_id
        WHERE payments.amount <> orders.amount AND EXISTS (
            SELECT FROM allocations JOIN bills ON bills.id = allocations.bill_id
            LEFT JOIN suspense_proposals AS decided ON decided.allocation_id = allocations.id
            WHERE allocations.payment_id = payments.id AND kind = 'bill'
                AND allocations.amount > 0 AND decided.id IS NULL)""",
    "approved proposals for suspense without their allocation, or with another one": """
        SELECT count(*) FROM suspense_proposals AS decided LEFT JOIN allocations
            ON allocations.payment_id = decided.payment_id
            AND allocations.id = decided.allocation_id
        WHERE status = 'approved' AND (allocations.kind, allocations.bill_id)
            IS DISTINCT FROM ('bill', decided.bill_id)""",
    "programmes of a month that a member has paid several times": """
        SELECT count(*) FROM (
            SELECT FROM allocations JOIN bill_lines USING (bill_id)
            LEFT JOIN coverage_answers AS answer ON answer.allocation_id = allocations.id
            LEFT JOIN allocations AS opposite ON opposite.reverses = allocations.id
            WHERE allocations.kind = 'bill' AND allocations.amount > 0 AND opposite.id IS NULL
                AND answer.months ? month
            GROUP BY allocations.member_id, answer.first_month, month, programme
            HAVING count(*) > 1) AS doubled""",
    "allocations of another amount or member than their bill": """
        SELECT count(*) FROM allocations JOIN bills ON bills.id = allocations.bill_id
        WHERE kind = 'bill'
            AND (abs(allocations.amount), allocations.member_id)
                <> (bills.amount, bills.member_id)""",
    "allocations taken back that are not there, twice, or otherwise than they were": """
        SELECT count(*) FROM allocations AS opposite LEFT JOIN allocations AS first
            ON first.payment_id = opposite.payment_id AND first.id = opposite.reverses
        WHERE opposite.reverses IS NOT NULL
            AND ((first.kind, first.amount, first.bill_id, first.member_id, first.counts_at)
            IS DISTINCT FROM (opposite.kind, -opposite.amount, opposite.bill_id,
                opposite.member_id, opposite.counts_at)
            OR EXISTS (SELECT FROM allocations AS another
                       WHERE another.reverses = opposite.reverses AND another.id < opposite.id))""",
    "payments without their request id and message, or those of another payment": """
        SELECT count(*) FROM payments
        FULL JOIN payment_requests AS request ON request.payment_id = payments.id
        LEFT JOIN callbacks ON callbacks.id = request.callback_id
        WHERE (request.callback_id IS NULL OR request.callback_id >= :callbacks_since)
            AND (payments.partner_id, payments.payment_request_id, payments.id, 'settled')
            IS DISTINCT FROM (request.partner_id, request.request_id, callbacks.payment_id,
                callbacks.verdict)""",
    "messages of a payment or after a message that is not there": """
        SELECT count(*) FROM callbacks LEFT JOIN payments ON payments.id = payment_id
        LEFT JOIN callbacks AS first ON first.id = callbacks.first_id
        WHERE (callbacks.payment_id IS NOT NULL AND payments.id IS NULL)
            OR (callbacks.first_id >= :callbacks_since AND first.id IS NULL)""",
    "allocations that count at another instant than their bill was paid": """
        SELECT count(*) FROM allocations JOIN bills ON bills.id = allocations.bill_id
        WHERE kind = 'bill' AND allocations.counts_at IS DISTINCT FROM bills.paid_at""",
    "allocations that count neither when paid nor from the beginning of the day of a decision": """
        SELECT count(*) FROM allocations JOIN payments ON payments.id = payment_id
        LEFT JOIN suspense_proposals AS proposal ON proposal.allocation_id = allocations.id
        WHERE allocations.kind = 'bill' AND allocations.amount > 0
            AND counts_at <> paid_at AND counts_at IS DISTINCT FROM
                date_trunc('day', decided_at AT TIME ZONE 'Asia/Jakarta')
                    AT TIME ZONE 'Asia/Jakarta'""",
    "payments that count before the issue of their order or after their receipt": """
        SELECT count(*) FROM payments JOIN orders ON orders.id = payments.order_id
        WHERE payments.paid_at NOT BETWEEN least(issued_at, received_at) AND received_at""",
    "transfers of a payment on another day than it counts": """
        SELECT count(*) FROM allocations
        JOIN ledger_transfers ON cause_id = allocations.id
            AND code IN ('contribution_received', 'suspense_received')
        WHERE business_on <> (counts_at AT TIME ZONE 'Asia/Jakarta')::date""",
    "transfers of a decision or a decline on another day than it was made": """
        SELECT count(*) FROM allocations
        JOIN ledger_transfers ON cause_id = allocations.id
            AND code IN ('contribution_suspended', 'suspense_applied')
        WHERE business_on <> (allocated_at AT TIME ZONE 'Asia/Jakarta')::date""",
    "bills of another amount than their lines": """
        SELECT count(*) FROM bills LEFT JOIN (
            SELECT bill_id, sum(amount) AS amount, count(DISTINCT month) AS months
            FROM bill_lines GROUP BY bill_id) AS lines ON lines.bill_id = bills.id
        WHERE (bills.amount, bills.month_count) IS DISTINCT FROM (lines.amount, lines.months)""",
    "allocated lines without their transfer, or transfers without their allocated line": """
        SELECT count(*) FROM (
            SELECT allocations.id, bill_lines.amount,
                   programme || ':' || month AS payable,
                   CASE WHEN allocations.amount < 0 THEN 'contribution_suspended'
                        WHEN proposal.id IS NULL THEN 'contribution_received'
                        ELSE 'suspense_applied' END AS code, payments.partner_id
            FROM allocations JOIN bill_lines USING (bill_id)
            JOIN payments ON payments.id = payment_id
            LEFT JOIN suspense_proposals AS proposal ON proposal.allocation_id = allocations.id
            WHERE allocations.kind = 'bill') AS lines
        FULL JOIN (
            SELECT *, replace(CASE code WHEN 'contribution_suspended' THEN debit_account
                              ELSE credit_account END, 'bpjs_payable:', '') AS payable,
                   CASE code WHEN 'contribution_suspended' THEN credit_account
                   ELSE debit_account END AS other
            FROM ledger_transfers
            WHERE code IN ('contribution_received', 'contribution_suspended', 'suspense_applied')
        ) AS booked ON cause_id = lines.id AND booked.payable = lines.payable
        WHERE (booked.amount, booked.code, cause_kind, booked.other)
            IS DISTINCT FROM (lines.amount, lines.code, 'allocation',
                CASE lines.code WHEN 'contribution_received' THEN 'bank_collection:'
                ELSE 'suspense:' END || lines.partner_id)""",
    "allocated lines with several transfers": """
        SELECT count(*) FROM (
            SELECT FROM ledger_transfers JOIN allocations ON allocations.id = cause_id
            WHERE code <> 'correction'
            GROUP BY cause_id, debit_account, credit_account HAVING count(*) > 1) AS doubled""",
    "payments that are not what the ledger received for them": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT payment_id, sum(received.amount) AS amount, min(debit_account) AS first,
                   max(debit_account) AS last
            FROM ledger_transfers AS received LEFT JOIN allocations ON allocations.id = cause_id
            WHERE code IN ('contribution_received', 'suspense_received') GROUP BY 1) AS received
            ON received.payment_id = payments.id
        WHERE (received.amount, first, last) IS DISTINCT FROM (payments.amount,
            'bank_collection:' || partner_id, 'bank_collection:' || partner_id)""",
    "partners whose suspense in the ledger is not what stands in suspense": """
        SELECT count(*) FROM (
            SELECT partner_id, sum(allocations.amount) AS amount
            FROM allocations JOIN payments ON payments.id = payment_id
            WHERE kind = 'suspense' GROUP BY 1) AS kept
        FULL JOIN (
            SELECT account, sum(amount) AS amount FROM (
                SELECT credit_account AS account, amount FROM ledger_transfers
                UNION ALL SELECT debit_account, -amount FROM ledger_transfers) AS moved
            WHERE account LIKE 'suspense:%' GROUP BY 1) AS booked
            ON account = 'suspense:' || partner_id
        WHERE coalesce(kept.amount, 0) <> coalesce(booked.amount, 0)""",
    "allocations without exactly one event, or events without their allocation": """
        SELECT count(*) FROM (
            SELECT id, amount FROM allocations WHERE kind = 'bill' AND amount > 0) AS booked
        FULL JOIN (
            SELECT (data ->> 'allocation_id')::uuid AS id,
                   max((data ->> 'amount')::bigint) AS amount, count(*) AS count
            FROM events WHERE type = 'payment.settled.v1' GROUP BY 1) AS published USING (id)
        WHERE (booked.amount, 1::bigint) IS DISTINCT FROM (published.amount, published.count)""",
    "allocations taken back without exactly one event, or such events without it": """
        SELECT count(*) FROM (
            SELECT reverses AS id FROM allocations WHERE kind = 'bill' AND amount < 0) AS booked
        FULL JOIN (
            SELECT (data ->> 'allocation_id')::uuid AS id, count(*) AS count
            FROM events WHERE type = 'allocation.reversed.v1' GROUP BY 1) AS published USING (id)
        WHERE booked.id IS NULL OR published.count IS DISTINCT FROM 1""",
    "declined allocations that still stand, or such in suspense without a declined answer": """
        SELECT count(*) FROM allocations
        LEFT JOIN allocations AS opposite ON opposite.reverses = allocations.id
        LEFT JOIN coverage_answers AS answer ON answer.allocation_id = allocations.id
        WHERE allocations.kind = 'bill' AND allocations.amount > 0
            AND (answer.outcome IS NOT DISTINCT FROM 'declined') <> (opposite.id IS NOT NULL)""",
    "statements that are not their lines, or lines of closed months on no statement": """
        SELECT count(*) FROM statements FULL JOIN (
            SELECT beneficiary_id, booked_month AS month, count(*) AS count, sum(parts) AS parts
            FROM commission_lines, commission_watermark
            LEFT JOIN month_closings AS closing
                ON closing.month = commission_watermark.closing AND closing.status = 'running'
            WHERE booked_month <= closed_through AND (closing.month IS DISTINCT FROM booked_month
                OR commission_lines.beneficiary_id <= closing.last_beneficiary_id)
            GROUP BY 1, 2) AS lines
            USING (beneficiary_id, month)
        WHERE (line_count, contribution_parts + acquisition_parts + override_parts)
            IS DISTINCT FROM (lines.count, lines.parts)""",
    "closed months that are not the sum of their statements, or not as their closing says": """
        SELECT count(*) FROM commission_months AS closed
        LEFT JOIN month_closings AS closing
            ON closing.month = closed.month AND closing.status = 'done'
        LEFT JOIN (
            SELECT month, count(*) AS count, sum(line_count) AS line_count,
                   sum(amount) AS amount
            FROM statements GROUP BY 1) AS stated ON stated.month = closed.month
        WHERE (closed.statement_count, closed.line_count, closed.amount) IS DISTINCT FROM
                (coalesce(stated.count, 0), coalesce(stated.line_count, 0),
                 coalesce(stated.amount, 0))
            OR closing.id IS NOT NULL AND (closing.closed_at, closing.statement_count)
                IS DISTINCT FROM (closed.closed_at, closed.statement_count)""",
    "closings that are running otherwise than the months say, or done without their month": """
        SELECT count(*) FROM month_closings AS closing CROSS JOIN commission_watermark
        LEFT JOIN commission_months AS closed ON closed.month = closing.month
        WHERE (closing.status = 'running') IS DISTINCT FROM
                (closing.status <> 'rejected'
                 AND closing.month IS NOT DISTINCT FROM commission_watermark.closing)
            OR (closing.status = 'done') IS DISTINCT FROM
                (closing.status <> 'rejected' AND closed.month IS NOT NULL)""",
    "beneficiaries whose statements are not the whole rupiah of all they earned": """
        SELECT count(*) FROM (
            SELECT beneficiary_id, sum(amount) AS amount,
                   (array_agg(total_parts ORDER BY month DESC))[1] AS total,
                   sum(contribution_parts + acquisition_parts + override_parts) AS parts
            FROM statements GROUP BY 1) AS stated
        WHERE amount <> floor(parts / 10000) OR total <> parts""",
    "statements that bring another debt than the one before carries": """
        SELECT count(*) FROM (
            SELECT brought_debt, set_off, lag(greatest(brought_debt - amount, 0), 1, 0)
                OVER (PARTITION BY beneficiary_id ORDER BY month) AS carried_debt
            FROM statements) AS stated
        WHERE brought_debt <> carried_debt - set_off""",
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
    "acquisitions that earn, and do not wait, in a month whose bonus is held or refused": """
        SELECT count(*) FROM (
            SELECT allocation_id, agent_id, earned_month AS month FROM commission_lines
            WHERE cause <> 'contribution'
            GROUP BY 1, 2, 3 HAVING sum(parts) <> 0) AS earning
        JOIN bonus_reviews AS review USING (agent_id, month)
        LEFT JOIN commission_waits AS wait USING (allocation_id)
        WHERE review.status <> 'released' AND wait.allocation_id IS NULL""",
    "bonuses refused without two people": """
        SELECT count(*) FROM bonus_reviews AS review LEFT JOIN bonus_review_steps AS confirmed
            ON review_id = review.id AND step = 'refusal_confirmed'
        WHERE (review.status = 'refused') <> (confirmed.id IS NOT NULL)
            OR taken_by = refusal_proposed_by""",
    "opposite lines that do not mirror the line before": """
        SELECT count(*) FROM commission_lines AS opposite LEFT JOIN commission_lines AS line
            ON line.allocation_id = opposite.allocation_id AND line.cause = opposite.cause
            AND line.contribution_month IS NOT DISTINCT FROM opposite.contribution_month
            AND line.programme IS NOT DISTINCT FROM opposite.programme
            AND line.rule = opposite.rule AND line.beneficiary_kind = opposite.beneficiary_kind
            AND line.entry_no = opposite.entry_no - 1
            AND line.beneficiary_id = opposite.beneficiary_id
            AND line.earned_month = opposite.earned_month AND line.parts = -opposite.parts
        WHERE opposite.entry_no > 1 AND opposite.base < 0 AND line.id IS NULL""",
    "commission lines that stand, of allocations that do not wait, for another agent or month "
    "than was answered": """
        SELECT count(*) FROM (
            SELECT DISTINCT ON (allocation_id, cause, contribution_month, programme, rule,
                                beneficiary_kind) *
            FROM commission_lines
            ORDER BY allocation_id, cause, contribution_month, programme, rule, beneficiary_kind,
                     entry_no DESC) AS line
        LEFT JOIN coverage_answers AS answer ON answer.allocation_id = line.allocation_id
            AND answer.agent_id = line.agent_id AND answer.member_id = line.member_id
            AND (line.beneficiary_kind = 'agent' OR answer.wadah_id = line.beneficiary_id)
            AND (line.contribution_month IS NULL OR answer.months ? line.contribution_month)
            AND to_char(answer.counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM')
                = line.earned_month
        WHERE line.base > 0 AND answer.allocation_id IS NULL
            AND NOT EXISTS (SELECT FROM commission_waits AS wait
                            WHERE wait.allocation_id = line.allocation_id)""",
    "contribution lines of another base than the paid line": """
        SELECT count(*) FROM commission_lines AS line
        JOIN allocations ON allocations.payment_id = line.payment_id
            AND allocations.id = line.allocation_id
        LEFT JOIN bill_lines ON bill_lines.bill_id = allocations.bill_id
            AND bill_lines.month = contribution_month AND bill_lines.programme = line.programme
        WHERE cause = 'contribution' AND bill_lines.amount IS DISTINCT FROM abs(line.base)""",
    "months whose stored sums are not those of all lines": """
        SELECT count(*) FROM commission_month_sums AS added
        FULL JOIN (
            SELECT booked_month AS month, count(*) AS count,
                   sum(parts) FILTER (WHERE beneficiary_kind = 'agent') AS agent_parts,
                   sum(parts) FILTER (WHERE beneficiary_kind = 'wadah') AS wadah_parts
            FROM commission_lines GROUP BY 1) AS booked USING (month)
        WHERE (line_count, added.agent_parts, added.wadah_parts) IS DISTINCT FROM
            (booked.count, coalesce(booked.agent_parts, 0), coalesce(booked.wadah_parts, 0))""",
    "commission lines of no allocation": """
        SELECT count(*) FROM commission_lines AS line
        LEFT JOIN allocations ON allocations.payment_id = line.payment_id
            AND allocations.id = line.allocation_id
        WHERE allocations.id IS NULL""",
    "answered allocations that neither wait nor are counted": """
        SELECT count(*) FROM coverage_answers AS answer
        JOIN allocations ON allocations.id = answer.allocation_id
        LEFT JOIN commission_waits USING (allocation_id), commission_watermark
        WHERE commission_waits.allocation_id IS NULL
            AND (counted_through IS NULL OR counted_through
                < to_char(answer.counts_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM'))""",
    "published settlements without an answer that do not wait for one": """
        SELECT count(*) FROM allocations
        JOIN events ON events.type = 'payment.settled.v1'
            AND (data ->> 'allocation_id')::uuid = allocations.id
        JOIN event_positions AS place ON place.event_id = events.id
        JOIN subscriptions ON name = 'commissions.payments'
            AND subscriptions.position >= place.position
        LEFT JOIN coverage_answers AS answer ON answer.allocation_id = allocations.id
        LEFT JOIN commission_waits AS wait ON wait.allocation_id = allocations.id
        WHERE answer.allocation_id IS NULL AND wait.allocation_id IS NULL""",
    "answers to another payment, bill or member than the allocation's": """
        SELECT count(*) FROM coverage_answers AS answer
        JOIN allocations ON allocations.id = answer.allocation_id
        WHERE (answer.payment_id, answer.bill_id, answer.member_id, 'bill') IS DISTINCT FROM
            (allocations.payment_id, allocations.bill_id, allocations.member_id, kind)""",
    "commission lines booked twice": """
        SELECT count(*) FROM (
            SELECT FROM commission_lines
            GROUP BY allocation_id, cause, contribution_month, programme, rule, beneficiary_kind,
                     entry_no
            HAVING count(*) > 1) AS doubled""",
}


async def find_faults(session: AsyncSession) -> list[str]:
    """Return what is wrong with the books, one sentence each; nothing when they hold.

    For tests, load and crash runs, and audits: it reads everything. Messages older than all
    partitions of today were archived, so that nothing leads to them.
    """
    await allow_minutes(session, ALL_MINUTES)
    attached = await list_attached(session, CALLBACKS)
    oldest = attached[0].low if attached else None
    since = UUID(int=0) if oldest is None else UUID(CALLBACKS.format_bound(oldest))
    counted = {}
    further = hold_checks.COUNTS | tax_checks.COUNTS | payout_checks.COUNTS
    for what, query in (_COUNTS | further).items():
        named = {"callbacks_since": since} if ":callbacks_since" in query else {}
        counted[what] = await session.scalar(text(query), named)
    found = [f"{count} {what}" for what, count in counted.items() if count]
    return [*found, *await ledger.find_faults(session)]
