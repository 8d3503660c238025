"""Whether statements are paid once, as the ledger says, and the rest is still owed.

Part of `checks`.
"""


def _booked(code: str, statuses: str) -> str:
    debit, credit = "'incentive_payable:' || item.beneficiary_id", "'operating_bank'"
    if code == "incentive_returned":
        debit, credit = credit, debit
    return f"""
        SELECT count(*) FROM (
            SELECT item.id, item.gross - item.tax AS net, {debit} AS debit, {credit} AS credit
            FROM payout_items AS item JOIN payouts ON payouts.id = item.payout_id
            WHERE payouts.status IN ({statuses}) AND item.gross > item.tax) AS item
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = '{code}') AS booked
            ON booked.cause_id = item.id
        WHERE (net, debit, credit)
            IS DISTINCT FROM (booked.amount, booked.debit_account, booked.credit_account)"""  # noqa: S608 - ours


def _published(event: str, statuses: str) -> str:
    return f"""
        SELECT count(*) FROM (
            SELECT id FROM payouts WHERE status IN ({statuses}) AND payee_kind <> 'treasury'
            ) AS moved
        FULL JOIN (
            SELECT (data ->> 'payout_id')::uuid AS id, count(*) AS count FROM events
            WHERE type = '{event}' GROUP BY 1) AS published ON published.id = moved.id
        WHERE coalesce(published.count, 0) <> 1"""  # noqa: S608 - ours


def _published_for_agents(event: str, statuses: str) -> str:
    """Compare agents' parts with their events, since the first of them: older versions sent none.

    An event that is there twice has twice the amount. What came back before anybody knew it paid
    has only the event of its return.
    """
    return f"""
        WITH sent AS (
            SELECT (data ->> 'payout_id')::uuid AS payout_id,
                   (data ->> 'agent_id')::uuid AS agent_id,
                   sum((data ->> 'amount')::bigint) AS amount
            FROM events WHERE type = '{event}' GROUP BY 1, 2)
        SELECT count(*) FROM (
            SELECT payout_id, beneficiary_id AS agent_id, sum(item.gross - item.tax) AS amount,
                   '{event}' = 'payout.paid_for_agent.v1' AND min(payouts.status) = 'returned'
                       AS may_be_silent
            FROM payout_items AS item JOIN payouts ON payouts.id = item.payout_id
            WHERE payouts.status IN ({statuses}) AND payee_kind = 'wadah'
                AND beneficiary_kind = 'agent' AND item.gross > item.tax
                AND settled_at >= (
                    SELECT min(settled_at) FROM payouts
                    WHERE id IN (SELECT payout_id FROM sent))
            GROUP BY 1, 2) AS part
        FULL JOIN sent USING (payout_id, agent_id)
        WHERE part.amount IS DISTINCT FROM sent.amount
            AND NOT (sent.amount IS NULL AND may_be_silent)"""  # noqa: S608 - ours


