"""Whether taxes are withheld, booked and remitted as computed; part of `checks`."""

_SAME = """(computed.payout_id, computed.beneficiary_id, computed.kind, computed.surcharged,
            computed.table_version, computed.gross, computed.base, computed.amount)"""


def _booked(code: str, cause: str) -> str:
    debit, credit = (
        "'incentive_payable:' || held.beneficiary_id",
        "'tax_payable:' || held.kind || ':' || held.month",
    )
    if cause == "returned":
        debit, credit = credit, debit
    return f"""
        SELECT count(*) FROM (
            SELECT item_id, item.amount, held.paid_on, {debit} AS debit, {credit} AS credit
            FROM withholdings AS held JOIN tax_computation_items AS item USING (computation_id)
            WHERE held.cause = '{cause}' AND item.amount > 0) AS item
        FULL JOIN (SELECT * FROM ledger_transfers WHERE code = '{code}') AS booked
            ON booked.cause_id = item.item_id
        WHERE (item.amount, item.paid_on, debit, credit) IS DISTINCT FROM (booked.amount,
            booked.business_on, booked.debit_account, booked.credit_account)"""  # noqa: S608 - ours


COUNTS = {
    "tax computations that are not the sum of their items": """
        SELECT count(*) FROM tax_computations AS computed LEFT JOIN (
            SELECT computation_id, sum(gross) AS gross, sum(amount) AS amount
            FROM tax_computation_items GROUP BY 1) AS item ON item.computation_id = computed.id
        WHERE (computed.gross, computed.amount) IS DISTINCT FROM (item.gross, item.amount)""",
    "withholdings that are not as they were computed": f"""
        SELECT count(*) FROM withholdings AS held
        JOIN tax_computations AS computed ON computed.id = held.computation_id
        WHERE {_SAME} IS DISTINCT FROM (held.payout_id, held.beneficiary_id, held.kind,
            held.surcharged, held.table_version, abs(held.gross), abs(held.base),
            abs(held.amount))""",  # noqa: S608 - our own names
    "withholdings taken back otherwise than they were": """
        SELECT count(*) FROM withholdings AS opposite JOIN withholdings AS first
            ON first.id = opposite.reverses
        WHERE (first.cause, first.computation_id, first.month, first.gross, first.base,
               first.amount)
            IS DISTINCT FROM ('paid', opposite.computation_id, opposite.month, -opposite.gross,
                -opposite.base, -opposite.amount)""",
    "items whose withheld tax is booked otherwise": _booked("tax_withheld", "paid"),
    "items whose released tax is booked otherwise": _booked("tax_released", "returned"),
    "tax remittances that are booked otherwise": """
        SELECT count(*) FROM tax_remittances AS paid FULL JOIN (
            SELECT * FROM ledger_transfers WHERE cause_kind = 'tax_remittance') AS booked
            ON booked.cause_id = coalesce(paid.reverses, paid.id)
            AND (booked.correction_of IS NULL) = (paid.reverses IS NULL)
        WHERE (abs(paid.amount), paid.remitted_on, 'tax_payable:' || paid.kind || ':' || paid.month)
            IS DISTINCT FROM (booked.amount, booked.business_on,
                CASE WHEN paid.amount > 0 THEN booked.debit_account
                     ELSE booked.credit_account END)""",
}
