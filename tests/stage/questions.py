"""What the tables are asked after whatever happened."""

PAYMENT = {
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
COVERED_MONTHS = "SELECT member_id, month, programme, payment_id FROM coverage_months"
AGENTS_PAYMENTS = "SELECT id, agent_id FROM payments WHERE agent_id IS NOT NULL"
AGENTS_ACTIVITY = "SELECT id, agent_id FROM activity_facts WHERE kind = 'contribution'"
ATTRIBUTIONS = """
    SELECT id, member_id, agent_id, wadah_id, from_month FROM attributions
    WHERE agent_id IS NOT NULL
"""
KNOWN_ATTRIBUTIONS = """
    SELECT id, member_id, agent_id, wadah_id, from_month FROM commission_attributions
"""
BALANCES = """
    SELECT account, sum(amount)::bigint AS balance FROM (
        SELECT debit_account AS account, amount FROM ledger_transfers
        UNION ALL SELECT credit_account, -amount FROM ledger_transfers) AS moved
    GROUP BY account
"""