COUNTS = {
    "statements with two live payout items": """
        SELECT count(*) FROM (
            SELECT FROM payout_items WHERE is_live GROUP BY statement_id HAVING count(*) > 1
            ) AS doubled""",
    "payout items that are live though their payout is over, or freed though it is not": """
        SELECT count(*) FROM payout_items AS item JOIN payouts ON payouts.id = item.payout_id
        WHERE item.is_live <> (payouts.withdrawn_at IS NULL AND payouts.status <> 'returned')""",
    "payouts that are not the sum of their items": """
        SELECT count(*) FROM payouts LEFT JOIN (
            SELECT payout_id, sum(gross) AS gross, sum(tax) AS tax FROM payout_items GROUP BY 1
            ) AS item ON item.payout_id = payouts.id
        WHERE payee_kind <> 'treasury'
            AND (payouts.gross, payouts.tax) IS DISTINCT FROM (item.gross, item.tax)""",
    "payouts of tax that are not their remittance": """
        SELECT count(*) FROM (SELECT * FROM payouts WHERE payee_kind = 'treasury') AS payout
        FULL JOIN payout_remittances AS tax ON tax.payout_id = payout.id
        WHERE (payout.amount, payout.month) IS DISTINCT FROM (tax.amount, tax.month)""",
    "payout items that are not what their statement owes": """
        SELECT count(*) FROM payout_items AS item
        JOIN statements ON statements.id = item.statement_id
        WHERE (item.gross + item.set_off, item.beneficiary_id, item.month) IS DISTINCT FROM
            (statements.amount - brought_debt, statements.beneficiary_id, statements.month)""",
    "beneficiaries of whom payouts and forfeits have deducted more than their debt": """
        SELECT count(*) FROM (
            SELECT beneficiary_id, sum(set_off) AS known,
                   (array_agg(greatest(brought_debt - amount, 0) ORDER BY month DESC))[1] AS debt
            FROM statements GROUP BY 1) AS stated
        LEFT JOIN (
            SELECT beneficiary_id, sum(set_off) AS deducted FROM (
                SELECT beneficiary_id, set_off FROM payout_items WHERE is_live
                UNION ALL
                SELECT used.beneficiary_id, amount FROM forfeit_set_offs AS used
                JOIN incentive_holds AS hold ON hold.id = hold_id AND status <> 'released'
                ) AS each GROUP BY 1) AS paid USING (beneficiary_id)
        WHERE debt - (coalesce(deducted, 0) - known) < 0""",
    "payouts whose tax is not the one computed": """
        SELECT count(*) FROM payout_items AS item FULL JOIN tax_computation_items AS computed
            ON computed.item_id = item.id
        WHERE (item.gross, item.tax) IS DISTINCT FROM (computed.gross, computed.amount)""",
    "paid payouts whose tax is not withheld, or withheld though they are not": """
        SELECT count(*) FROM (
            SELECT * FROM payouts WHERE status IN ('paid', 'returned') AND payee_kind <> 'treasury'
            ) AS payout
        FULL JOIN (
            SELECT payout_id, sum(amount) FILTER (WHERE cause = 'paid') AS paid,
                   sum(amount) AS kept
            FROM withholdings GROUP BY 1) AS held ON held.payout_id = payout.id
        WHERE (payout.tax, CASE payout.status WHEN 'paid' THEN payout.tax ELSE 0 END)
            IS DISTINCT FROM (held.paid, held.kept)""",
    "paid items that are booked otherwise": _booked("incentive_paid", "'paid', 'returned'"),
    "returned items that are booked otherwise": _booked("incentive_returned", "'returned'"),
    "beneficiaries who are owed otherwise than statements, payouts and forfeits say": """
        SELECT count(*) FROM (
            SELECT beneficiary_id, sum(amount) AS amount FROM (
                SELECT beneficiary_id, amount FROM statements
                UNION ALL
                SELECT item.beneficiary_id, -item.gross FROM payout_items AS item
                JOIN payouts ON payouts.id = item.payout_id WHERE payouts.status = 'paid'
                UNION ALL
                SELECT hold.beneficiary_id, -held.amount FROM held_statements AS held
                JOIN incentive_holds AS hold ON hold.id = held.hold_id
                WHERE hold.status = 'forfeited'
                UNION ALL
                SELECT used.beneficiary_id, used.amount FROM forfeit_set_offs AS used
                JOIN incentive_holds AS hold ON hold.id = used.hold_id
                WHERE hold.status = 'forfeited') AS each GROUP BY 1) AS owed
        FULL JOIN (
            SELECT substr(account, length('incentive_payable:') + 1)::uuid AS beneficiary_id,
                   sum(amount) AS amount
            FROM (SELECT credit_account AS account, amount FROM ledger_transfers
                  UNION ALL SELECT debit_account, -amount FROM ledger_transfers) AS moved
            WHERE account LIKE 'incentive_payable:%' GROUP BY 1) AS booked USING (beneficiary_id)
        WHERE coalesce(owed.amount, 0) <> coalesce(booked.amount, 0)""",
    "items that are booked on another day than the bank's": """
        SELECT count(*) FROM ledger_transfers AS booked
        JOIN payout_items AS item ON item.id = booked.cause_id
        JOIN payout_transfers AS attempt USING (payout_id)
        JOIN payout_transfer_changes AS change ON change.transfer_id = attempt.id
        WHERE change.executed_on <> booked.business_on AND (booked.code, change.status) IN (
            ('incentive_paid', 'paid'), ('tax_withheld', 'paid'),
            ('incentive_returned', 'returned'), ('tax_released', 'returned'))""",
    "tax remittances of another day than the bank's": """
        SELECT count(*) FROM tax_remittances AS remitted
        JOIN payout_transfers AS attempt
            ON attempt.payout_id = coalesce(remitted.reverses, remitted.id)
        JOIN payout_transfer_changes AS change ON change.transfer_id = attempt.id
            AND change.status = CASE WHEN reverses IS NULL THEN 'paid' ELSE 'returned' END
        WHERE change.executed_on <> remitted_on""",
    "days of banks before a transfer was sent, or after the day on which they were learnt": """
        SELECT count(*) FROM payout_transfer_changes AS change
        JOIN payout_transfers AS attempt ON attempt.id = change.transfer_id
        WHERE executed_on NOT BETWEEN (sent_at AT TIME ZONE 'Asia/Jakarta')::date
            AND (changed_at AT TIME ZONE 'Asia/Jakarta')::date""",
    "statements that are both forfeited, or held, and sent to a bank": """
        SELECT count(*) FROM payout_items AS item JOIN payouts ON payouts.id = item.payout_id
        JOIN held_statements AS held USING (statement_id)
        JOIN incentive_holds AS hold ON hold.id = held.hold_id AND hold.status <> 'released'
        WHERE item.is_live AND payouts.status IN ('sent', 'unknown', 'paid')""",
    "payouts whose status is not that of their last attempt": """
        SELECT count(*) FROM payouts LEFT JOIN LATERAL (
            SELECT status FROM payout_transfers WHERE payout_id = payouts.id
            ORDER BY attempt DESC LIMIT 1) AS last ON true
        WHERE payouts.status <> coalesce(last.status, 'created')""",
    "payouts with more than one attempt that may have paid": """
        SELECT count(*) FROM (
            SELECT FROM payout_transfers WHERE status NOT IN ('failed', 'returned')
            GROUP BY payout_id HAVING count(*) > 1) AS doubled""",
    "attempts of another amount or account than their payout's": """
        SELECT count(*) FROM payout_transfers AS attempt
        JOIN payouts ON payouts.id = attempt.payout_id
        WHERE (attempt.amount, attempt.payout_account_id)
            IS DISTINCT FROM (payouts.amount, payouts.payout_account_id)""",
    "attempts whose last change is another one": """
        SELECT count(*) FROM payout_transfers AS attempt LEFT JOIN LATERAL (
            SELECT status FROM payout_transfer_changes WHERE transfer_id = attempt.id
            ORDER BY id DESC LIMIT 1) AS last ON true
        WHERE attempt.status IS DISTINCT FROM last.status""",
    "payouts with attempts whose run was not released": """
        SELECT count(*) FROM payout_transfers AS attempt
        JOIN payouts ON payouts.id = attempt.payout_id
        JOIN payout_runs AS run ON run.id = payouts.run_id
        WHERE run.released_at IS NULL""",
    "returned payouts that were not published once": _published("payout.returned.v1", "'returned'"),
    "paid payouts that were not published once": """
        SELECT count(*) FROM (
            SELECT * FROM payouts WHERE status IN ('paid', 'returned') AND payee_kind <> 'treasury'
            ) AS moved
        FULL JOIN (
            SELECT (data ->> 'payout_id')::uuid AS id, count(*) AS count FROM events
            WHERE type = 'payout.paid.v1' GROUP BY 1) AS published ON published.id = moved.id
        WHERE moved.id IS NULL OR published.count > 1
            OR (published.count IS NULL AND moved.status = 'paid')""",
    "agents' parts of paid payouts that were not published once": _published_for_agents(
        "payout.paid_for_agent.v1", "'paid', 'returned'"
    ),
    "agents' parts of returned payouts that were not published once": _published_for_agents(
        "payout.returned_for_agent.v1", "'returned'"
    ),
}
