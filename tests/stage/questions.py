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
    "paid bills without one allocation of their amount": """
        SELECT count(*) FROM bills FULL JOIN (
            SELECT * FROM allocations WHERE kind = 'bill' AND amount > 0
        ) AS paid ON bill_id = bills.id
        WHERE (bills.status = 'paid' AND paid.amount = bills.amount)
            IS DISTINCT FROM (paid.id IS NOT NULL)""",
    "payments that differ from their allocations": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT payment_id, sum(amount) AS amount FROM allocations GROUP BY 1
        ) AS used ON payment_id = payments.id
        WHERE payments.amount IS DISTINCT FROM used.amount""",
    "bills that differ from their lines": """
        SELECT count(*) FROM bills LEFT JOIN (
            SELECT bill_id, sum(amount) AS amount FROM bill_lines GROUP BY 1
        ) AS lines ON bill_id = bills.id
        WHERE bills.amount IS DISTINCT FROM lines.amount""",
    "payments that differ from their transfers, or transfers of no payment": """
        SELECT count(*) FROM payments FULL JOIN (
            SELECT payment_id, sum(moved.amount) AS amount FROM ledger_transfers AS moved
            LEFT JOIN allocations ON allocations.id = cause_id
            WHERE code IN ('contribution_received', 'suspense_received')
                AND cause_kind = 'allocation' GROUP BY 1
        ) AS moved ON payment_id = payments.id
        WHERE payments.amount IS DISTINCT FROM moved.amount""",
    "months owed to BPJS that no standing allocation pays, or the other way round": """
        SELECT count(*) FROM (
            SELECT 'bpjs_payable:' || programme || ':' || month AS account,
                   sum(sign(allocations.amount) * bill_lines.amount) AS amount
            FROM allocations JOIN bill_lines USING (bill_id) WHERE kind = 'bill' GROUP BY 1
        ) AS paid FULL JOIN (
            SELECT account, sum(amount) AS amount FROM (
                SELECT credit_account AS account, amount FROM ledger_transfers
                UNION ALL SELECT debit_account, -amount FROM ledger_transfers) AS moved
            WHERE account LIKE 'bpjs_payable:%' GROUP BY 1
        ) AS owed USING (account)
        WHERE coalesce(paid.amount, 0) <> coalesce(owed.amount, 0)""",
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
    "allocations without an answer, or whose commission is not computed": """
        SELECT count(*) FROM allocations LEFT JOIN coverage_answers AS answer
            ON answer.allocation_id = allocations.id LEFT JOIN commission_waits AS wait
            ON wait.allocation_id = allocations.id
        WHERE kind = 'bill' AND amount > 0
            AND (answer.allocation_id IS NULL OR wait.allocation_id IS NOT NULL)""",
    "allocations not published once": """
        SELECT count(*) FROM (
            SELECT id FROM allocations WHERE kind = 'bill' AND amount > 0
        ) AS paid FULL JOIN (
            SELECT (data ->> 'allocation_id')::uuid AS id, count(*) FROM events
            WHERE type = 'payment.settled.v1' GROUP BY 1
        ) AS published USING (id)
        WHERE paid.id IS NULL OR published.count IS DISTINCT FROM 1""",
    "programmes of a month that a member paid twice": """
        SELECT count(*) FROM (
            SELECT FROM allocations JOIN bill_lines USING (bill_id) WHERE kind = 'bill'
            GROUP BY member_id, month, programme HAVING sum(sign(allocations.amount)) > 1
        ) AS twice""",
}
"""Of the database of payment-service; each counts what must not be there."""

EVERYWHERE = {
    "parked events": "SELECT count(*) FROM parked_events",
    "places in the feed without an event": """
        SELECT coalesce(max(place.position), 0) - count(place.position)
        FROM event_positions AS place JOIN events ON id = event_id""",
}
"""The same of every database."""

PAID_MONTHS = """
    SELECT member_id, bill_lines.month, programme, allocations.id
    FROM allocations JOIN bill_lines USING (bill_id) WHERE kind = 'bill' AND allocations.amount > 0
        AND NOT EXISTS (SELECT FROM allocations AS opposite
                        WHERE opposite.reverses = allocations.id)
"""
COVERED_MONTHS = """
    SELECT member_id, line.month, line.programme, id
    FROM allocations, unnest(months, programmes) AS line (month, programme)
    WHERE id NOT IN (SELECT id FROM allocation_reversals)
"""
ANSWERS = """
    SELECT DISTINCT ON (data ->> 'allocation_id')
           (data ->> 'allocation_id')::uuid AS id, (data ->> 'answer_no')::bigint AS answer_no,
           (data ->> 'agent_id')::uuid AS agent_id
    FROM events WHERE type LIKE 'coverage.%'
    ORDER BY data ->> 'allocation_id', answer_no DESC
"""
KNOWN_ANSWERS = "SELECT allocation_id, answer_no, agent_id FROM coverage_answers"
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
