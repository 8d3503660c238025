"""What the tables are asked after whatever happened."""

PAYMENT = {
    "payments without one settled callback": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT payment_id, count(*) FROM callbacks WHERE verdict = 'settled' GROUP BY 1
        ) AS settled ON payment_id = payments.id
        WHERE payments.id IS NULL OR settled.count IS DISTINCT FROM 1""",
    "settled callbacks of another bank or request than their payment": """
        SELECT count(*) FROM callbacks JOIN payments ON payments.id = payment_id
        WHERE verdict = 'settled' AND (payments.partner_id <> callbacks.partner_id
            OR payments.payment_request_id <> callbacks.request_id)""",
    "answers of success to a payment that is not booked": """
        SELECT count(*) FROM callbacks LEFT JOIN payments
            ON payments.partner_id = callbacks.partner_id
            AND payments.payment_request_id = callbacks.request_id
        WHERE response_code = '2002500' AND payments.id IS NULL""",
    "paid bills without one payment of their amount": """
        SELECT count(*) FROM bills FULL JOIN payments ON bill_id = bills.id
        WHERE (bills.status = 'paid' AND payments.amount = bills.amount)
            IS DISTINCT FROM (payments.id IS NOT NULL)""",
    "bills that differ from their lines": """
        SELECT count(*) FROM bills LEFT JOIN (
            SELECT bill_id, sum(amount) AS amount FROM bill_lines GROUP BY 1
        ) AS lines ON bill_id = bills.id
        WHERE bills.amount IS DISTINCT FROM lines.amount""",
    "payments that differ from their transfers, or transfers of no payment": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT cause_id, sum(amount) AS amount FROM ledger_transfers
            WHERE code = 'contribution_received' AND cause_kind = 'payment' GROUP BY 1
        ) AS moved ON cause_id = payments.id
        WHERE payments.amount IS DISTINCT FROM moved.amount""",
    "incentives owed by no statement, or statements that are not owed": """
        SELECT count(*) FROM (SELECT * FROM statements WHERE amount <> 0) AS stated
        FULL JOIN (
            SELECT cause_id,
                   CASE code WHEN 'incentive_accrued' THEN amount ELSE -amount END AS amount
            FROM ledger_transfers WHERE code IN ('incentive_accrued', 'incentive_reversed')
                AND cause_kind = 'statement'
        ) AS owed ON cause_id = stated.id
        WHERE owed.amount IS DISTINCT FROM stated.amount""",
    "statements that differ from their lines": """
        SELECT count(*) FROM statements LEFT JOIN (
            SELECT beneficiary_id, booked_month AS month, count(*) FROM commission_lines
            GROUP BY 1, 2
        ) AS lines USING (beneficiary_id, month)
        WHERE line_count IS DISTINCT FROM lines.count""",
    "payments without an answer, or whose commission is not computed": """
        SELECT count(*) FROM payments LEFT JOIN coverage_answers AS answer
            ON answer.payment_id = payments.id LEFT JOIN commission_waits AS wait
            ON wait.payment_id = payments.id
        WHERE answer.payment_id IS NULL OR wait.payment_id IS NOT NULL""",
    "payments not published once": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT (data ->> 'payment_id')::uuid AS payment_id, count(*) FROM events
            WHERE type = 'payment.settled.v1' GROUP BY 1
        ) AS published ON payment_id = payments.id
        WHERE payments.id IS NULL OR published.count IS DISTINCT FROM 1""",
    "programmes of a month that a member paid twice": """
        SELECT count(*) FROM (
            SELECT FROM payments JOIN bill_lines USING (bill_id)
            GROUP BY member_id, month, programme HAVING count(*) > 1) AS twice""",
}
"""Of the database of payment-service; each counts what must not be there."""

EVERYWHERE = {
    "parked events": "SELECT count(*) FROM parked_events",
    "places in the feed without an event": """
        SELECT coalesce(max(position), 0) - count(position) FROM events""",
}
"""The same of every database."""

PAID_MONTHS = """
    SELECT bills.member_id, bill_lines.month, programme, payments.id AS payment_id
    FROM payments JOIN bills ON bills.id = bill_id JOIN bill_lines USING (bill_id)
"""
COVERED_MONTHS = """
    SELECT member_id, line.month, line.programme, id AS payment_id
    FROM allocations, unnest(months, programmes) AS line (month, programme)
"""
ANSWERS = """
    SELECT DISTINCT ON (data ->> 'payment_id')
           (data ->> 'payment_id')::uuid AS id, (data ->> 'answer_no')::bigint AS answer_no,
           (data ->> 'agent_id')::uuid AS agent_id
    FROM events WHERE type LIKE 'coverage.%'
    ORDER BY data ->> 'payment_id', answer_no DESC
"""
KNOWN_ANSWERS = "SELECT payment_id, answer_no, agent_id FROM coverage_answers"
DECISIONS = """
    SELECT (data ->> 'agent_id')::uuid AS agent_id, (data ->> 'decided_at')::timestamptz AS at
    FROM events WHERE type IN ('agent.activated.v1', 'agent.reinstated.v1', 'agent.suspended.v1',
                               'agent.dismissed.v1')
"""
KNOWN_DECISIONS = "SELECT agent_id, decided_at FROM agent_decisions"
BALANCES = """
    SELECT account, sum(amount)::bigint AS balance FROM (
        SELECT debit_account AS account, amount FROM ledger_transfers
        UNION ALL SELECT credit_account, -amount FROM ledger_transfers) AS moved
    GROUP BY account
"""
