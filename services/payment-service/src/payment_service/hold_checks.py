"""Whether what is held of statements is decided by two people, and booked as they decided.

Part of `checks`.
"""

COUNTS = {
    "held statements that are not what their statement gives, or held twice": """
        SELECT count(*) FROM held_statements AS held JOIN incentive_holds ON hold_id
                = incentive_holds.id
        LEFT JOIN statements ON statements.id = held.statement_id
            AND statements.month = held.month
            AND statements.beneficiary_id = incentive_holds.beneficiary_id
        WHERE held.amount IS DISTINCT FROM statements.amount - brought_debt
            OR status <> 'released' AND EXISTS (
                SELECT FROM held_statements AS other JOIN incentive_holds AS another
                    ON another.id = other.hold_id
                WHERE other.statement_id = held.statement_id AND another.status <> 'released'
                    AND another.id <> incentive_holds.id)""",
    "holds decided without two people": """
        SELECT count(*) FROM incentive_holds AS hold LEFT JOIN incentive_hold_proposals AS proposal
            ON proposal.hold_id = hold.id AND proposal.status = 'approved'
        LEFT JOIN forfeit_reversals AS reversal
            ON reversal.hold_id = hold.id AND reversal.status = 'approved'
        WHERE hold.status <> CASE WHEN reversal.id IS NOT NULL THEN 'released'
                WHEN verdict = 'release' THEN 'released'
                WHEN verdict = 'forfeit' THEN 'forfeited' ELSE 'open' END
            OR proposal.decided_by = proposal.proposed_by
            OR reversal.decided_by = reversal.proposed_by
            OR reversal.id IS NOT NULL AND verdict IS DISTINCT FROM 'forfeit'""",
    "forfeited statements without their transfer, or transfers without them": """
        SELECT count(*) FROM (
            SELECT statement_id AS id, amount, 'incentive_payable:' || beneficiary_id AS debit,
                   'incentive_expense:' || month AS credit
            FROM held_statements JOIN incentive_holds ON incentive_holds.id = hold_id
            WHERE status = 'forfeited') AS lost
        FULL JOIN (
            SELECT * FROM ledger_transfers AS forfeit WHERE code = 'incentive_forfeited'
                AND NOT EXISTS (
                    SELECT FROM ledger_transfers WHERE correction_of = forfeit.id)) AS booked
            ON cause_id = lost.id
        WHERE (booked.amount, debit_account, credit_account)
            IS DISTINCT FROM (lost.amount, debit, credit)""",
    "held statements that make up for more than they are, or for the debt of another": """
        SELECT count(*) FROM (
            SELECT hold_id, statement_id, sum(amount) AS amount, min(beneficiary_id::text) AS first,
                   max(beneficiary_id::text) AS last
            FROM forfeit_set_offs GROUP BY 1, 2) AS used
        LEFT JOIN held_statements AS held USING (hold_id, statement_id)
        LEFT JOIN incentive_holds AS hold ON hold.id = hold_id
        WHERE used.amount > coalesce(held.amount, 0)
            OR (first, last) IS DISTINCT FROM
                (hold.beneficiary_id::text, hold.beneficiary_id::text)""",
    "set-offs of forfeits without their transfer, or transfers without them": """
        SELECT count(*) FROM (
            SELECT used.id, used.amount, 'incentive_expense:' || month AS debit,
                   'incentive_payable:' || used.beneficiary_id AS credit, hold.status
            FROM forfeit_set_offs AS used
            JOIN held_statements AS held USING (hold_id, statement_id)
            JOIN incentive_holds AS hold ON hold.id = hold_id
            WHERE hold.status = 'forfeited' OR EXISTS (
                SELECT FROM forfeit_reversals AS reversal
                WHERE reversal.hold_id = hold.id AND reversal.status = 'approved')) AS used
        FULL JOIN (
            SELECT booked.*, EXISTS (
                SELECT FROM ledger_transfers WHERE correction_of = booked.id) AS is_corrected
            FROM ledger_transfers AS booked WHERE code = 'incentive_set_off') AS booked
            ON cause_id = used.id AND cause_kind = 'forfeit_set_off'
        WHERE (booked.amount, debit_account, credit_account, is_corrected)
            IS DISTINCT FROM (used.amount, debit, credit, status <> 'forfeited')""",
}
